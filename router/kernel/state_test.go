package kernel

import (
	"net/netip"
	"testing"
)

// TestLinkLocal: addresses come as Linux lists them, the newest first.
func TestLinkLocal(t *testing.T) {
	own := func(text string) AddressState { return AddressState{Prefix: netip.MustParsePrefix(text)} }
	configured := func(text string) AddressState {
		return AddressState{Prefix: netip.MustParsePrefix(text), Ours: true}
	}
	tests := map[string]struct {
		addresses []AddressState
		want      string
	}{
		"none":                      {nil, ""},
		"not link-local":            {[]AddressState{own("2001:db8::1/64"), own("169.254.0.1/16")}, ""},
		"one":                       {[]AddressState{own("2001:db8::1/64"), own("fe80::a/64")}, "fe80::a"},
		"another is added":          {[]AddressState{own("fe80::1/64"), own("fe80::a/64")}, "fe80::a"},
		"tentative":                 {[]AddressState{{Prefix: netip.MustParsePrefix("fe80::a/64"), Tentative: true}}, ""},
		"duplicate":                 {[]AddressState{own("fe80::1/64"), {Prefix: netip.MustParsePrefix("fe80::a/64"), Duplicate: true}}, "fe80::1"},
		"configured":                {[]AddressState{configured("fe80::1/64"), own("fe80::a/64")}, "fe80::1"},
		"configured, then another":  {[]AddressState{own("fe80::b/64"), configured("fe80::1/64"), own("fe80::a/64")}, "fe80::1"},
		"two configured":            {[]AddressState{configured("fe80::2/64"), configured("fe80::1/64"), own("fe80::a/64")}, "fe80::1"},
		"configured, but tentative": {[]AddressState{{Prefix: netip.MustParsePrefix("fe80::1/64"), Ours: true, Tentative: true}, own("fe80::a/64")}, "fe80::a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := LinkState{Addresses: tt.addresses}.LinkLocal()
			if ok != (tt.want != "") || ok && got.String() != tt.want {
				t.Errorf("LinkLocal() = %v, %v; want %q", got, ok, tt.want)
			}
		})
	}
}
