package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/subnet"
)

func subnetShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show PREFIX|ADDRESS[/LENGTH]...",
		Short: "Tell all that an address or a prefix says about itself",
		Long: `Tell all that an address or a prefix says about itself: how it is written in short and in full, the range and the size of its subnet,
what the registries of IANA set it apart for, the hardware or IPv4 address in it, its zone of the reverse DNS.`,
		Example: `  sixfold subnet show 2001:db8:1::5054:ff:fed6:c2a9/64
  sixfold subnet show ff3e:30:2001:db8:1::1`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := a.stream(cmd)
			for i, arg := range args {
				p, err := subnet.ParseAddressPrefix(arg)
				if err != nil {
					return out.close(&usageError{cmd: cmd, err: err})
				}
				d := describe(p)
				text := strings.Join(d.lines(), "\n")
				if i > 0 {
					text = "\n" + text
				}
				if err := out.add(text, d); err != nil {
					return err
				}
			}
			return out.close(nil)
		},
	}
}

// description is what subnet show prints.
type description struct {
	Address   string            `json:"address,omitempty"`
	Prefix    string            `json:"prefix"`
	Expanded  string            `json:"expanded"`
	First     string            `json:"first"`
	Last      string            `json:"last"`
	Addresses string            `json:"addresses"`
	Hosts     string            `json:"hosts"`
	Subnets   map[string]string `json:"subnets,omitempty"` // by length
	Kind      string            `json:"kind"`
	KindRFC   string            `json:"kind_rfc,omitempty"`
	KindIn    string            `json:"kind_prefix,omitempty"`
	Global    bool              `json:"global"`
	Facts     map[string]string `json:"facts,omitempty"`
	Reverse   []string          `json:"reverse"`

	prefix netip.Prefix
	facts  []subnet.Fact
}

func describe(p netip.Prefix) description {
	masked := p.Masked()
	d := description{
		Prefix: masked.String(), Expanded: p.Addr().StringExpanded(), First: masked.Addr().String(), Last: subnet.Last(p).String(),
		Addresses: subnet.Count(p, p.Addr().BitLen()).String(), Hosts: subnet.Hosts(p).String(), Reverse: subnet.Reverse(p),
		prefix: p, facts: subnet.Facts(p),
	}
	kindOf := p
	if p != masked || p.IsSingleIP() {
		d.Address = p.Addr().String()
		kindOf = netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
		d.Reverse = append(subnet.Reverse(kindOf), d.Reverse...)
		if p.IsSingleIP() {
			d.Reverse = d.Reverse[:1]
		}
	}
	d.Kind = "of several kinds"
	if k, ok := subnet.KindOf(kindOf); ok {
		d.Kind, d.KindRFC, d.KindIn, d.Global = k.Name, k.RFC, k.Prefix.String(), k.Global
	}
	for _, length := range []int{56, 64} {
		if p.Addr().Is6() && p.Bits() < length {
			if d.Subnets == nil {
				d.Subnets = map[string]string{}
			}
			d.Subnets[fmt.Sprint(length)] = subnet.Count(p, length).String()
		}
	}
	for _, f := range d.facts {
		if d.Facts == nil {
			d.Facts = map[string]string{}
		}
		d.Facts[f.Name] = f.Value
	}
	return d
}

// lines is the description for people.
func (d description) lines() []string {
	t := newTable("", "")
	p := d.prefix
	if d.Address != "" {
		t.add("address", d.Address)
	}
	if !p.IsSingleIP() {
		t.add("prefix", d.Prefix)
	}
	if p.Addr().Is6() {
		t.add("expanded", d.Expanded)
	}
	if !p.IsSingleIP() {
		t.add("first", d.First)
		t.add("last", d.Last)
		t.add("addresses", subnet.Words(subnet.Count(p, p.Addr().BitLen())))
		if p.Addr().Is4() {
			t.add("hosts", subnet.Words(subnet.Hosts(p)))
		}
	}
	for _, length := range []int{56, 64} {
		if _, ok := d.Subnets[fmt.Sprint(length)]; ok {
			t.add(fmt.Sprintf("/%ds", length), subnet.Words(subnet.Count(p, length)))
		}
	}
	kind := d.Kind
	if d.KindRFC != "" {
		kind += fmt.Sprintf(" (%s), %s", d.KindRFC, d.KindIn)
		switch {
		case p.Addr().IsMulticast():
		case d.Global:
			kind += ", globally reachable"
		default:
			kind += ", not globally reachable"
		}
	}
	t.add("kind", kind)
	for _, f := range d.facts {
		t.add(f.Name, f.Value)
	}
	// As many as fit on a screen beside the rest; subnet reverse lists all.
	const most = 8
	for i, name := range d.Reverse {
		if i == most {
			t.more("", fmt.Sprintf("and %d more", len(d.Reverse)-most))
			break
		}
		if i == 0 {
			t.add("reverse", name)
		} else {
			t.more("", name)
		}
	}
	return t.lines()[1:]
}

func subnetReverse(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reverse ADDRESS|PREFIX|NAME...",
		Short: "Print names of the reverse DNS, or what they stand for",
		Long: `Print the name of an address in the reverse DNS, or the zones of a prefix, and of a name of the reverse DNS the address or prefix. A prefix whose
length is not at a boundary of digits has several zones.`,
		Example: `  sixfold subnet reverse 2001:db8::1
  sixfold subnet reverse 2001:db8::/32
  sixfold subnet reverse 8.b.d.0.1.0.0.2.ip6.arpa`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := a.stream(cmd)
			type result struct {
				Prefix string `json:"prefix"`
				Name   string `json:"name"`
			}
			for _, arg := range args {
				if strings.HasSuffix(strings.ToLower(strings.TrimSuffix(arg, ".")), ".arpa") {
					p, err := subnet.ParseReverse(arg)
					if err != nil {
						return out.close(&usageError{cmd: cmd, err: err})
					}
					if err := out.add(wholeText(p), result{wholeText(p), arg}); err != nil {
						return err
					}
					continue
				}
				list, err := prefixArguments(cmd, []string{arg})
				if err != nil {
					return out.close(err)
				}
				for _, p := range list {
					for _, name := range subnet.Reverse(p) {
						if err := out.add(name, result{wholeText(p), name}); err != nil {
							return err
						}
					}
				}
			}
			return out.close(nil)
		},
	}
}
