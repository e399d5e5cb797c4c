package lab

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

//go:embed configs/*.yaml
var configs embed.FS

const picture = `
  internet ── isp ── router ─┬─ lan0 ─── switch ─┬─ host         the kernel's own SLAAC
                             │                   └─ downstream ── leaf
                             ├─ eth1 ─── web1                    MAC 52:54:00:d6:c2:a9
                             └─ eth5 ─── vxhost                  plain Linux, vxlan1000
`

// hosts are all nodes of the lab but the switch.
var hosts = []string{"internet", "isp", "router", "host", "web1", "downstream", "leaf", "vxhost"}

// daemons are the nodes that run sixfold.
var daemons = []string{"isp", "router", "downstream", "web1"}

// build makes the hosts and their cables, and sets up those that do not run sixfold.
func (l *Lab) build() error {
	for _, name := range hosts {
		n, err := netns.New(name)
		if err != nil {
			return err
		}
		l.nodes[name] = n
		// Detection of duplicates takes a second each; the lab has none.
		if err := n.Sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"); err != nil {
			return err
		}
	}
	end := func(node, link string) netns.End { return netns.End{Node: l.nodes[node], Name: link} }
	web1 := end("web1", "eth0")
	web1.MAC = "52:54:00:d6:c2:a9"
	for _, cable := range [][2]netns.End{
		{end("internet", "eth0"), end("isp", "net0")},
		{end("isp", "cust0"), end("router", "wan0")},
		{end("router", "eth1"), web1},
		{end("router", "eth5"), end("vxhost", "eth5")},
		{end("downstream", "lan0"), end("leaf", "eth0")},
	} {
		if err := netns.Connect(cable[0], cable[1]); err != nil {
			return err
		}
	}
	sw, err := netns.Switch("switch", end("router", "lan0"), end("host", "eth0"), end("downstream", "wan0"))
	if err != nil {
		return err
	}
	l.nodes["switch"] = sw

	if err := l.nodes["internet"].IP(
		"addr add 2001:db8:53::53/64 dev eth0 nodad",
		"route add default via 2001:db8:53::1",
	); err != nil {
		return err
	}
	// What the Ubuntu host of a VXLAN with VyOS runs.
	return l.nodes["vxhost"].IP(
		"link set eth5 mtu 9000",
		"addr add 192.168.0.11/24 dev eth5",
		"link add vxlan1000 type vxlan id 1000 dstport 4789 group 239.0.3.232 dev eth5 ttl 5",
		"link set vxlan1000 mtu 1500 up",
		"addr add 10.0.0.11/23 dev vxlan1000",
		"addr add 2a00:f10:114:1000::101/64 dev vxlan1000 nodad",
	)
}

// start starts sixfold in a node and waits until it answers.
func (l *Lab) start(name string) error {
	n := l.nodes[name]
	text, err := configs.ReadFile("configs/" + name + ".yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(n.Root(), "run/sixfold.yaml"), text, 0o644); err != nil {
		return err
	}
	p, err := n.Start(l.binary, "run", "--config", "/run/sixfold.yaml", "--state-dir", "/run/sixfold/state")
	if err != nil {
		return err
	}
	l.processes[name] = p
	return netns.Eventually(10*time.Second, func() error {
		if !p.Running() {
			return fmt.Errorf("sixfold ended on %s:\n%s", name, p.Stderr())
		}
		_, err := l.show(name, "version")
		return err
	})
}
