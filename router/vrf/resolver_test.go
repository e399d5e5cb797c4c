package vrf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// serveDNS answers from records ("AAAA www.example.") until the test ends.
func serveDNS(t *testing.T, at netip.AddrPort, records map[string]string) (port uint16) {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if out := reply(buf[:n], records); out != nil {
				_, _ = conn.WriteToUDPAddrPort(out, from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func reply(query []byte, records map[string]string) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type, TTL: 60}
	text := records[strings.TrimPrefix(q.Type.String(), "Type")+" "+q.Name.String()]
	known := false
	for r := range records {
		known = known || strings.HasSuffix(r, " "+q.Name.String())
	}
	switch addr, err := netip.ParseAddr(text); {
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	case err != nil:
	case addr.Is4():
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
	default:
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

func TestResolver(t *testing.T) {
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "lan0"}, netns.End{Node: netns.Own(), Name: "lan1"})
	netns.Own().Sh(t, "ip addr replace 2001:db8:53::1/128 dev lo nodad")
	// The kernel adds the route to an address of its own a little later.
	netns.Within(t, 10*time.Second, "the address of the server", netns.Own().Expect("ip -6 route get 2001:db8:53::1", "local 2001:db8:53::1"))
	server := netip.MustParseAddr("2001:db8:53::1")
	port := serveDNS(t, netip.AddrPortFrom(server, 0), map[string]string{
		"AAAA www.example.": "2001:db8::80", "A www.example.": "192.0.2.80", "AAAA ns.pcextreme.nl.": "2001:db8::53",
	})
	addrs := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	dead := netip.MustParseAddr("2001:db8:53::2") // nobody answers for it, there is no route to it
	r := Resolver{Device: "lo", Servers: []netip.Addr{server}, Domains: []string{"example.org", "pcextreme.nl"}, port: port}
	same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	for _, tt := range []struct {
		name    string
		servers []netip.Addr
		want    []netip.Addr
		fails   bool
		missing bool
	}{
		{name: "www.example", want: addrs("2001:db8::80", "192.0.2.80")},
		{name: "www.example.", want: addrs("2001:db8::80", "192.0.2.80")},
		{name: "ns", want: addrs("2001:db8::53")},
		{name: "ns.", fails: true, missing: true},
		{name: "nobody.example", fails: true, missing: true},
		{name: "www.example", servers: []netip.Addr{dead, server}, want: addrs("2001:db8::80", "192.0.2.80")},
		{name: "www.example", servers: []netip.Addr{dead}, fails: true},
	} {
		asks := r
		if tt.servers != nil {
			asks.Servers = tt.servers
		}
		got, err := asks.Lookup(t.Context(), tt.name)
		var dns *net.DNSError
		if (err != nil) != tt.fails || err != nil && (!errors.As(err, &dns) || dns.IsNotFound != tt.missing) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got, same); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	// It is the device that leads to the server.
	r.Device = "lan1"
	if got, err := r.Lookup(t.Context(), "www.example"); err == nil {
		t.Errorf("by lan1: %v", got)
	}
	r.Device = "nope"
	if _, err := r.Lookup(t.Context(), "www.example"); err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("by a device that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Lookup(ctx, "www.example"); err == nil {
		t.Error("no error after the end")
	}
}
