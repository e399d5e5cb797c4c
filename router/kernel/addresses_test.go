package kernel

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiffAddresses(t *testing.T) {
	state := func(p string, flags ...string) AddressState {
		a := AddressState{Prefix: netip.MustParsePrefix(p)}
		for _, f := range flags {
			switch f {
			case "ours":
				a.Ours = true
			case "dynamic":
				a.Dynamic = true
			case "deprecated":
				a.Deprecated = true
			}
		}
		return a
	}
	tests := []struct {
		name string
		have []AddressState
		want []string
		ops  []string
	}{
		{name: "nothing"},
		{name: "new", want: []string{"2001:db8::1/64", "192.0.2.1/24"}, ops: []string{"add 2001:db8::1/64", "add 192.0.2.1/24"}},
		{name: "same", have: []AddressState{state("2001:db8::1/64", "ours")}, want: []string{"2001:db8::1/64"}},
		{name: "twice in the configuration", want: []string{"2001:db8::1/64", "2001:db8::1/64"}, ops: []string{"add 2001:db8::1/64"}},
		{name: "of somebody else, wanted", have: []AddressState{state("2001:db8::1/64")}, want: []string{"2001:db8::1/64"}},
		{name: "of somebody else, not wanted", have: []AddressState{state("2001:db8::1/64")}},
		{name: "from an advertisement, wanted", have: []AddressState{state("2001:db8::1/64", "dynamic")}, want: []string{"2001:db8::1/64"},
			ops: []string{"replace 2001:db8::1/64"}},
		{name: "no longer wanted", have: []AddressState{state("2001:db8::1/64", "ours")}, ops: []string{"remove 2001:db8::1/64"}},
		{name: "add before remove", have: []AddressState{state("2001:db8::1/64", "ours")}, want: []string{"2001:db8::2/64"},
			ops: []string{"add 2001:db8::2/64", "remove 2001:db8::1/64"}},
		{name: "other length, IPv6", have: []AddressState{state("2001:db8::1/64", "ours")}, want: []string{"2001:db8::1/56"},
			ops: []string{"remove 2001:db8::1/64", "add 2001:db8::1/56"}},
		{name: "other length, IPv4", have: []AddressState{state("192.0.2.1/24", "ours")}, want: []string{"192.0.2.1/25"},
			ops: []string{"add 192.0.2.1/25", "remove 192.0.2.1/24"}},
		{name: "deprecated from now on", have: []AddressState{state("2001:db8::1/64", "ours")}, want: []string{"2001:db8::1/64 deprecated"},
			ops: []string{"deprecate 2001:db8::1/64"}},
		{name: "deprecated already", have: []AddressState{state("2001:db8::1/64", "ours", "deprecated")}, want: []string{"2001:db8::1/64 deprecated"}},
		{name: "deprecated no more", have: []AddressState{state("2001:db8::1/64", "ours", "deprecated")}, want: []string{"2001:db8::1/64"},
			ops: []string{"prefer 2001:db8::1/64"}},
		{name: "of somebody else, deprecated", have: []AddressState{state("2001:db8::1/64", "deprecated")}, want: []string{"2001:db8::1/64"}},
		{name: "other length, of somebody else", have: []AddressState{state("2001:db8::1/64")}, want: []string{"2001:db8::1/56"},
			ops: []string{"add 2001:db8::1/56"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, op := range diffAddresses(tt.have, wanted(tt.want...)) {
				got = append(got, op.verb+" "+op.prefix.String())
			}
			if diff := cmp.Diff(tt.ops, got); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
		})
	}
}

// wanted reads addresses that may have the word deprecated behind them.
func wanted(list ...string) []Address {
	var out []Address
	for _, text := range list {
		prefix, deprecated := strings.CutSuffix(text, " deprecated")
		out = append(out, Address{Prefix: netip.MustParsePrefix(prefix), Deprecated: deprecated})
	}
	return out
}

func TestBroadcast(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.0.2.1/24": "192.0.2.255", "10.1.2.3/23": "10.1.3.255", "192.0.2.1/30": "192.0.2.3",
		"192.0.2.1/31": "invalid IP", "192.0.2.1/32": "invalid IP",
	} {
		if got := broadcast(netip.MustParsePrefix(prefix)).String(); got != want {
			t.Errorf("broadcast(%s) = %s, want %s", prefix, got, want)
		}
	}
}

func TestWantedAddresses(t *testing.T) {
	l := Link{Addresses: append(addresses("2001:db8::1/64", "::ffff:192.0.2.1/120"), Address{})}
	got, err := wantedAddresses(l)
	if err == nil {
		t.Error("an invalid address gave no error")
	}
	if diff := cmp.Diff([]string{"2001:db8::1/64", "192.0.2.1/24"}, []string{got[0].Prefix.String(), got[1].Prefix.String()}); diff != "" || len(got) != 2 {
		t.Errorf("prefixes (-want +got):\n%s", diff)
	}
}
