package router

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

const twoLANs = `
interfaces:
  wan0: {delegations: {isp: {length: 56}}}
  lan0: {addresses: [isp auto/64], dhcpv6: {delegate: {rest: {pool: isp rest, length: 60}}}}
  lan1: {addresses: [isp auto/64]}
`

func newRouter(t *testing.T, dir string) *Router {
	t.Helper()
	r, err := New(slog.New(slog.DiscardHandler), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// inputsOf are those of a router that has the text as its configuration.
func inputsOf(t *testing.T, r *Router, text string) plan.Inputs {
	t.Helper()
	return plan.Inputs{
		Config: plantest.Load(t, text), Links: plantest.Links("wan0", "lan0", "lan1", "lan2"), Now: now, Delegations: plantest.ISP(now, "2001:db8:0:5600::/56"), Assigned: r.assigned.table,
	}
}

func placesOf(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for k, place := range p.Parts {
		out[k.Name] = assign.Text(place)
	}
	return out
}

func TestPartsAreOnDiskBeforeTheyAreUsed(t *testing.T) {
	dir := t.TempDir()
	r := newRouter(t, dir)
	made := r.decide(inputsOf(t, r, twoLANs))
	want := map[string]string{"lan0": "::/64", "lan1": "0:0:0:1::/64"}
	if diff := cmp.Diff(want, placesOf(made)); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	text, err := os.ReadFile(filepath.Join(dir, "assignments"))
	if err != nil || !strings.Contains(string(text), `"lan1"`) {
		t.Fatalf("%v\n%s", err, text)
	}
	r.Close()
	again := newRouter(t, dir)
	if diff := cmp.Diff(want, placesOf(again.decide(inputsOf(t, again, strings.ReplaceAll(twoLANs, "lan0", "lan2"))))); diff == "" {
		t.Error("lan2 is lan0")
	}
	if diff := cmp.Diff(want, placesOf(again.decide(inputsOf(t, again, twoLANs)))); diff != "" {
		t.Errorf("after lan0 was gone: -want +got\n%s", diff)
	}
}

// A disk that takes nothing keeps what is in force in force; what is new waits, and says so, until it can be kept.
func TestPartsThatCannotBeKeptWait(t *testing.T) {
	dir := t.TempDir()
	r := newRouter(t, dir)
	r.decide(inputsOf(t, r, twoLANs))
	file := filepath.Join(dir, "assignments")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	three := twoLANs + "  lan2: {addresses: [isp auto/64]}\n"
	want := r.decide(inputsOf(t, r, three))
	if diff := cmp.Diff(map[string]string{"lan0": "::/64", "lan1": "0:0:0:1::/64"}, placesOf(want)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(want.Pending) == 0 || want.Pending[0].What != `interfaces.lan2.addresses "isp auto ::1/64"` || !strings.Contains(want.Pending[0].Reason, "can be kept on disk") {
		t.Errorf("pending: %v", want.Pending)
	}
	if strings.Contains(want.Pending[0].Reason, ".new-") {
		t.Errorf("another reason at each look: %s", want.Pending[0].Reason)
	}
	if aside := r.planAside(inputsOf(t, r, three)); !cmp.Equal(aside.Pending, want.Pending) {
		t.Errorf("whoever looks is told that %v is pending", aside.Pending)
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	if got := placesOf(r.decide(inputsOf(t, r, three))); got["lan2"] != "0:0:0:2::/64" {
		t.Errorf("got %v", got)
	}
	if aside := r.planAside(inputsOf(t, r, three)); len(aside.Pending) != 0 {
		t.Errorf("still pending: %v", aside.Pending)
	}
}

func TestDamagedPartsAreChosenAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "assignments"), []byte(`{"version": 1, "parts": [{"dele`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRouter(t, dir)
	if got := placesOf(r.decide(inputsOf(t, r, twoLANs))); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	r.Close()
	if got := newRouter(t, dir).assigned.table; len(got.Parts) != 2 {
		t.Errorf("the file has %v", got)
	}
}

func TestNobodyIsPutOnWhatClientsHave(t *testing.T) {
	r := newRouter(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.store.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	first := netip.MustParsePrefix("2001:db8:0:5600::/60")
	err := r.store.CommitWait(t.Context(), lease.Change{Put: []lease.Lease{{
		Key: lease.Key{DUID: "\x00\x03\x00\x01\x02\x03\x04\x05\x06\x07", IAID: 1, Kind: lease.Prefix, Link: "lan0"}, Prefix: first,
		State: lease.Bound, Valid: now.Add(1 << 40), Preferred: now.Add(1 << 40), Pool: "rest",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	want := r.decide(inputsOf(t, r, twoLANs))
	if diff := cmp.Diff(map[string]string{"lan0": "0:0:0:10::/64", "lan1": "0:0:0:11::/64"}, placesOf(want)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	found := false
	for _, p := range want.DHCP.Interfaces["lan0"].Delegate {
		found = found || p.Prefix.Overlaps(first)
	}
	if !found {
		t.Errorf("the piece of the client is in no pool: %v", want.DHCP.Interfaces["lan0"].Delegate)
	}
}

func TestPreviewAssigned(t *testing.T) {
	part := func(name, subnet string) assign.Part {
		p := netip.MustParsePrefix(subnet)
		return assign.Part{Key: assign.Key{Delegation: "isp", Name: name, Bits: p.Bits()}, Subnet: p}
	}
	before := assign.Table{Parts: []assign.Part{part("lan0", "::/64"), part("lan1", "0:0:0:1::/64"), part("lan2", "0:0:0:2::/64")}}
	after := assign.Table{Parts: []assign.Part{part("", "0:0:0:10::/60"), part("lan0", "::/64"), part("lan2", "0:0:0:9::/64")}, Kept: []assign.Part{part("lan1", "0:0:0:1::/64")}}
	var got []string
	for _, op := range previewAssigned(before, &plan.Plan{Assigned: assign.Choose(after, keysOf(after), nil).Table}) {
		got = append(got, fmt.Sprintf("%s: %s (%s%s)", op.Object, op.Action, op.Class, op.Disturbs))
	}
	want := []string{
		"isp auto:lan1/64: leave 0:0:0:1::/64, which is kept for its return (delete)",
		"isp auto/60: take 0:0:0:10::/60 (live)",
		"isp auto:lan2/64: move from 0:0:0:2::/64 to 0:0:0:9::/64 (recreatehosts that have addresses of the old one)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if ops := previewAssigned(after, &plan.Plan{Assigned: after}); len(ops) > 0 {
		t.Errorf("nothing changes, and it tells %v", ops)
	}
}

func keysOf(t assign.Table) []assign.Key {
	var out []assign.Key
	for _, p := range t.Parts {
		out = append(out, p.Key)
	}
	return out
}
