package apitest

import (
	"context"
	"net"
	"net/netip"

	"github.com/sixfold-router/sixfold/router"
)

// VRFs implements api.Backend.
func (b *Backend) VRFs(ctx context.Context) ([]router.VRFStatus, error) {
	return given(ctx, b, b.VRFList)
}

// Silent is a name whose servers do not answer.
const Silent = "silent.example"

// Resolve implements api.Backend.
func (b *Backend) Resolve(ctx context.Context, name string) (router.Resolved, error) {
	if err := b.ready(ctx); err != nil {
		return router.Resolved{}, err
	}
	if name == Silent {
		return router.Resolved{}, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
	}
	found, ok := b.Resolutions[name]
	if !ok {
		return router.Resolved{}, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return found, nil
}

// sampleVRFs are the management instance and one for data, whose device somebody else has.
func sampleVRFs() []router.VRFStatus {
	return []router.VRFStatus{
		{
			Name: "mgmt", Table: 1001, Management: true, Up: true, Interfaces: []string{"em0"}, Routes: 6,
			DNS:      []netip.Addr{netip.MustParseAddr("2a00:f10:ff04:153::53"), netip.MustParseAddr("2a00:f10:ff04:253::53")},
			Services: []string{"chrony.service", "ssh.service"},
		},
		{Name: "blue", Table: 1010, Problem: "the link blue is no VRF device"},
	}
}

// sampleNames are the names that can be resolved.
func sampleNames() map[string]router.Resolved {
	return map[string]router.Resolved{"pcextreme.nl": {
		Addresses: []netip.Addr{netip.MustParseAddr("2a00:f10:101:0:46e:c2ff:fe00:93"), netip.MustParseAddr("93.180.70.22")},
		VRF:       "mgmt", Servers: []netip.Addr{netip.MustParseAddr("2a00:f10:ff04:153::53")},
	}}
}
