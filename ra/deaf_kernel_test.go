package ra

import (
	"net/netip"
	"testing"
	"time"
)

// TestKernelDeaf: the socket of the Observer is not woken by our own advertisements, which others on this machine hear, and hears those of
// another router.
func TestKernelDeaf(t *testing.T) {
	h, i := lan(t, "deaf")
	deaf, err := openDeaf(typeAdvertisement)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.close()
	hears, err := openSocket(typeAdvertisement)
	if err != nil {
		t.Fatal(err)
	}
	defer hears.close()
	limit := time.Now().Add(30 * time.Second)
	for _, s := range []*socket{deaf, hears} {
		if err := s.file.SetReadDeadline(limit); err != nil {
			t.Fatal(err)
		}
	}
	run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	b := make([]byte, 1500)
	if _, info, err := hears.read(b); err != nil || info.source != i.LinkLocal || info.index != i.Index {
		t.Fatalf("another socket hears %+v, %v", info, err)
	}
	index, other := h.Link(t, "h0")
	if err := h.Do(func() error {
		s, err := openSocket(typeAdvertisement)
		if err != nil {
			return err
		}
		defer s.close()
		return s.write(make16(typeAdvertisement), index.Index, netip.Addr{}, allNodes, false)
	}); err != nil {
		t.Fatal(err)
	}
	if n, info, err := deaf.read(b); err != nil || n != 16 || info.source != other || info.hopLimit != 255 {
		t.Errorf("the Observer hears %d bytes, %+v, %v, want those of %s", n, info, err, other)
	}
}

// make16 is an advertisement that says nothing.
func make16(kind byte) []byte {
	b := make([]byte, 16)
	b[0] = kind
	return b
}
