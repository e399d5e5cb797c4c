package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/router/config"
)

// The test binary is also the client that other users run.
const (
	clientSocket = "SIXFOLD_TEST_SOCKET"
	clientDoes   = "SIXFOLD_TEST_DOES"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(clientSocket); path != "" {
		if err := clientMain(path, os.Getenv(clientDoes)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func clientMain(path, does string) error {
	if does == "connections" {
		return countConnections(path)
	}
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, methods := allMethods()
	for _, m := range methods {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		s := status.Convert(callAny(ctx, conn, m))
		cancel()
		fmt.Printf("%s\t%s\t%s\n", m, codeName(s.Code()), strings.ReplaceAll(s.Message(), "\n", " "))
	}
	return nil
}

// countConnections opens more connections than a user may have, and prints how many of them the server speaks on.
func countConnections(path string) error {
	var conns []net.Conn
	for range maxPerUser + 10 {
		c, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer c.Close()
		conns = append(conns, c)
	}
	open := 0
	for _, c := range conns {
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return err
		}
		if n, err := c.Read(make([]byte, 1)); n == 1 { // the server's SETTINGS
			open++
		} else if err != io.EOF {
			return err
		}
	}
	fmt.Println(open)
	return nil
}

// as runs the test binary as another user, from a place that it can read.
func as(t *testing.T, cred *syscall.Credential, socket, does string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sixfold-api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{filepath.Dir(socket), filepath.Dir(filepath.Dir(socket))} { // those of t.TempDir
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "client")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Dir = "/"
	cmd.Env = []string{clientSocket + "=" + socket, clientDoes + "=" + does}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("client of uid %d: %v: %s", cred.Uid, err, stderr.String())
	}
	return string(out)
}

// checkMatrix compares what a client of a role was answered with what the methods ask for.
func checkMatrix(t *testing.T, out string, role config.Role, local bool, title string) {
	t.Helper()
	rules, methods := allMethods()
	seen := 0
	for in := bufio.NewScanner(strings.NewReader(out)); in.Scan(); seen++ {
		part := strings.SplitN(in.Text(), "\t", 3)
		method, code, message := part[0], part[1], part[2]
		r := rules[method]
		denied := code == codeName(codes.PermissionDenied)
		want := role < r.role || r.local && !local
		if denied != want {
			t.Errorf("%s as %s: %s %q, want it refused: %t", method, role, code, message, want)
		}
		switch {
		case !denied || r.local && !local:
		case role == config.NoRole && !strings.HasPrefix(message, title+" has no role: give one under api."):
			t.Errorf("%s as nobody: %q does not say who is refused and what to do", method, message)
		case role != config.NoRole && !strings.HasPrefix(message, title+" has the role "+role.String()+", and "+shortMethod(method)+" needs "+r.role.String()):
			t.Errorf("%s as %s: %q does not say what is missing", method, role, message)
		}
		if code == codeName(codes.Unavailable) || code == codeName(codes.DeadlineExceeded) {
			t.Errorf("%s: %s %s", method, code, message)
		}
	}
	if seen != len(methods) {
		t.Errorf("%d answers for %d methods:\n%s", seen, len(methods), out)
	}
}

func TestRolesByUser(t *testing.T) {
	_, path := serving(t, apitest.Sample(sampleNow), func(s *Server) {
		err := s.Configure(t.Context(), config.API{
			Users: []config.Grant{
				{Name: "61001", Role: config.Read}, {Name: "61002", Role: config.Operate}, {Name: "61003", Role: config.Admin}, {Name: "no-such-user", Role: config.Admin},
			},
			Groups: []config.Grant{{Name: "62001", Role: config.Read}, {Name: "62002", Role: config.Operate}, {Name: "no-such-group", Role: config.Admin}},
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	for _, tt := range []struct {
		name string
		cred syscall.Credential
		role config.Role
	}{
		{"nobody", syscall.Credential{Uid: 61000, Gid: 61000}, config.NoRole},
		{"read", syscall.Credential{Uid: 61001, Gid: 61000}, config.Read},
		{"operate", syscall.Credential{Uid: 61002, Gid: 61000}, config.Operate},
		{"admin", syscall.Credential{Uid: 61003, Gid: 61000}, config.Admin},
		{"root", syscall.Credential{}, config.Admin},
		{"the primary group", syscall.Credential{Uid: 61000, Gid: 62001}, config.Read},
		{"a supplementary group", syscall.Credential{Uid: 61000, Gid: 61000, Groups: []uint32{1, 62002, 2}}, config.Operate},
		{"the higher of two", syscall.Credential{Uid: 61001, Gid: 62001, Groups: []uint32{62002}}, config.Operate},
		{"more groups than fit at once", syscall.Credential{Uid: 61000, Gid: 61000, Groups: append(make([]uint32, 300), 62001)}, config.Read},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.cred.Groups {
				if tt.cred.Groups[i] == 0 {
					tt.cred.Groups[i] = 70000 + uint32(i)
				}
			}
			checkMatrix(t, as(t, &tt.cred, path, "methods"), tt.role, true, fmt.Sprintf("user %d (uid %[1]d)", tt.cred.Uid))
		})
	}
}

func TestConnectionsOfAUser(t *testing.T) {
	_, path := serving(t, nil, nil)
	if got, want := as(t, &syscall.Credential{Uid: 61000, Gid: 61000}, path, "connections"), fmt.Sprintln(maxPerUser); got != want {
		t.Errorf("%s connections of a user were open at once, want %s", got, want)
	}
	// What was closed counts no more.
	if got, want := as(t, &syscall.Credential{Uid: 61000, Gid: 61000}, path, "connections"), fmt.Sprintln(maxPerUser); got != want {
		t.Errorf("%s connections the second time, want %s", got, want)
	}
	if got, want := as(t, &syscall.Credential{}, path, "connections"), fmt.Sprintln(maxPerUser+10); got != want {
		t.Errorf("%s connections of root were open at once, want %s", got, want)
	}
}

func TestPolicy(t *testing.T) {
	p, unknown := newPolicy(config.API{
		Users:  []config.Grant{{Name: "root", Role: config.Read}, {Name: "4711", Role: config.Operate}, {Name: "nobody-here", Role: config.Admin}},
		Groups: []config.Grant{{Name: "nothing-here", Role: config.Admin}, {Name: "root", Role: config.Read}},
	}, 4712)
	if len(unknown) != 2 || !strings.Contains(unknown[0], `user "nobody-here"`) || !strings.Contains(unknown[1], `group "nothing-here"`) {
		t.Errorf("unknown names: %q", unknown)
	}
	for _, tt := range []struct {
		uid    uint32
		groups []uint32
		want   config.Role
	}{
		{0, nil, config.Admin}, {4712, nil, config.Admin}, {4711, nil, config.Operate}, {4711, []uint32{0}, config.Operate},
		{9, []uint32{7, 0}, config.Read}, {9, []uint32{7}, config.NoRole}, {9, nil, config.NoRole},
	} {
		if got := p.local(tt.uid, tt.groups); got != tt.want {
			t.Errorf("uid %d in %v has %v, want %v", tt.uid, tt.groups, got, tt.want)
		}
	}
}
