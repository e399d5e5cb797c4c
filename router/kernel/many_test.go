package kernel

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAddressesTogether: addresses of many links leave in few messages, and each that the kernel refuses has its own error.
func TestAddressesTogether(t *testing.T) {
	veth(t, "many0", "many1")
	w := NewLinks(discard(), NewMonitor(discard()))
	var list []string
	for n := range 3 * addressBatch {
		list = append(list, fmt.Sprintf("2001:db8:0:%x::1/64", n))
	}
	list[5], list[2*addressBatch+1] = "ff02::5/64", "ff02::6/64" // no addresses of a link
	err := w.Apply(t.Context(), Config{Links: map[string]Link{"many0": {Name: "many0", Addresses: addresses(list...)}}})
	if err == nil || strings.Count(err.Error(), "add ff02::") != 2 || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("errors: %v", err)
	}
	ours := 0
	for _, a := range w.monitor.Links()["many0"].Addresses {
		if a.Ours {
			ours++
		}
	}
	if ours != len(list)-2 {
		t.Errorf("%d addresses are there, want %d", ours, len(list)-2)
	}
	if got := w.monitor.unread.links; len(got) != 0 {
		t.Errorf("to be read after an Apply: %v", got)
	}
}

// TestBusy: while a writer is at work Run leaves reading to it.
func TestBusy(t *testing.T) {
	m := NewMonitor(discard())
	background(t, m.Run)
	eventually(t, "the first reading", func() bool { return m.Links() != nil && !m.news.Load() })
	done := m.wait()
	before := m.Links()
	veth(t, "busy0", "busy1")
	eventually(t, "an event", m.news.Load)
	if _, there := m.Links()["busy0"]; there || len(m.Links()) != len(before) {
		t.Error("the links were read although somebody is at work")
	}
	done()
	eventually(t, "the new link", func() bool { _, there := m.Links()["busy0"]; return there })
}

// TestSetSysctl: what is wrong with a value is told with its path.
func TestSetSysctl(t *testing.T) {
	s := sysctls{root: "/proc/sys"}
	const p = "net/ipv6/conf/lo/hop_limit"
	for value, want := range map[string]string{"64": "", "many": unix.EINVAL.Error()} {
		err := s.set(p, value)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), p)) {
			t.Errorf("%s: %v", value, err)
		}
	}
	if err := s.set("net/ipv6/conf/nowhere/hop_limit", "64"); err == nil || !strings.Contains(err.Error(), unix.ENOENT.Error()) {
		t.Errorf("a link that is not there: %v", err)
	}
}
