package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func planned(cfg Config, present Links) []string {
	var out []string
	for _, s := range sysctlPlan(cfg, present) {
		out = append(out, s.path+"="+s.value)
	}
	return out
}

func TestSysctlPlan(t *testing.T) {
	present := Links{"wan0": {}, "eth5.300": {}, "other": {}}
	cfg := Config{Forwarding: true, Links: map[string]Link{"wan0": {AcceptRA: true}, "eth5.300": {}, "later": {}}}
	want := []string{
		"net/ipv6/conf/eth5.300/disable_ipv6=0",
		"net/ipv6/conf/eth5.300/keep_addr_on_down=1",
		"net/ipv6/conf/eth5.300/accept_ra=0",
		"net/ipv4/conf/eth5.300/promote_secondaries=1",
		"net/ipv6/conf/wan0/disable_ipv6=0",
		"net/ipv6/conf/wan0/keep_addr_on_down=1",
		"net/ipv6/conf/wan0/accept_ra_defrtr=1",
		"net/ipv6/conf/wan0/accept_ra_pinfo=1",
		"net/ipv6/conf/wan0/autoconf=1",
		"net/ipv6/conf/wan0/accept_ra=2",
		"net/ipv4/conf/wan0/promote_secondaries=1",
		"net/ipv6/conf/all/forwarding=1",
		"net/ipv4/ip_forward=1",
		"net/ipv6/conf/eth5.300/forwarding=1",
		"net/ipv4/conf/eth5.300/forwarding=1",
		"net/ipv6/conf/wan0/forwarding=1",
		"net/ipv4/conf/wan0/forwarding=1",
	}
	if diff := cmp.Diff(want, planned(cfg, present)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	cfg.Forwarding = false
	if got := strings.Join(planned(cfg, present), " "); strings.Contains(got, "forward") {
		t.Errorf("forwarding is written without being configured: %s", got)
	}
}

func TestNeighborLimits(t *testing.T) {
	if got := neighborLimits(20); got != nil {
		t.Errorf("20 links: %v, want the kernel's defaults", got)
	}
	var got []string
	for _, s := range neighborLimits(1000)[:3] {
		if !s.atLeast || !s.optional {
			t.Errorf("%s is set whatever it was", s.path)
		}
		got = append(got, filepath.Base(s.path)+"="+s.value)
	}
	if diff := cmp.Diff([]string{"gc_thresh1=4000", "gc_thresh2=8000", "gc_thresh3=17024"}, got); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestSysctlDiffers(t *testing.T) {
	s := sysctls{root: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.root, "thresh"), []byte("1024\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		want  sysctl
		write bool
		fails bool
	}{
		{name: "same", want: sysctl{path: "thresh", value: "1024"}},
		{name: "differs", want: sysctl{path: "thresh", value: "1"}, write: true},
		{name: "raise", want: sysctl{path: "thresh", value: "2048", atLeast: true}, write: true},
		{name: "not lowered", want: sysctl{path: "thresh", value: "512", atLeast: true}},
		{name: "missing", want: sysctl{path: "none", value: "1"}, fails: true},
		{name: "missing, optional", want: sysctl{path: "none", value: "1", optional: true}},
		{name: "outside", want: sysctl{path: "../thresh", value: "1"}, fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, write, err := s.differs(tt.want)
			if write != tt.write || (err != nil) != tt.fails {
				t.Errorf("write %v, error %v; want write %v, error %v", write, err, tt.write, tt.fails)
			}
		})
	}
}

func TestCheckLinkName(t *testing.T) {
	for name, ok := range map[string]bool{"eth0": true, "eth5.300": true, "": false, ".": false, "..": false, "a/b": false,
		"sixteen-letters!": false, "a b": false} {
		if got := checkLinkName(name) == nil; got != ok {
			t.Errorf("checkLinkName(%q) accepts: %v, want %v", name, got, ok)
		}
	}
}
