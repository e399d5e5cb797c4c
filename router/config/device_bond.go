package config

import (
	"slices"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func (b *builder) bond(m *sixfoldv1.Bond, s *spot) *Bond {
	v := &Bond{
		Mode: m.GetMode(), FastLACP: m.GetLacpRate() == "fast", MinLinks: m.GetMinLinks(), HashPolicy: m.GetHashPolicy(),
		MIIMon: b.duration(m.GetMiimon(), s.field("miimon"), time.Millisecond, 10*time.Millisecond, 10*time.Second, 100*time.Millisecond),
	}
	v.UpDelay = b.duration(m.GetUpDelay(), s.field("up_delay"), time.Millisecond, 0, time.Hour, 0)
	v.DownDelay = b.duration(m.GetDownDelay(), s.field("down_delay"), time.Millisecond, 0, time.Hour, 0)
	if v.Mode == "" {
		v.Mode = "active-backup"
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"up_delay", v.UpDelay}, {"down_delay", v.DownDelay}} {
		if d.value%v.MIIMon != 0 {
			b.errorf(s.field(d.field), "%s is not a multiple of miimon, %s", FormatDuration(d.value), FormatDuration(v.MIIMon))
		}
	}
	hashes := slices.Contains([]string{"802.3ad", "balance-xor", "balance-tlb"}, v.Mode)
	lacp := v.Mode == "802.3ad"
	active := slices.Contains([]string{"active-backup", "balance-tlb", "balance-alb"}, v.Mode)
	for _, f := range []struct {
		field, modes string
		set, counts  bool
	}{
		{"hash_policy", "802.3ad, balance-xor or balance-tlb", v.HashPolicy != "", hashes},
		{"lacp_rate", "802.3ad", m.GetLacpRate() != "", lacp},
		{"min_links", "802.3ad", v.MinLinks != 0, lacp},
		{"primary", "active-backup, balance-tlb or balance-alb", m.GetPrimary() != "", active},
	} {
		if f.set && !f.counts {
			b.errorf(s.field(f.field), "counts only with mode %s; the mode is %s", f.modes, v.Mode)
		}
	}
	if hashes && v.HashPolicy == "" {
		v.HashPolicy = "layer2+3"
	}
	if m.GetPrimary() != "" && b.link(m.GetPrimary(), s.field("primary")) {
		v.Primary = m.GetPrimary()
	}
	return v
}
