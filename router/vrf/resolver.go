package vrf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// queryTime is how long one server may take to answer before the next is asked.
const queryTime = 2 * time.Second

// Resolver looks names up in a VRF. The zero value asks the servers of the machine, in the default instance.
type Resolver struct {
	Device  string       // VRF; empty: the default instance
	Servers []netip.Addr // asked in this order, on port 53; none: those of /etc/resolv.conf
	Domains []string     // for names without a dot

	port uint16 // for tests; 0: 53
}

// Lookup returns the addresses of a name, IPv6 first. Its error is a *net.DNSError; IsNotFound tells a name that does not exist
// from servers that do not answer.
func (r Resolver) Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	var last error
	for _, candidate := range r.candidates(name) {
		found, err := r.lookup(ctx, candidate)
		if err == nil {
			return found, nil
		}
		var dns *net.DNSError
		if last = err; !errors.As(err, &dns) || !dns.IsNotFound {
			break
		}
	}
	return nil, last
}

// candidates are the full names that a name may stand for, in the order to try them.
func (r Resolver) candidates(name string) []string {
	if strings.HasSuffix(name, ".") || len(r.Servers) == 0 {
		return []string{name} // what resolv.conf says of domains holds for its servers
	}
	var all []string
	for _, d := range r.Domains {
		all = append(all, name+"."+strings.Trim(d, ".")+".")
	}
	if strings.Contains(name, ".") {
		return append([]string{name + "."}, all...)
	}
	return append(all, name+".")
}

// lookup asks all servers, one after the other, until one answers.
func (r Resolver) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	servers := r.Servers
	if len(servers) == 0 {
		servers = []netip.Addr{{}}
	}
	var errs []error
	for _, server := range servers {
		found, err := r.ask(ctx, server, name)
		if err == nil {
			return order(found), nil
		}
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound || ctx.Err() != nil {
			return nil, err
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	return nil, &net.DNSError{UnwrapErr: err, Err: strings.ReplaceAll(err.Error(), "\n", "; "), Name: strings.TrimSuffix(name, ".")}
}

// ask asks one server; an invalid one stands for those of the machine.
func (r Resolver) ask(ctx context.Context, server netip.Addr, name string) ([]netip.Addr, error) {
	d := net.Dialer{Control: Control(r.Device)}
	failed := &failure{}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if server.IsValid() {
			port := r.port
			if port == 0 {
				port = 53
			}
			address = netip.AddrPortFrom(server, port).String()
		}
		conn, err := d.DialContext(ctx, network, address)
		failed.note(err)
		return conn, err
	}}
	if server.IsValid() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, queryTime)
		defer cancel()
	}
	found, err := resolver.LookupNetIP(ctx, "ip", name)
	var dns *net.DNSError
	if errors.As(err, &dns) && server.IsValid() {
		// The resolver names the server of resolv.conf, which was not asked.
		dns.Server = server.String()
		if why := failed.err(); why != nil {
			dns.Err = fmt.Sprintf("cannot ask: %v", why)
		}
	}
	return found, err
}

// failure keeps the last error of dialing, which the resolver does not tell.
type failure struct {
	mu   sync.Mutex
	last error
}

func (f *failure) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = err
}

func (f *failure) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// order puts IPv6 first.
func order(found []netip.Addr) []netip.Addr {
	var six, four []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	return append(six, four...)
}
