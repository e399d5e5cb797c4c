package lab

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/change"
)

// internet is a host beyond the ISP, and its DNS server.
var internet = netip.MustParseAddr("2001:db8:53::53")

func (l *Lab) steps() []step {
	return []step{
		{"hosts and cables", l.buildStep},
		{"sixfold runs on isp, router, downstream and web1", l.startStep},
		{"router: a prefix from the ISP, by DHCPv6 prefix delegation", l.prefixStep},
		{"router: the default route, from the ISP's advertisement", l.defaultRouteStep},
		{"host: address, default route and DNS, by the kernel's own SLAAC", l.slaacStep},
		{"web1: the address reserved for its MAC, by DHCPv6", l.reservationStep},
		{"downstream: a /60 out of the second /56, and a route to it", l.delegationStep},
		{"leaf: an address out of that /60, by SLAAC", l.leafStep},
		{"router and isp: BGP over link-local addresses", l.bgpStep},
		{"vxhost: plain ip link and the router share VNI 1000", l.vxlanStep},
		{"end to end: every host reaches " + internet.String() + " through the ISP", l.endToEndStep},
	}
}

func (l *Lab) buildStep(context.Context) (string, error) {
	if err := l.build(); err != nil {
		return "", &finalError{err}
	}
	return fmt.Sprintf("%d hosts and a switch; nothing of the machine itself is changed", len(hosts)), nil
}

// finalError is an error that trying again does not mend.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func (l *Lab) startStep(context.Context) (string, error) {
	for _, name := range daemons {
		if err := l.start(name); err != nil {
			return "", &finalError{err}
		}
	}
	return "", nil
}

func (l *Lab) prefixStep(context.Context) (string, error) {
	p, err := l.delegation("router", "isp")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s from %s on %s, valid for %s, DNS %s", p.Prefix, p.Server, p.Link,
		change.Span(time.Until(p.ValidUntil.AsTime()).Round(time.Minute)), strings.Join(p.Dns, ", ")), nil
}

func (l *Lab) defaultRouteStep(context.Context) (string, error) {
	return l.find("router", "ip -6 route show default", "via fe80::1 dev wan0", "proto ra")
}

func (l *Lab) slaacStep(ctx context.Context) (string, error) {
	p, err := l.delegation("router", "isp")
	if err != nil {
		return "", err
	}
	first := netip.PrefixFrom(netip.MustParsePrefix(p.Prefix).Addr(), 64)
	address, err := l.addressIn("host", "eth0", first)
	if err != nil {
		return "", err
	}
	route, err := l.find("host", "ip -6 route show default", "dev eth0", "proto ra")
	if err != nil {
		return "", err
	}
	got, err := l.solicit(ctx, "host")
	if err != nil {
		return "", err
	}
	if len(got.RDNSS) == 0 || len(got.DNSSL) == 0 {
		return "", fmt.Errorf("the advertisement has no DNS: %+v", got)
	}
	return fmt.Sprintf("%s, the first /64 of %s\n%s\nDNS %v, search %v, from %v", address, p.Prefix, route,
		join(got.RDNSS[0].Servers), strings.Join(got.DNSSL[0].Domains, " "), got.Router), nil
}

func (l *Lab) reservationStep(context.Context) (string, error) {
	const want = "2001:db8::5054:ff:fed6:c2a9"
	if _, err := l.find("web1", "ip -6 -o addr show dev eth0", want+"/128"); err != nil {
		return "", err
	}
	var list sixfoldv1.ListLeasesResponse
	if err := l.query("router", &list, "leases"); err != nil {
		return "", err
	}
	for _, lease := range list.Leases {
		if strings.TrimSuffix(lease.Prefix, "/128") == want {
			return fmt.Sprintf("%s for MAC %s, reservation %s, from router on %s", want, lease.Mac, lease.Pool, lease.Link), nil
		}
	}
	return "", fmt.Errorf("router has no lease of %s", want)
}

func (l *Lab) delegationStep(context.Context) (string, error) {
	p, err := l.delegation("downstream", "home")
	if err != nil {
		return "", err
	}
	route, err := l.find("router", "ip -6 route show "+p.Prefix, "via fe80:", "dev lan0")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s from router; there: %s", p.Prefix, route), nil
}

