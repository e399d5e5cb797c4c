package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// settings returns the MTU of a link, whether it is up, and all its sysctls but those that count.
func settings(t *testing.T, link string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range []string{"net/ipv6/conf/", "net/ipv4/conf/", "net/ipv6/neigh/", "net/ipv4/neigh/"} {
		files, err := filepath.Glob("/proc/sys/" + dir + link + "/*")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s%s: no settings (%v)", dir, link, err)
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil {
				out[dir+filepath.Base(f)] = strings.TrimSpace(string(b))
			}
		}
	}
	for _, word := range []string{"mtu", "flags"} {
		b, err := os.ReadFile("/sys/class/net/" + link + "/" + word)
		if err == nil {
			out[word] = strings.TrimSpace(string(b))
			continue
		}
		_, after, _ := strings.Cut(ip(t, "link show "+link), " "+word+" ")
		out[word], _, _ = strings.Cut(after, " ")
	}
	out["up"] = "no"
	if _, flags, _ := strings.Cut(ip(t, "link show "+link), "<"); strings.Contains(","+strings.SplitN(flags, ">", 2)[0]+",", ",UP,") {
		out["up"] = "yes"
	}
	delete(out, "flags")
	return out
}

func configured(name string) Config {
	conf4, conf6 := "net/ipv4/conf/"+name+"/", "net/ipv6/conf/"+name+"/"
	return Config{Links: map[string]Link{name: {
		Name: name, MTU: 1400, AcceptRA: true, DAD: true, Addresses: addresses("2001:db8::1/64", "192.0.2.1/24"),
		Sysctls: []Sysctl{
			{conf4 + "arp_accept", "1"}, {conf4 + "arp_announce", "1"}, {conf4 + "rp_filter", "2"},
			{conf6 + "accept_ra_pinfo", "0"}, {conf6 + "dad_transmits", "3"}, {"net/ipv6/neigh/" + name + "/gc_stale_time", "30"},
			{"net/ipv6/neigh/" + name + "/base_reachable_time_ms", "30001"},
		},
	}}}
}

// What a configuration did to a link is undone when it goes, also by a later process, and nothing else is.
func TestLinkGoesBackToHowItWasFound(t *testing.T) {
	for _, tt := range []struct {
		name    string
		restart bool
		between string
		want    map[string]string // what is not as found
	}{
		{name: "at once"},
		{name: "after a restart", restart: true},
		{name: "somebody changed it since", between: "ip link set NAME mtu 1450; echo 0 >/proc/sys/net/ipv4/conf/NAME/arp_announce; echo 9 >/proc/sys/net/ipv6/conf/NAME/dad_transmits",
			want: map[string]string{"mtu": "1450", "net/ipv6/conf/mtu": "1450", "net/ipv6/conf/dad_transmits": "9"}},
		{name: "somebody uses it", between: "ip addr add 198.51.100.1/24 dev NAME", want: map[string]string{"up": "yes"}},
		{name: "it was renamed", restart: true, between: "ip link set NAME name other0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "links")
			ip(t, "link add lan0 type veth peer name lan1")
			t.Cleanup(func() { ip(t, "link del lan1") })
			before := settings(t, "lan0")
			newWriter := func() *LinkWriter {
				w := NewLinks(discard(), NewMonitor(discard()))
				w.RememberIn(file)
				return w
			}
			w := newWriter()
			apply(t, w, configured("lan0"))
			unchanged(t, w, configured("lan0"))
			for path, want := range map[string]string{
				"net/ipv4/conf/lan0/arp_accept": "1", "net/ipv6/conf/lan0/accept_ra_pinfo": "0", "net/ipv6/conf/lan0/accept_ra": "2",
				"net/ipv6/neigh/lan0/gc_stale_time": "30", "net/ipv6/conf/lan0/dad_transmits": "3",
			} {
				sysctlIs(t, path, want)
			}
			if tt.restart {
				w = newWriter()
				apply(t, w, configured("lan0"))
				w = newWriter()
			}
			name := "lan0"
			if tt.between != "" {
				sh(t, strings.ReplaceAll(tt.between, "NAME", "lan0"))
				if strings.Contains(tt.between, "other0") {
					name = "other0"
				}
			}
			ops := preview(t, w, Config{})
			apply(t, w, Config{})
			if len(ops) == 0 {
				t.Error("the preview was empty")
			}
			unchanged(t, w, Config{})
			if left := preview(t, w, Config{}); len(left) > 0 {
				t.Errorf("there is left: %s", lines(left))
			}
			want := before
			for k, v := range tt.want {
				want[k] = v
			}
			if diff := cmp.Diff(want, settings(t, name)); diff != "" {
				t.Errorf("not as it was found (-found +now):\n%s\npreview:\n%s", diff, lines(ops))
			}
		})
	}
}

