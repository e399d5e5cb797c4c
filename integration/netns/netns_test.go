package netns

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTwoNodesReachEachOther(t *testing.T) {
	a, b := Host(t, "a"), Host(t, "b")
	if err := Connect(End{a, "eth0", "52:54:00:d6:c2:a9"}, End{Node: b, Name: "eth0"}); err != nil {
		t.Fatal(err)
	}
	if err := a.IP("addr add 2001:db8::1/64 dev eth0 nodad", "addr add 192.0.2.1/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	if err := b.IP("addr add 2001:db8::2/64 dev eth0 nodad", "addr add 192.0.2.2/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, dst := range []string{"2001:db8::1", "192.0.2.1"} {
		if _, err := b.Ping(ctx, netip.MustParseAddr(dst)); err != nil {
			t.Error(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := b.Ping(short, netip.MustParseAddr("2001:db8::99")); err == nil {
		t.Error("an address that nobody has answers")
	}
	out, err := a.Run("ip", "-o", "link", "show", "eth0")
	if err != nil || !strings.Contains(out, "52:54:00:d6:c2:a9") {
		t.Errorf("MAC address: %v\n%s", err, out)
	}
}

func TestNodesAreApartFromTheMachine(t *testing.T) {
	before, err := os.ReadDir("/sys/class/net")
	if err != nil {
		t.Fatal(err)
	}
	a := Host(t, "a")
	if err := a.IP("link add br7 type bridge"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Run("sh", "-c", "echo hello >/run/netns-test; hostname"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/run/netns-test"); err == nil {
		t.Error("a file in a node's /run is in the machine's")
	}
	if b, err := os.ReadFile(filepath.Join(a.Root(), "run/netns-test")); err != nil || string(b) != "hello\n" {
		t.Errorf("through Root: %q, %v", b, err)
	}
	after, err := os.ReadDir("/sys/class/net")
	if err != nil || len(after) != len(before) {
		t.Errorf("links of the machine: %v before, %v after", before, after)
	}
}

func TestCloseEndsDaemons(t *testing.T) {
	a := Host(t, "a")
	if _, err := a.Run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"); err != nil {
		t.Fatal(err)
	}
	if got := a.pids(); len(got) == 0 {
		t.Fatal("the daemon is not seen")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := a.pids(); len(got) != 0 {
		t.Fatalf("still there: %v", got)
	}
	if _, err := a.Run("true"); err == nil {
		t.Fatal("a closed node runs commands")
	}
}