func (l *Lab) leafStep(context.Context) (string, error) {
	p, err := l.delegation("downstream", "home")
	if err != nil {
		return "", err
	}
	address, err := l.addressIn("leaf", "eth0", netip.PrefixFrom(netip.MustParsePrefix(p.Prefix).Addr(), 64))
	return address, err
}

func (l *Lab) bgpStep(context.Context) (string, error) {
	in, err := l.find("router", "ip -6 route show 2001:db8:53::/64", "via fe80::1 dev wan0")
	if err != nil {
		return "", err
	}
	lines := []string{"router has " + in}
	for _, prefix := range []string{"2001:db8::/64", "2a00:f10:114:1000::/64"} {
		out, err := l.find("isp", "ip -6 route show "+prefix, "via fe80::2 dev cust0")
		if err != nil {
			return "", err
		}
		lines = append(lines, "isp has    "+out)
	}
	return strings.Join(lines, "\n"), nil
}

func (l *Lab) vxlanStep(ctx context.Context) (string, error) {
	var lines []string
	for _, dst := range []string{"10.0.0.1", "2a00:f10:114:1000::1"} {
		took, err := l.ping(ctx, "vxhost", netip.MustParseAddr(dst))
		if err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("%s answers in %v", dst, took))
	}
	return strings.Join(lines, "\n"), nil
}

func (l *Lab) endToEndStep(ctx context.Context) (string, error) {
	var lines []string
	for _, from := range []string{"host", "web1", "leaf", "vxhost"} {
		took, err := l.ping(ctx, from, internet)
		if err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("%-7s %v", from, took))
	}
	return strings.Join(lines, "\n"), nil
}

// delegation returns a delegation that a node holds.
func (l *Lab) delegation(node, name string) (*sixfoldv1.PrefixState, error) {
	var list sixfoldv1.ListPrefixesResponse
	if err := l.query(node, &list, "prefixes"); err != nil {
		return nil, err
	}
	for _, p := range list.Prefixes {
		if p.Name == name && p.Prefix != "" {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s has no prefix %s yet: %v", node, name, list.Prefixes)
}

// query runs sixfold show --json in a node.
func (l *Lab) query(node string, into proto.Message, args ...string) error {
	out, err := l.show(node, append(args, "--json")...)
	if err != nil {
		return err
	}
	return protojson.Unmarshal([]byte(out), into)
}

// find returns the first line of a command's output that has all the texts.
func (l *Lab) find(node, command string, texts ...string) (string, error) {
	words := strings.Fields(command)
	out, err := l.nodes[node].Run(words[0], words[1:]...)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(line, t) }) {
			return strings.Join(strings.Fields(line), " "), nil
		}
	}
	return "", fmt.Errorf("%s: %s shows no line with %q:\n%s", node, command, texts, out)
}

// addressIn returns the address that a link of a node has in a prefix.
func (l *Lab) addressIn(node, link string, prefix netip.Prefix) (string, error) {
	out, err := l.nodes[node].Run("ip", "-6", "-o", "addr", "show", "dev", link, "scope", "global")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 3 {
			if p, err := netip.ParsePrefix(f[3]); err == nil && prefix.Contains(p.Addr()) {
				return p.String(), nil
			}
		}
	}
	return "", fmt.Errorf("%s has no address in %s on %s:\n%s", node, prefix, link, out)
}

// solicit asks for an advertisement on a node's eth0.
func (l *Lab) solicit(ctx context.Context, node string) (ra.Received, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var got []ra.Received
	err := l.nodes[node].Do(func() error {
		index, err := netns.LinkIndex("eth0")
		if err != nil {
			return err
		}
		got, err = ra.Solicit(ctx, index, true)
		return err
	})
	if err != nil {
		return ra.Received{}, err
	}
	if len(got) == 0 {
		return ra.Received{}, fmt.Errorf("%s: no router advertisement", node)
	}
	return got[0], nil
}

func (l *Lab) ping(ctx context.Context, from string, dst netip.Addr) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	took, err := l.nodes[from].Ping(ctx, dst)
	return took.Round(10 * time.Microsecond), err
}

func join[T fmt.Stringer](list []T) string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, v.String())
	}
	return strings.Join(out, ", ")
}
