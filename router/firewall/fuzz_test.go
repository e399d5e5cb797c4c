package firewall

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// FuzzCompile compiles random configurations. A ruleset refers to nothing that it does not have, is within the limits of the kernel, and
// decides every packet.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, "web")
	}
	f.Fuzz(func(t *testing.T, seed uint64, name string) {
		r := rand.New(rand.NewPCG(seed, 1))
		conf := randomConfig(r)
		for i := range conf.Policies {
			for j := range conf.Policies[i].Rules {
				conf.Policies[i].Rules[j].Log = uint32(r.IntN(3))
				if r.IntN(4) == 0 {
					conf.Policies[i].Rules[j].Name = name
				}
			}
			conf.Policies[i].Where += name
		}
		conf.Services, conf.VTEPs = sample().Services, sample().VTEPs
		rules := Compile(conf)
		if again := Compile(conf); !reflect.DeepEqual(rules, again) {
			t.Error("equal configurations give different rulesets")
		}
		for _, problem := range rules.dangling() {
			t.Error(problem)
		}
		for range 20 {
			_, p := randomPacket(r, conf, []string{"wan0", "lan0", "guest0"})
			if out := rules.Evaluate(p); out.Action != Accept && out.Where == "" {
				t.Errorf("%+v: %+v", p, out)
			}
		}
	})
}

// dangling lists what a ruleset refers to and does not have, and what the kernel would not take.
func (r *Ruleset) dangling() []string {
	var out []string
	names := map[string]bool{}
	for i := range r.Chains {
		chain := &r.Chains[i]
		if names[chain.Name] {
			out = append(out, "two chains "+chain.Name)
		}
		for _, rule := range chain.Rules {
			if c := rule.comment(); len(c) > maxComment {
				out = append(out, "long comment "+c)
			}
			for _, part := range rule.Parts {
				switch part := part.(type) {
				case in:
					if r.set(part.set) == nil {
						out = append(out, "no set "+part.set)
					}
				case count:
					if _, found := slices.BinarySearch(r.Counters, string(part)); !found {
						out = append(out, "no counter "+string(part))
					}
				case logs:
					if len(part) > maxLogPrefix {
						out = append(out, "long log prefix "+string(part))
					}
				case verdict:
					if part.chain != "" && !names[part.chain] {
						out = append(out, fmt.Sprintf("%s leads to %s, which is not before it", chain.Name, part.chain))
					}
				}
			}
		}
		names[chain.Name] = true
	}
	for i := range r.Sets {
		if !slices.IsSortedFunc(r.Sets[i].Elements, func(a, b Element) int { return cmpElements(a, b) }) {
			out = append(out, "unsorted set "+r.Sets[i].Name)
		}
	}
	return out
}

func cmpElements(a, b Element) int {
	switch {
	case a.Last < b.First:
		return -1
	case a.First > b.Last:
		return 1
	}
	return 1 // they overlap
}

func TestMergedRanges(t *testing.T) {
	for _, c := range []struct{ have, want []PortRange }{
		{[]PortRange{{First: 5, Last: 9}, {First: 1, Last: 4}}, []PortRange{{First: 1, Last: 9}}},
		{[]PortRange{{First: 5, Last: 9}, {First: 6, Last: 7}, {First: 11, Last: 11}}, []PortRange{{First: 5, Last: 9}, {First: 11, Last: 11}}},
		{[]PortRange{{First: 1, Last: 65535}, {First: 2, Last: 3}}, []PortRange{{First: 1, Last: 65535}}},
	} {
		if got, want := portElements(c.have), portElements(c.want); !slices.Equal(got, want) || len(want) != len(c.want) {
			t.Errorf("merged %v is %v, want %v", c.have, got, want)
		}
	}
}
