package integration

import (
	"fmt"
	"testing"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// A delegation with lifetimes of seconds goes through its whole life: Renew, Rebind while the server is away, the end, and
// another when the server is back.
func TestLifeOfADelegation(t *testing.T) {
	t.Parallel()
	isp, router := host(t, "isp"), host(t, "router")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	p := run(t, isp, `
interfaces:
  cust0:
    addresses: ["2001:888:1::1/64"]
    advertise: {max_interval: 4s}
    dhcpv6: {delegate: {customers: {pool: "2001:980::/44", length: 48, valid_lifetime: 16s, preferred_lifetime: 8s}}}
`)
	r := run(t, router, `
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48, prefix: "2001:980:a::/48"}}}
  lan0: {}
  lo: {addresses: ["isp 0:0:0:f::1/128"]}
`)
	prefix := waitPrefix(t, r, "isp")
	if got := prefix.String(); got != "2001:980:a::/48" {
		t.Errorf("the hint was 2001:980:a::/48, got %s", got)
	}
	first := held(t, r)
	eventually(t, "address on lo", router.Expect("ip -6 addr show dev lo", "2001:980:a:f::1/128"))
	eventually(t, "Renew", func() error {
		if now := held(t, r); now == nil || !now.ValidUntil.AsTime().After(first.ValidUntil.AsTime().Add(time.Second)) {
			return fmt.Errorf("was valid until %v, now %v", first.ValidUntil.AsTime(), now)
		}
		return nil
	})
	must(t, isp.Expect("ip -6 route show "+prefix.String(), "dev cust0")())

	p.kill()
	eventually(t, "Rebind", func() error {
		var list sixfoldv1.ListPrefixesResponse
		if err := r.show(&list, "prefixes"); err != nil {
			return err
		}
		if len(list.Prefixes) != 1 || list.Prefixes[0].State != "rebinding" {
			return fmt.Errorf("%v", list.Prefixes)
		}
		return nil
	})
	// It is kept until its real end, and no longer.
	end := held(t, r).ValidUntil.AsTime()
	must(t, router.Expect("ip -6 addr show dev lo", "2001:980:a:f::1/128")())
	eventually(t, "the end", gone(router, prefix.String()))
	if early := time.Until(end); early > 0 {
		t.Errorf("given up %v before its end", early)
	}
	eventually(t, "no address", func() error {
		if err := router.Expect("ip -6 addr show dev lo", "2001:980:a:f::1")(); err == nil {
			return fmt.Errorf("still there")
		}
		return nil
	})

	p.start()
	waitPrefix(t, r, "isp")
	eventually(t, "address on lo", router.Expect("ip -6 addr show dev lo", "2001:980:a:f::1/128"))
}

// held returns the delegation that a router has, or nil.
func held(t *testing.T, d *daemon) *sixfoldv1.PrefixState {
	t.Helper()
	var list sixfoldv1.ListPrefixesResponse
	must(t, d.show(&list, "prefixes"))
	if len(list.Prefixes) == 1 && list.Prefixes[0].Prefix != "" {
		return list.Prefixes[0]
	}
	return nil
}
