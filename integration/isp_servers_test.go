package integration

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// ispOffer is what a DHCPv6 server of an ISP is configured with. Lifetimes and times are in seconds.
type ispOffer struct {
	pool                     netip.Prefix // of /48s
	t1, t2, preferred, valid int
	rapid                    bool
}

// ispSoftware is a DHCPv6 server that other people wrote. Its files are in its host's own /run.
type ispSoftware struct {
	name    string
	rapid   bool              // it can be configured for rapid commit
	fickle  bool              // it extends no prefix in a Rebind, and who asks anew may get another one
	dirs    []string          // to make in /run
	mounts  map[string]string // directories of /run that take the place of others
	command []string
	config  string // path of the configuration
	text    func(ispOffer) string
	ready   string   // in the log: it serves
	log     string   // path of the log; empty: it goes to stderr
	leases  []string // files to remove to make it forget
	pids    []string // files that a killed server leaves behind and a new one trips over
	// received is what the log says of a message of that kind.
	received func(kind string) string
	// leased finds the lease of a prefix in the first of leases, as it stands now.
	leased func(leases string, p netip.Prefix) bool
}

// linkPrefix is that of the link between the ISP and its customer, linkPool the part that the DHCPv6 servers give addresses of.
var (
	linkPrefix = netip.MustParsePrefix("2001:888:1::/64")
	linkPool   = netip.MustParsePrefix("2001:888:1::100/120")
)

var kea = ispSoftware{
	name: "kea", rapid: true,
	dirs:    []string{"kea"},
	command: []string{"kea-dhcp6", "-c", "/run/kea.json"},
	config:  "kea.json",
	text: func(o ispOffer) string {
		return fmt.Sprintf(`{"Dhcp6": {
  "interfaces-config": {"interfaces": ["cust0"]},
  "lease-database": {"type": "memfile", "name": "/run/kea/leases6.csv", "lfc-interval": 0}, "data-directory": "/run/kea",
  "renew-timer": %d, "rebind-timer": %d, "preferred-lifetime": %d, "valid-lifetime": %d,
  "option-data": [{"name": "dns-servers", "data": "2001:888:0:6::66"}, {"name": "domain-search", "data": "isp.example"}],
  "subnet6": [{"id": 1, "subnet": "%s", "interface": "cust0", "rapid-commit": %t,
    "pools": [{"pool": "%s"}],
    "pd-pools": [{"prefix": "%s", "prefix-len": %d, "delegated-len": 48}]}],
  "loggers": [{"name": "kea-dhcp6", "severity": "DEBUG", "debuglevel": 55, "output_options": [{"output": "stderr"}]}]
}}`, o.t1, o.t2, o.preferred, o.valid, linkPrefix, o.rapid, linkPool, o.pool.Addr(), o.pool.Bits())
	},
	ready:    "DHCP6_STARTED",
	leases:   []string{"kea/leases6.csv"},
	pids:     []string{"kea/kea.kea-dhcp6.pid"},
	received: func(kind string) string { return strings.ToUpper(kind) + " (type " },
	leased: func(leases string, p netip.Prefix) bool {
		// Each line is the newest state of a lease; a valid lifetime of 0 is that of one that was given back.
		held := false
		for line := range strings.Lines(leases) {
			if f := strings.Split(line, ","); len(f) > 3 && f[0] == p.Addr().String() {
				held = f[2] != "0"
			}
		}
		return held
	},
}

var isc = ispSoftware{
	name: "isc",
	dirs: []string{"dhcpd"},
	command: []string{"dhcpd", "-6", "-f", "-d", "-user", "root", "-group", "root",
		"-cf", "/run/dhcpd/conf", "-lf", "/run/dhcpd/leases", "-pf", "/run/dhcpd/pid", "cust0"},
	config: "dhcpd/conf",
	text: func(o ispOffer) string {
		last := nth(o.pool, 48, 1<<(48-o.pool.Bits())-1)
		return fmt.Sprintf(`authoritative;
option dhcp-renewal-time %d; option dhcp-rebinding-time %d; preferred-lifetime %d; default-lease-time %d;
option dhcp6.name-servers 2001:888:0:6::66; option dhcp6.domain-search "isp.example";
subnet6 %s { range6 %s; prefix6 %s %s /48; }
`, o.t1, o.t2, o.preferred, o.valid, linkPrefix, linkPool, o.pool.Addr(), last.Addr())
	},
	ready:    "Server starting service",
	leases:   []string{"dhcpd/leases", "dhcpd/leases~"},
	pids:     []string{"dhcpd/pid"},
	received: func(kind string) string { return kind + " message from " },
	leased: func(leases string, p netip.Prefix) bool {
		state := regexp.MustCompile(`(?s)iaprefix `+p.String()+` \{.*?binding state (\w+);`).FindAllStringSubmatch(leases, -1)
		return len(state) > 0 && state[len(state)-1][1] == "active"
	},
}

