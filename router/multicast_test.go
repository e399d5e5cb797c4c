package router

import (
	"net/netip"
	"testing"

	"github.com/sixfold-router/sixfold/vxlan/mld"
)

func TestMulticastEvents(t *testing.T) {
	addr := netip.MustParseAddr
	for _, tt := range []struct {
		e             mld.Event
		subject, text string
	}{
		{mld.Event{Kind: mld.QuerierChanged, Link: "lan0", Address: addr("fe80::1")}, "lan0", "fe80::1 asks for multicast listeners on lan0"},
		{mld.Event{Kind: mld.QuerierChanged, Link: "lan0", Address: addr("fe80::1"), Ours: true}, "lan0", "this router asks for multicast listeners on lan0"},
		{mld.Event{Kind: mld.Joined, Link: "lan0", Group: addr("ff1e::5"), Address: addr("fe80::9")}, "ff1e::5", "ff1e::5 has a listener on lan0, fe80::9"},
		{mld.Event{Kind: mld.Left, Link: "lan0", Group: addr("ff1e::5"), More: 7}, "ff1e::5",
			"ff1e::5 has no listener on lan0 any more; 7 more such events on the link were not told of"},
		{mld.Event{Kind: mld.Failed, Link: "lan0", Err: "it is broken"}, "lan0", "multicast on lan0 does not work: it is broken"},
		{mld.Event{Kind: mld.Failed, Err: "it is broken"}, "", "multicast does not work: it is broken"},
		{mld.Event{Kind: mld.Recovered, Link: "lan0"}, "lan0", "multicast on lan0 works again"},
		{mld.Event{Kind: mld.Recovered}, "", "multicast works again"},
	} {
		e := multicastEvent(tt.e)
		if e.Kind != "multicast" || e.Subject != tt.subject || e.Link != tt.e.Link || e.Action != string(tt.e.Kind) || e.Text != tt.text {
			t.Errorf("%+v is told of as %+v", tt.e, e)
		}
	}
}
