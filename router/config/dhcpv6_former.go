package config

import sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

// former reads the prefixes that pools were cut from before. What is in a pool of prefixes is given, and does not run out.
func (b *builder) former(list map[string]*sixfoldv1.RetiredPrefix, d *DHCPv6, s *spot) []FormerPrefix {
	var out []FormerPrefix
	all := s.field("former")
	for _, text := range inOrder(list, all) {
		at := all.entry(text)
		f := FormerPrefix{Prefix: b.prefix6(text, at), Until: b.moment(list[text].GetUntil(), at.field("until"))}
		if !f.Prefix.IsValid() {
			continue
		}
		for _, p := range d.Delegate {
			if !p.Rest && overlap(f.Prefix, p.Pool) {
				b.errorf(at, "%s overlaps with %s, the pool %s; what is in a pool is given and does not run out", text, p.Pool,
					s.field("delegate").entry(p.Name).field("pool").where())
			}
		}
		out = append(out, f)
	}
	sortByName(out, func(f FormerPrefix) string { return f.Prefix.String() })
	return out
}