var dibbler = ispSoftware{
	name: "dibbler", rapid: true, fickle: true,
	dirs:    []string{"etc", "lib", "lib/AAA", "log"},
	mounts:  map[string]string{"etc": "/etc/dibbler", "lib": "/var/lib/dibbler", "log": "/var/log/dibbler"},
	command: []string{"dibbler-server", "run"},
	config:  "etc/server.conf",
	text: func(o ispOffer) string {
		rapid := 0
		if o.rapid {
			rapid = 1
		}
		return fmt.Sprintf(`log-level 8
log-mode short
iface "cust0" {
  t1 %d
  t2 %d
  prefered-lifetime %d
  valid-lifetime %d
  rapid-commit %d
  class { pool %s }
  pd-class { pd-pool %s
    pd-length 48 }
  option dns-server 2001:888:0:6::66
  option domain isp.example
}
`, o.t1, o.t2, o.preferred, o.valid, rapid, linkPool, o.pool)
	},
	ready:    "Server begins operation",
	log:      "log/dibbler-server.log",
	leases:   []string{"lib/server-AddrMgr.xml", "lib/server-cache.xml"},
	pids:     []string{"lib/server.pid"},
	received: func(kind string) string { return "Received " + strings.ToUpper(kind) },
	leased: func(leases string, p netip.Prefix) bool {
		return regexp.MustCompile(`<AddrPrefix [^>]*>` + p.Addr().String() + `<`).MatchString(leases)
	},
}

// ispServer is such a server on a host.
type ispServer struct {
	ispSoftware
	t       *testing.T
	node    *netns.Node
	process *netns.Process
	before  string // what earlier processes logged
}

// serve starts a server on a host.
func serve(t *testing.T, n *netns.Node, software ispSoftware, o ispOffer) *ispServer {
	t.Helper()
	s := &ispServer{ispSoftware: software, t: t, node: n}
	for _, dir := range s.dirs {
		must(t, os.MkdirAll(s.path(dir), 0o755))
	}
	for from, to := range s.mounts {
		_, err := n.Run("mount", "--bind", "/run/"+from, to)
		must(t, err)
	}
	s.start(o)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s logged:\n%s", s.name, tail(s.logged(), 120))
		}
	})
	return s
}

// path is where the test finds a file of the host's /run.
func (s *ispServer) path(name string) string { return filepath.Join(s.node.Root(), "run", name) }

func (s *ispServer) start(o ispOffer) {
	s.t.Helper()
	must(s.t, os.WriteFile(s.path(s.config), []byte(s.text(o)), 0o644))
	if s.name == isc.name {
		f, err := os.OpenFile(s.path(s.leases[0]), os.O_CREATE, 0o644) // it wants one to be there
		must(s.t, err)
		must(s.t, f.Close())
	}
	if s.process != nil {
		s.before = s.logged()
	}
	p, err := s.node.Start(s.command[0], s.command[1:]...)
	must(s.t, err)
	s.process = p
	eventually(s.t, "start "+s.name, func() error {
		if !p.Running() {
			s.t.Fatalf("%s ended:\n%s%s\n%s", s.name, p.Stdout(), p.Stderr(), s.since())
		}
		if !strings.Contains(s.since(), s.ready) {
			return fmt.Errorf("it does not say %q:\n%s", s.ready, tail(s.since(), 30))
		}
		return nil
	})
}

// kill ends the server with SIGKILL. If forget is set it will not know its leases when it starts again.
func (s *ispServer) kill(forget bool) {
	s.t.Helper()
	s.process.Kill()
	files := s.pids
	if forget {
		files = append(files[:len(files):len(files)], s.leases...)
	}
	for _, f := range files {
		if err := os.Remove(s.path(f)); err != nil && !os.IsNotExist(err) {
			s.t.Error(err)
		}
	}
}

// logged is what the server said so far, in all its lives.
func (s *ispServer) logged() string {
	if s.log == "" {
		return s.before + s.process.Stdout() + s.process.Stderr()
	}
	b, _ := os.ReadFile(s.path(s.log)) // no file, no words
	return string(b)
}

// since is what the server said in this life.
func (s *ispServer) since() string { return s.logged()[len(s.before):] }

// heard reports whether the log says in this life of the server that a message of a kind came in.
func (s *ispServer) heard(kind string) func() error {
	return func() error {
		if !strings.Contains(s.since(), s.received(kind)) {
			return fmt.Errorf("%s does not say that a %s came in:\n%s", s.name, kind, tail(s.since(), 30))
		}
		return nil
	}
}

// lease reports whether the server has a lease of a prefix on disk.
func (s *ispServer) lease(p netip.Prefix, want bool) func() error {
	return func() error {
		b, err := os.ReadFile(s.path(s.leases[0]))
		if err != nil {
			return err
		}
		if got := s.leased(string(b), p); got != want {
			return fmt.Errorf("%s has a lease of %s: %t, want %t\n%s", s.name, p, got, want, tail(string(b), 40))
		}
		return nil
	}
}
