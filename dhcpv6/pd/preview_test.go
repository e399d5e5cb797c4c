package pd

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/change"
)

func lines(ops []change.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", o.Object, o.Action, o.Class, o.Disturbs)
	}
	return b.String()
}

func TestPreview(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Uplink)
		duid   []byte
		want   string
	}{
		{"the same", func(*Uplink) {}, clientDUID, ""},
		{"hint", func(u *Uplink) { u.Prefixes = []IA{{Name: "isp", IAID: 1, Hint: netip.MustParsePrefix("::/48")}} }, clientDUID,
			"delegation isp | ask for a /48, keep 2001:db8:100::/56 until then | live | \n"},
		{"an address too", func(u *Uplink) { u.Address = &IA{IAID: 7} }, clientDUID, "address of wan0 | ask for an address on wan0 | live | \n"},
		{"another name", func(u *Uplink) { u.Prefixes = []IA{{Name: "new", IAID: 2}} }, clientDUID,
			`delegation new | ask for a prefix on wan0 | live | 
delegation isp | use 2001:db8:100::/56 no more; it is kept until it expires, the server is not told | delete | the use of addresses from 2001:db8:100::/56
`},
		{"another link", func(u *Uplink) { u.Index = 0 }, clientDUID, "uplink wan0 | ask whether what is held still holds | live | \n"},
		{"no carrier", func(u *Uplink) { u.NoCarrier = true }, clientDUID, "uplink wan0 | wait for the link | live | \n"},
		{"rapid commit", func(u *Uplink) { u.RapidCommit = true }, clientDUID, "uplink wan0 | ask for rapid commit | live | \n"},
		{"Reconfigure", func(u *Uplink) { u.Reconfigure = true }, clientDUID, "uplink wan0 | accept Reconfigure messages | live | \n"},
		{"options", func(u *Uplink) { u.Request = []uint16{64} }, clientDUID, "uplink wan0 | ask for other options | live | \n"},
		{"classes", func(u *Uplink) { u.Send = []Option{{Code: 15}} }, clientDUID, "uplink wan0 | send other options | live | \n"},
		{"another client of this link", func(u *Uplink) { u.DUID = otherDUID }, clientDUID, "delegation isp | ask for it as another client | live | \n"},
		{"another client", func(*Uplink) {}, []byte{0, 3, 0, 1, 9, 9, 9, 9, 9, 9}, "delegation isp | ask for it as another client | live | \n"},
	} {
		s := newSim(t, 1, newServer(t, "2001:db8:100::/56"))
		s.apply(uplink())
		s.run(time.Minute)
		u := uplink()
		tt.change(&u)
		if diff := cmp.Diff(tt.want, lines(s.m.preview(tt.duid, &u))); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
	s := newSim(t, 1, newServer(t, "2001:db8:100::/56"))
	s.apply(uplink())
	s.run(time.Minute)
	want := "delegation isp | use 2001:db8:100::/56 no more; it is kept until it expires, the server is not told | delete | the use of addresses from 2001:db8:100::/56\n"
	if diff := cmp.Diff(want, lines(s.m.preview(clientDUID, nil))); diff != "" {
		t.Errorf("no uplink: -want +got\n%s", diff)
	}
	s.m.configure(s.now, clientDUID, nil)
	if got := lines(s.m.preview(clientDUID, nil)); got != "" {
		t.Errorf("no uplink, again: %s", got)
	}
}

// TestPreviewSaysWhetherConfigureChanges goes from one random configuration to the next.
func TestPreviewSaysWhetherConfigureChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	srv := newServer(t, "2001:db8:100::/56")
	srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
	s := newSim(t, 4, srv)
	look := func() string {
		m := s.m
		text := fmt.Sprintf("%v %x %v %v %v %v %v %v", m.up, m.duid, m.cfg.RapidCommit, m.cfg.Reconfigure, m.cfg.Stateless, m.cfg.Request, m.cfg.Send, m.resolver != nil)
		if m.up {
			text += fmt.Sprint(m.cfg.Index, m.cfg.LinkLocal)
		}
		for _, i := range m.ias {
			if i.wanted {
				text += fmt.Sprintf(" %+v %v", i.cfg, i.declined)
			}
		}
		return text
	}
	for n := range 600 {
		u := uplink()
		u.RapidCommit = random.IntN(2) == 0
		u.NoCarrier = random.IntN(4) == 0
		u.Index += random.IntN(2)
		if random.IntN(2) == 0 {
			u.Address = &IA{IAID: 9}
		}
		if random.IntN(2) == 0 {
			u.Prefixes[0].Hint = netip.MustParsePrefix("::/48")
		}
		if random.IntN(4) == 0 {
			u.Prefixes, u.Address = nil, nil
		}
		u.Reconfigure, u.Stateless = random.IntN(2) == 0, random.IntN(2) == 0
		if random.IntN(3) == 0 {
			u.Request = []uint16{64}
		}
		if random.IntN(3) == 0 {
			u.Send = []Option{{Code: 200, Data: []byte{byte(random.IntN(2))}}}
		}
		if random.IntN(3) == 0 {
			u.DUID = otherDUID
		}
		if random.IntN(3) == 0 {
			u.Duplicates = []netip.Addr{netip.MustParseAddr("2001:db8::9")}
		}
		duid := [][]byte{clientDUID, {0, 3, 0, 1, 9, 9, 9, 9, 9, 9}}[random.IntN(2)]
		for _, again := range []bool{false, true} {
			ops := s.m.preview(duid, &u)
			before := look()
			s.m.configure(s.now, duid, &u)
			same := before == look()
			if same != (len(ops) == 0) || again && !same {
				t.Errorf("round %d: the same after configure: %v, foreseen was\n%s", n, same, lines(ops))
			}
		}
		s.run(time.Duration(random.IntN(120)) * time.Second)
	}
}
