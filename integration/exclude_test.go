package integration

import (
	"testing"
)

// A provider that numbers its link from the prefix that it delegates (RFC 6603): the customer's router is told which part that is,
// puts its own address on the uplink from it, and gives it to no LAN.
func TestPrefixExclude(t *testing.T) {
	t.Parallel()
	isp, router := host(t, "isp"), host(t, "router")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	run(t, isp, `
interfaces:
  cust0:
    addresses: ["2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "2001:980:0:100::/56", length: 60, exclude: "0:0:0:f::/64"}}}
`)
	r := run(t, router, `
interfaces:
  wan0:
    accept_ra: true
    delegations:
      isp: {length: 60, excluded_address: "::2"}
  lan0: {addresses: ["isp auto/64"]}
`)
	if prefix := waitPrefix(t, r, "isp"); prefix.Bits() != 60 {
		t.Errorf("delegated is %s", prefix)
	}
	eventually(t, "an address of the excluded part on the uplink", router.Expect("ip -6 addr show dev wan0", "2001:980:0:10f::2/64"))
}
