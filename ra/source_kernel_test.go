package ra

import "testing"

// TestKernelSourceIsGone takes the link-local address away under which hosts know the router (RFC 4861 6.2.8): they must not go on
// sending to it.
func TestKernelSourceIsGone(t *testing.T) {
	h, i := lan(t, "gone")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", h.Expect("ip -6 route show default", "via "+i.LinkLocal.String()))
	sh(t, "ip -6 addr del %s/64 dev r0", i.LinkLocal)
	if err := s.Apply(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "default route is gone", noDefault(h))
}

// TestKernelSourceMoves takes away one that another router has from then on: its hosts keep it.
func TestKernelSourceMoves(t *testing.T) {
	h, i := lan(t, "moves")
	i.SharedSource = true
	s, stop := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", h.Expect("ip -6 route show default", "via "+i.LinkLocal.String()))
	before := advertisementsSent(t)
	sh(t, "ip -6 addr del %s/64 dev r0", i.LinkLocal)
	if err := s.Apply(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	stop() // what was to be said was said then
	if sent := advertisementsSent(t) - before; sent != 0 {
		t.Errorf("%d advertisements from an address that is another router's", sent)
	}
}
