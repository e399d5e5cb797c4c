package kernel

import (
	"strings"
	"testing"
)

// An address that is deprecated stays, without a lifetime that would end by itself, and may become preferred again.
func TestDeprecatedAddress(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := NewMonitor(discard())
	w := NewLinks(discard(), m)
	for _, step := range []struct {
		want    []Address
		preview string
		shown   string // what ip shows of 2001:db8:1::1 beside its flags
	}{
		{wanted("2001:db8:1::1/64"), "add 2001:db8:1::1/64", "valid_lft forever preferred_lft forever"},
		{wanted("2001:db8:2::1/64", "2001:db8:1::1/64 deprecated"), "add 2001:db8:2::1/64|deprecate 2001:db8:1::1/64", "valid_lft forever preferred_lft 0sec"},
		{wanted("2001:db8:1::1/64"), "2001:db8:1::1/64 is no longer deprecated|remove 2001:db8:2::1/64", "valid_lft forever preferred_lft forever"},
		{wanted("2001:db8:1::1/64", "2001:db8:3::1/64 deprecated"), "add 2001:db8:3::1/64, deprecated", "valid_lft forever preferred_lft forever"},
	} {
		cfg := Config{Links: map[string]Link{"lan0": {Addresses: step.want}}}
		if err := m.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		ops, err := w.Preview(cfg, m.Links())
		if err != nil {
			t.Fatal(err)
		}
		var foreseen []string
		for _, op := range ops {
			if strings.Contains(op.Action, "2001:db8:") {
				foreseen = append(foreseen, op.Action)
			}
		}
		if got := strings.Join(foreseen, "|"); got != step.preview {
			t.Errorf("foreseen: %s, want %s", got, step.preview)
		}
		apply(t, w, cfg)
		unchanged(t, w, cfg)
		_, after, _ := strings.Cut(ip(t, "-6 addr show dev lan0"), "2001:db8:1::1/64")
		if !strings.Contains(strings.SplitN(after, "inet6", 2)[0], step.shown) {
			t.Errorf("%s is not what ip shows:\n%s", step.shown, after)
		}
	}
	if got := ip(t, "-6 addr show dev lan0 deprecated"); !strings.Contains(got, "2001:db8:3::1/64") || strings.Contains(got, "2001:db8:1::1/64") {
		t.Errorf("deprecated are:\n%s", got)
	}
}
