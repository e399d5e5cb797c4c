package main

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/subnet"
)

func subnetSplit(a *app) *cobra.Command {
	var skip, limit countFlag
	var total, ranges bool
	cmd := &cobra.Command{
		Use:   "split PREFIX LENGTH",
		Short: "List the subnets of one length in a prefix",
		Long: `List the subnets of one length in a prefix, one a line and in order. They are printed as they are counted: a /32 has more than four
billion /64s, and the first ones come at once.`,
		Example: `  sixfold subnet split 2001:980:1::/48 56
  sixfold subnet split 2001:980:1::/48 /56 --skip 1 --limit 1    # the second /56
  sixfold subnet split 2001:db8::/32 64 | head`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, length, err := prefixAndLength(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			s, err := subnet.Split(p, length)
			if err != nil {
				return &usageError{cmd: cmd, err: err}
			}
			out := a.stream(cmd)
			if total && (skip.n != nil || limit.n != nil || ranges) {
				return &usageError{cmd: cmd, err: errors.New("--total prints one number: leave out --skip, --limit and --range")}
			}
			if total {
				return out.close(out.add(s.Count().String(), struct {
					Count string `json:"count"`
				}{s.Count().String()}))
			}
			from := skip.n
			if from == nil {
				from = new(big.Int)
			}
			if from.Cmp(s.Count()) >= 0 {
				return fmt.Errorf("nothing is left: %s has %s subnets of length %d, and --skip %s passes all of them", p, s.Count(), length, from)
			}
			return out.prefixes(s.From(from), limit.n, ranges)
		},
	}
	f := cmd.Flags()
	f.Var(&skip, "skip", "leave out the first `n`")
	f.Var(&limit, "limit", "print at most `n`")
	f.BoolVar(&ranges, "range", false, "print the first and the last address of each, too")
	f.BoolVar(&total, "total", false, "print only how many there are")
	return cmd
}

func subnetFree(a *app) *cobra.Command {
	var used []string
	var length string
	var limit countFlag
	cmd := &cobra.Command{
		Use:   "free PREFIX --length LENGTH [--used PREFIX,...]",
		Short: "Find subnets of a prefix that are not used yet",
		Long: `List the first subnets of a length in a prefix that overlap nothing which is used. --used - reads what is used from the standard input.

Exit code 1 says that none is free.`,
		Example: `  sixfold subnet free 2001:980:1::/48 --length 56 --used 2001:980:1::/56,2001:980:1:100::/60
  sixfold subnet free 10.0.0.0/8 --length 24 --used - --limit 5 < used.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if length == "" {
				return &usageError{cmd: cmd, err: errors.New("--length is missing: how long are the subnets to be?")}
			}
			p, bits, err := prefixAndLength(cmd, args[0], length)
			if err != nil {
				return err
			}
			taken, err := prefixArguments(cmd, used)
			if err != nil {
				return err
			}
			free, err := subnet.Free(p, taken, bits)
			if err != nil {
				return &usageError{cmd: cmd, err: err}
			}
			for range free {
				if limit.n == nil {
					limit.n = big.NewInt(1)
				}
				return a.stream(cmd).prefixes(free, limit.n, false)
			}
			return fmt.Errorf("no /%d is free in %s", bits, p)
		},
	}
	f := cmd.Flags()
	f.StringVar(&length, "length", "", "`length` of the subnets to find")
	f.StringSliceVar(&used, "used", nil, "`prefixes` and addresses that are used")
	f.Var(&limit, "limit", "print at most `n` (default 1)")
	return cmd
}

func prefixAndLength(cmd *cobra.Command, prefix, length string) (p netip.Prefix, bits int, err error) {
	if p, err = prefixArgument(cmd, prefix); err != nil {
		return p, 0, err
	}
	if bits, err = subnet.ParseLength(length, p.Addr()); err != nil {
		return p, 0, &usageError{cmd: cmd, err: err}
	}
	return p, bits, nil
}

func subnetSum(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sum PREFIX...",
		Short: "Aggregate prefixes into the fewest that cover the same",
		Long:  `Print the fewest prefixes that cover exactly the addresses which all of the given prefixes cover. - reads them from the standard input.`,
		Example: `  sixfold subnet sum 2001:db8::/48 2001:db8:1::/48
  sixfold show routes --json | jq -r '.routes[].prefix' | sixfold subnet sum -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := prefixArguments(cmd, args)
			if err != nil {
				return err
			}
			out := a.stream(cmd)
			for _, p := range subnet.Sum(list) {
				if err := out.prefix(p, false); err != nil {
					return err
				}
			}
			return out.close(nil)
		},
	}
}

func subnetContains(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "contains PREFIX PREFIX|ADDRESS...",
		Short: "Say whether a prefix holds others, or addresses",
		Long: `Say how each of the further arguments lies to the first. The exit code is 0 if the first holds all of them, and else 1.

Relations are: equal, contains (the first holds the other), within (the other way round), apart (no address in common).`,
		Example: `  sixfold subnet contains 2001:db8::/32 2001:db8:1::/48 2001:db8::1`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			first, err := prefixArgument(cmd, args[0])
			if err != nil {
				return err
			}
			others, err := prefixArguments(cmd, args[1:])
			if err != nil {
				return err
			}
			out := a.stream(cmd)
			var missing error
			for _, p := range others {
				relation := subnet.Relate(first, p)
				if relation != subnet.Equal && relation != subnet.Contains {
					missing = errors.Join(missing, fmt.Errorf("%s does not contain %s", first, wholeText(p)))
				}
				err := out.add(relationText(first, p, relation), struct {
					A        string          `json:"a"`
					Relation subnet.Relation `json:"relation"`
					B        string          `json:"b"`
				}{first.String(), relation, wholeText(p)})
				if err != nil {
					return err
				}
			}
			return out.close(missing)
		},
	}
}

func relationText(a, b netip.Prefix, r subnet.Relation) string {
	switch r {
	case subnet.Equal:
		return fmt.Sprintf("%s is equal to %s", a, wholeText(b))
	case subnet.Contains:
		return fmt.Sprintf("%s contains %s", a, wholeText(b))
	case subnet.Within:
		return fmt.Sprintf("%s is within %s", a, wholeText(b))
	}
	return fmt.Sprintf("%s has nothing in common with %s", a, wholeText(b))
}

// wholeText writes a prefix, and one that is a single address as that.
func wholeText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
