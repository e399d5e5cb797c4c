package explain

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/ra"
)

// TestExplainOtherRouters: who else advertises on a link is told with the link, and who should not is what is wrong with it.
func TestExplainOtherRouters(t *testing.T) {
	v, err := parseView("r.yaml", `
interfaces:
  lan0: {addresses: ["2001:db8:1::1/64"], advertise: {}, known_routers: ["fe80::2"]}
`, "link lan0 3 fe80::3/64 2001:db8:1::1/64\n")
	if err != nil {
		t.Fatal(err)
	}
	other := func(address string, standing ra.Standing) ra.RouterStatus {
		return ra.RouterStatus{Link: "lan0", Standing: standing, State: ra.Received{
			Time: now.Add(-time.Minute), Router: netip.MustParseAddr(address), RouterLifetime: 1800, Preference: "medium",
		}}
	}
	v.Routers = []ra.RouterStatus{other("fe80::2", ra.Welcome)}
	e, err := Of(v, "lan0")
	if err != nil {
		t.Fatal(err)
	}
	if text := tell(e); !strings.Contains(text, "fe80::2 advertises on lan0 too, as default router for 30m with preference medium, last 1m ago") || strings.Contains(text, "known_routers") {
		t.Errorf("with a known router:\n%s", text)
	}
	rogue := other("fe80::bad", ra.Rogue)
	rogue.Disagreements = []ra.Disagreement{{What: "hop limit", Ours: "64", Theirs: "32"}}
	v.Routers = append(v.Routers, rogue)
	if e, err = Of(v, "lan0"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fe80::bad advertises on lan0 too", "not in known_routers", "RFC 6105", "it does not agree with us on hop limit: 32, ours 64"} {
		if text := tell(e); !strings.Contains(text, want) {
			t.Errorf("with a rogue, %q is missing:\n%s", want, text)
		}
	}
}
