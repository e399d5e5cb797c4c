package ra

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestKernelBatch: a packet that the kernel refuses does not keep those around it from leaving, nor does a link that swallows nothing.
func TestKernelBatch(t *testing.T) {
	h, i := lan(t, "batch")
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "r1"}, netns.End{Node: h, Name: "h1"})
	other, local := netns.Own().Link(t, "r1")
	c, err := openBatch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	message, err := Encode(i, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	good := outgoing{message: message[0], index: i.Index, source: i.LinkLocal, destination: allNodes}
	bad := good
	bad.source = netip.MustParseAddr("fe80::bad")
	out := []outgoing{good, bad, good, bad, bad, good}
	before := advertisementsSent(t)
	c.write(out, false)
	for n, o := range out {
		if want := n == 1 || n == 3 || n == 4; want != errors.Is(o.err, unix.EINVAL) {
			t.Errorf("packet %d: %v", n, o.err)
		}
	}
	if n := advertisementsSent(t) - before; n != 3 {
		t.Errorf("%d left, want 3", n)
	}

	sh(t, "tc qdisc replace dev r0 root tbf rate 8kbit burst 1540 limit 1500000")
	many := make([]outgoing, 3000)
	for n := range many {
		many[n] = outgoing{message: make([]byte, 1400), index: i.Index, source: i.LinkLocal, destination: allNodes}
		many[n].message[0] = typeAdvertisement
	}
	c.write(many, false)
	last := []outgoing{{message: message[0], index: other.Index, source: local, destination: allNodes}}
	c.write(last, false)
	if last[0].err != nil {
		t.Errorf("behind a link that is slow: %v", last[0].err)
	}
}

// TestKernelInterrupt ends a read that blocks.
func TestKernelInterrupt(t *testing.T) {
	c, err := openBatch()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := c.read(make([]packet, 4)); err != nil {
				ended <- err
				return
			}
		}
	}()
	c.interrupt()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("read goes on")
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}

// TestKernelManyLinks: 250 links of one machine are advertised on at once, with one socket and without joining anything, and a host on
// the last of them is answered.
func TestKernelManyLinks(t *testing.T) {
	const links = 250
	h := netns.Host(t, "many")
	// Hosts that take the advertisements would each have an entry in the neighbor table, which all namespaces share.
	h.Sh(t, "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
	var here, there strings.Builder
	for n := 1; n <= links; n++ {
		fmt.Fprintf(&here, "link add m%d group 1977 type veth peer name m%d netns %s\nlink set m%d up\n", n, n, h.NetFile(), n)
		fmt.Fprintf(&there, "link set m%d up\n", n)
	}
	sh(t, "ip -batch - <<'EOF'\n%sEOF", here.String())
	t.Cleanup(func() { sh(t, "ip link del group 1977") })
	h.Sh(t, "ip -batch - <<'EOF'\n%sEOF", there.String())
	c := Config{Interfaces: map[string]Interface{}}
	for n := 1; n <= links; n++ {
		name := fmt.Sprint("m", n)
		link, local := netns.Own().Link(t, name)
		i := basic
		i.Link, i.Index, i.LinkLocal, i.MAC = name, link.Index, local, link.HardwareAddr
		c.Interfaces[name] = i
	}
	before := advertisementsSent(t)
	began := time.Now()
	s, _ := run(t, c)
	eventually(t, "an advertisement on each link", func() error {
		for _, st := range s.Status() {
			if st.Sent == 0 {
				return fmt.Errorf("none on %s: %s", st.Interface.Link, st.LastError)
			}
		}
		return nil
	})
	t.Logf("%d advertisements within %s", advertisementsSent(t)-before, time.Since(began))
	if groups := sh(t, "cat /proc/net/igmp6"); strings.Contains(groups, " m1 ") {
		for line := range strings.Lines(groups) {
			f := strings.Fields(line)
			if len(f) > 3 && f[1] == "m1" && strings.HasSuffix(f[2], "0002") && f[3] != "1" {
				t.Errorf("the kernel is a member alone, and we joined: %s", line)
			}
		}
	}
	last := fmt.Sprint("m", links)
	h.Sh(t, "echo 0 > /proc/sys/net/ipv6/conf/%s/disable_ipv6", last)
	eventually(t, "answer on the last link", h.Expect("rdisc6 -1 -w 3000 "+last, "from "+c.Interfaces[last].LinkLocal.String()))
}

// advertisementsSent is how many the kernel sent for us.
func advertisementsSent(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(sh(t, "awk '/Icmp6OutRouterAdvertisements/{print $2}' /proc/net/snmp6")))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