// A setting that leaves the configuration of a link that stays goes back too.
func TestSettingGoesBack(t *testing.T) {
	veth(t, "lan0", "lan1")
	w := NewLinks(discard(), NewMonitor(discard()))
	cfg := configured("lan0")
	apply(t, w, cfg)
	l := cfg.Links["lan0"]
	l.MTU, l.Sysctls = 0, l.Sysctls[:1]
	cfg.Links["lan0"] = l
	want := `lan0 | set accept_ra_pinfo to 1 | live | 
lan0 | change mtu from 1400 back to 1500 | live | 
lan0 | set back arp_announce to 0 (IPv4), rp_filter to 0 (IPv4), dad_transmits to 1, base_reachable_time_ms to 30000, gc_stale_time to 60 | live | 
`
	if diff := cmp.Diff(want, lines(preview(t, w, cfg))); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	apply(t, w, cfg)
	unchanged(t, w, cfg)
	sysctlIs(t, "net/ipv4/conf/lan0/arp_announce", "0")
	sysctlIs(t, "net/ipv4/conf/lan0/arp_accept", "1")
	sysctlIs(t, "net/ipv6/conf/lan0/accept_ra_pinfo", "1")
}

// A value is found to be what others made of it, and that is drift; a value that the kernel rounds is none.
func TestSysctlDrift(t *testing.T) {
	veth(t, "lan0", "lan1")
	var log driftLog
	w := NewLinks(discard(), NewMonitor(discard()))
	w.OnDrift = log.add
	apply(t, w, configured("lan0"))
	sh(t, "echo 5 >/proc/sys/net/ipv6/conf/lan0/dad_transmits")
	apply(t, w, configured("lan0"))
	if diff := cmp.Diff([]string{"lan0: sysctl net/ipv6/conf/lan0/dad_transmits was 5, not 3"}, log.take()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	sysctlIs(t, "net/ipv6/conf/lan0/dad_transmits", "3")
	apply(t, w, Config{})
	sysctlIs(t, "net/ipv6/conf/lan0/dad_transmits", "1")
}

func TestUnknownSysctl(t *testing.T) {
	veth(t, "lan0", "lan1")
	w := NewLinks(discard(), NewMonitor(discard()))
	err := w.Apply(t.Context(), Config{Links: map[string]Link{"lan0": {Name: "lan0", Sysctls: []Sysctl{{"net/ipv6/conf/lan0/accept_rax", "1"}}}}})
	if want := "lan0 has no setting ipv6/conf/accept_rax in this kernel"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// What was kept for another machine, or cannot be read, is not believed.
func TestOriginsOfAnotherMachine(t *testing.T) {
	for _, text := range []string{"{", `{"machine":"x 1","links":{"1":{"mtu":{"was":"1500","left":"65536"}}}}`, `{"machine":"` + machine() + `"}`} {
		file := filepath.Join(t.TempDir(), "links")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w := NewLinks(discard(), NewMonitor(discard()))
		w.RememberIn(file)
		unchanged(t, w, Config{})
	}
}

// Programs may bind to any address while there are local routes, and whether they might before is not forgotten.
func TestNonlocalBind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "links")
	for _, found := range []string{"0", "1"} {
		sh(t, "echo "+found+" >/proc/sys/net/ipv6/ip_nonlocal_bind")
		for n, want := range []string{"1", "1", found} {
			w := NewLinks(discard(), NewMonitor(discard()))
			w.RememberIn(file)
			cfg := Config{AnyIP: n < 2}
			ops := lines(preview(t, w, cfg))
			before := w.Writes()
			apply(t, w, cfg)
			if (ops != "") != (w.Writes() > before) {
				t.Errorf("found %s: wrote %d times, foreseen was %q", found, w.Writes()-before, ops)
			}
			unchanged(t, w, cfg)
			sysctlIs(t, nonlocalBind, want)
		}
	}
	sh(t, "echo 0 >/proc/sys/net/ipv6/ip_nonlocal_bind")
}

// A step back that fails is tried again, whichever it is, and nothing of it is forgotten.
func TestEveryStepBackMayFail(t *testing.T) {
	ip(t, "link add lan0 type veth peer name lan1")
	t.Cleanup(func() { ip(t, "link del lan1") })
	before := settings(t, "lan0")
	file := filepath.Join(t.TempDir(), "links")
	for n, more := 0, true; more; n++ {
		w := NewLinks(discard(), NewMonitor(discard()))
		w.RememberIn(file)
		apply(t, w, configured("lan0"))
		steps := 0
		more = false
		w.fault = func(string) error {
			if steps++; steps == n+1 {
				more = true
				return unix.ENOBUFS
			}
			return nil
		}
		if err := w.Apply(t.Context(), Config{}); (err != nil) != more {
			t.Errorf("step %d failed, and Apply said %v", n, err)
		}
		w.fault = nil
		w = NewLinks(discard(), NewMonitor(discard())) // the router was started again
		w.RememberIn(file)
		apply(t, w, Config{})
		unchanged(t, w, Config{})
		if diff := cmp.Diff(before, settings(t, "lan0")); diff != "" {
			t.Fatalf("step %d failed; not as it was found (-found +now):\n%s", n, diff)
		}
	}
}
