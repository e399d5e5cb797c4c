package bgp

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"github.com/sixfold-router/sixfold/router/rib"
)

func TestSessionEvents(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler), (&rib.Table{}).In(rib.MainTable))
	cobra := Neighbor{Name: "cobra", Address: netip.MustParseAddr("2001:db8::5")}
	s.want.Neighbors = map[string]Neighbor{"cobra": cobra}
	s.session(cobra.Address)
	var got []string
	s.OnSession = func(e SessionEvent) {
		got = append(got, fmt.Sprintf("%s %s %v %s", e.Neighbor, e.Address, e.Up, e.Reason))
	}
	event := func(state packet.FSMState, reason string) {
		e := &apiutil.WatchEventMessage_PeerEvent{}
		e.Peer.State.NeighborAddress, e.Peer.State.SessionState = cobra.Address, state
		e.Peer.State.AdminState, e.Peer.State.DisconnectMessage = api.PeerState_ADMIN_STATE_UP, reason
		s.peerEvent(e, time.Time{})
	}
	event(packet.BGP_FSM_ACTIVE, "")
	event(packet.BGP_FSM_OPENSENT, "")
	event(packet.BGP_FSM_ESTABLISHED, "")
	event(packet.BGP_FSM_ESTABLISHED, "")
	event(packet.BGP_FSM_IDLE, "hold timer expired")
	event(packet.BGP_FSM_ACTIVE, "")
	event(packet.BGP_FSM_ESTABLISHED, "")
	s.sessionGone(cobra)
	s.session(cobra.Address)
	s.sessionGone(cobra)
	want := []string{
		"cobra 2001:db8::5 true ",
		"cobra 2001:db8::5 false hold timer expired",
		"cobra 2001:db8::5 true ",
		"cobra 2001:db8::5 false it was taken out of the configuration, or is set up anew",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
