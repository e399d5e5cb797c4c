package main

import (
	"fmt"
	"math/big"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/subnet"
)

// mostRandom bounds how many random results one command draws: it remembers them, so that none comes twice.
const mostRandom = 1_000_000

func subnetRandom(a *app) *cobra.Command {
	var length string
	count := countFlag{big.NewInt(1)}
	cmd := &cobra.Command{
		Use:   "random PREFIX",
		Short: "Draw random addresses or subnets of a prefix",
		Long: `Draw random addresses of a prefix, from the random numbers that keys are made of. Addresses that no host may have are left out: the
subnet-router anycast address, and what RFC 2526 and RFC 5453 reserve; of IPv4 the network and the broadcast address. None comes twice.

With --length it draws subnets: a random /48 of fd00::/8 is a prefix of your own (RFC 4193).`,
		Example: `  sixfold subnet random 2001:db8:100::/64 --count 3
  sixfold subnet random fd00::/8 --length 48`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := prefixArgument(cmd, args[0])
			if err != nil {
				return err
			}
			bits, left, what := p.Addr().BitLen(), subnet.Hosts(p), "addresses for hosts"
			draw := func() (netip.Prefix, error) {
				addr, err := subnet.Random(p)
				return netip.PrefixFrom(addr, bits), err
			}
			if length != "" {
				if bits, err = subnet.ParseLength(length, p.Addr()); err != nil {
					return &usageError{cmd: cmd, err: err}
				}
				s, err := subnet.Split(p, bits)
				if err != nil {
					return &usageError{cmd: cmd, err: err}
				}
				left, what = s.Count(), fmt.Sprintf("subnets of length %d", bits)
				draw = func() (netip.Prefix, error) { return subnet.RandomSubnet(p, bits) }
			}
			switch {
			case count.n.Cmp(left) > 0:
				return &usageError{cmd: cmd, err: fmt.Errorf("--count %s: %s has only %s %s", count.n, p, left, what)}
			case count.n.Cmp(big.NewInt(mostRandom)) > 0:
				return &usageError{cmd: cmd, err: fmt.Errorf("--count %s: at most %d at a time", count.n, mostRandom)}
			}
			out := a.stream(cmd)
			drawn := map[netip.Prefix]struct{}{}
			for n := int(count.n.Int64()); len(drawn) < n; {
				r, err := draw()
				if err != nil {
					return out.close(err)
				}
				if _, known := drawn[r]; known {
					continue
				}
				drawn[r] = struct{}{}
				if length != "" {
					err = out.prefix(r, false)
				} else {
					err = out.add(r.Addr().String(), addressResult{r.Addr().String()})
				}
				if err != nil {
					return err
				}
			}
			return out.close(nil)
		},
	}
	cmd.Flags().Var(&count, "count", "how many to draw")
	cmd.Flags().StringVar(&length, "length", "", "draw subnets of this `length` instead of addresses")
	return cmd
}

// addressResult is an address as JSON.
type addressResult struct {
	Address string `json:"address"`
}
