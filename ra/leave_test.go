package ra

import (
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLeave: when Leave returns, hosts have heard it, and only those of the links that it is about.
func TestLeave(t *testing.T) {
	other := basic
	other.Link, other.Index = "lan1", 8
	bubble(t, Config{Interfaces: map[string]Interface{"lan0": basic, "lan1": other}}, func(t *testing.T, s *Sender, w *wire, _ func()) {
		w.sent()
		s.Leave(t.Context(), func(link string) bool { return link == "lan0" })
		if diff := cmp.Diff([]string{"0s 7 fe80::7 > ff02::1 lifetime 0"}, w.sent()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		s.Leave(t.Context(), func(link string) bool { return link == "lan0" }) // there is nothing to wait for
		if err := s.Apply(t.Context(), one(other)); err != nil {
			t.Fatal(err)
		}
		if all := s.Status(); len(all) != 1 || all[0].Interface.Link != "lan1" {
			t.Errorf("links %+v", all)
		}
	})
}

// TestLeaveBroken: a link on which nothing leaves holds up nobody.
func TestLeaveBroken(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		w.fail(syscall.ENODEV)
		s.Leave(t.Context(), func(string) bool { return true })
		stop()
		s.Leave(t.Context(), func(string) bool { return true }) // nothing runs any more
	})
}
