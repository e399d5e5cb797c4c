package lease

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// childDir makes the test binary a process that writes to the store in this directory until it is killed.
const childDir = "SIXFOLD_LEASE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, child(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const childClients = 32

// child renews leases for ever and prints "client number" of each that was acknowledged.
func child(dir string) error {
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	s.least = 100_000
	s.limit = s.threshold()
	result := make(chan error, childClients+1)
	go func() { result <- s.Run(context.Background()) }()
	var out sync.Mutex
	for c := range childClients {
		go func() {
			i := 0
			if l, ok := s.ByPrefix(delegated(c).Prefix); ok {
				i = int(l.Updated.Sub(epoch).Seconds())
			}
			for {
				i++
				l := renewed(c, i)
				l.Contact = contactOf(c)
				if err := s.CommitWait(context.Background(), Change{Put: []Lease{l}}); err != nil {
					result <- err
					return
				}
				out.Lock()
				fmt.Println(c, i)
				out.Unlock()
			}
		}()
	}
	return <-result
}

// contactOf is how the client with the number can be told to renew.
func contactOf(client int) *Contact {
	return &Contact{Key: [16]byte{1, 15: byte(client)}, Path: []byte{byte(client), 0}}
}

// kill -9 at any moment loses no lease that was acknowledged, and the lock goes with the process.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := make(map[int]int)
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for r := bufio.NewScanner(out); r.Scan(); lines++ {
			if lines == 500+2500*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			var client, i int
			if n, err := fmt.Sscan(r.Text(), &client, &i); n == 2 && err == nil { // the last line may be cut short
				acked[client] = max(acked[client], i)
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if lines < 500+2500*round {
			t.Fatalf("the child acknowledged only %d leases before it died", lines)
		}
		s := mustOpen(t, dir)
		for client, want := range acked {
			l, ok := s.ByPrefix(delegated(client).Prefix)
			if got := int(l.Updated.Sub(epoch).Seconds()); !ok || got < want || got > want+1 {
				t.Errorf("round %d: client %d has %d (%v), acknowledged was %d", round, client, got, ok, want)
			}
			if diff := cmp.Diff(contactOf(client), l.Contact); diff != "" {
				t.Errorf("round %d: contact of client %d (-want +got):\n%s", round, client, diff)
			}
		}
		if s.Len() > childClients {
			t.Errorf("round %d: %d leases of %d clients", round, s.Len(), childClients)
		}
		s.Close()
	}
	if len(acked) != childClients {
		t.Errorf("only %d of %d clients were acknowledged", len(acked), childClients)
	}
}
