package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/subnet"
)

func subnetCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "subnet",
		Short: "Calculate with addresses and prefixes",
		Long: `Calculate with addresses and prefixes, IPv6 and IPv4. No daemon is asked, and no privileges are needed.

With --json every result is an object on a line of its own. Counts are strings, because they may be as large as 2^128.`,
	}
	cmd.AddCommand(
		subnetSplit(a),
		subnetFree(a),
		subnetShow(a),
		subnetRandom(a),
		subnetContains(a),
		subnetSum(a),
		subnetReverse(a),
		subnetEUI64(a),
		subnetLinkLocal(a),
		subnetMAC(a),
	)
	return group(cmd)
}

// stream is where a command writes its results, as they come: one that is interrupted, or whose reader has seen enough, stops.
type stream struct {
	ctx  context.Context
	out  *bufio.Writer
	json bool
	line []byte
	n    int
}

func (a *app) stream(cmd *cobra.Command) *stream {
	return &stream{ctx: cmd.Context(), out: bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10), json: a.json}
}

// add writes one result: text, or value as JSON.
func (s *stream) add(text string, value any) error {
	if s.json {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		text = string(raw)
	}
	s.out.WriteString(text)
	s.out.WriteByte('\n')
	return s.added()
}

// added looks once in a while whether it makes sense to go on.
func (s *stream) added() error {
	if s.n++; s.n%1024 == 0 {
		return s.ctx.Err()
	}
	return nil
}

// prefixes writes up to limit prefixes, or all if limit is nil.
func (s *stream) prefixes(all iter.Seq[netip.Prefix], limit *big.Int, ranges bool) error {
	var left uint64
	bounded := limit != nil && limit.IsUint64() // nobody lives to see more
	if bounded {
		if left = limit.Uint64(); left == 0 {
			return nil
		}
	}
	for p := range all {
		if err := s.prefix(p, ranges); err != nil {
			return err
		}
		if left--; bounded && left == 0 {
			break
		}
	}
	return s.out.Flush()
}

// prefix writes one prefix without taking memory for it: there may be billions.
func (s *stream) prefix(p netip.Prefix, ranges bool) error {
	b := s.line[:0]
	switch {
	case s.json:
		b = append(b, `{"prefix":"`...)
		b = p.AppendTo(b)
		b = append(b, `","first":"`...)
		b = p.Addr().AppendTo(b)
		b = append(b, `","last":"`...)
		b = subnet.Last(p).AppendTo(b)
		b = append(b, `"}`...)
	case ranges:
		b = p.AppendTo(b)
		b = append(b, "  "...)
		b = p.Addr().AppendTo(b)
		b = append(b, " - "...)
		b = subnet.Last(p).AppendTo(b)
	default:
		b = p.AppendTo(b)
	}
	s.line = append(b, '\n')
	if _, err := s.out.Write(s.line); err != nil {
		return err
	}
	return s.added()
}

// countFlag is a flag with a count that may be as large as 2^128.
type countFlag struct{ n *big.Int }

func (f *countFlag) Type() string { return "n" }

func (f *countFlag) String() string {
	if f.n == nil {
		return ""
	}
	return f.n.String()
}

// Set reads a decimal number.
func (f *countFlag) Set(s string) error {
	n, ok := new(big.Int), len(s) > 0 && len(s) <= 39
	for _, d := range s {
		ok = ok && d >= '0' && d <= '9'
	}
	if ok {
		_, ok = n.SetString(s, 10)
	}
	if !ok {
		return fmt.Errorf("%.40q is not a number such as 16", s)
	}
	f.n = n
	return nil
}

// prefixArgument reads a prefix of the command line.
func prefixArgument(cmd *cobra.Command, s string) (netip.Prefix, error) {
	p, err := subnet.ParsePrefix(s)
	if err != nil {
		return p, &usageError{cmd: cmd, err: err}
	}
	return p, nil
}

// prefixArguments reads prefixes and addresses, separated by spaces, commas or line ends; "-" reads more of them from the standard
// input.
func prefixArguments(cmd *cobra.Command, args []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	add := func(text string) error {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
			p, err := subnet.ParseAddressPrefix(word)
			switch {
			case err != nil:
				return &usageError{cmd: cmd, err: err}
			case p != p.Masked():
				return &usageError{cmd: cmd, err: fmt.Errorf("%s is an address in a prefix: the prefix is %s", p, p.Masked())}
			}
			out = append(out, p)
		}
		return nil
	}
	for _, arg := range args {
		if arg != "-" {
			if err := add(arg); err != nil {
				return nil, err
			}
			continue
		}
		lines := bufio.NewScanner(cmd.InOrStdin())
		for n := 1; lines.Scan(); n++ {
			text, _, _ := strings.Cut(lines.Text(), "#")
			if err := add(text); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
	}
	return out, nil
}

// close writes what is left, also before an error is told.
func (s *stream) close(err error) error {
	if flushed := s.out.Flush(); err == nil {
		err = flushed
	}
	return err
}
