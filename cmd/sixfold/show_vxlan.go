package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

func showVXLAN(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "vxlan [NAME]",
		Short: "VXLAN devices and what is behind them",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			human := printVXLANs
			if len(args) > 0 {
				human = printVXLAN
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListVxlansResponse, error) {
				return listVXLANsNamed(ctx, c, optional(args))
			}, human)
		},
	}
}

// showFDB shows all forwarding entries of a VXLAN device; show vxlan has the first ones.
func showFDB(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "fdb NAME",
		Short: "Hardware addresses behind the remotes of a VXLAN device",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give the name of one VXLAN device: sixfold show vxlan lists them")
			}
			return nil
		},
		ValidArgsFunction: a.complete(vxlanNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListVxlanForwardingResponse, error) {
				return listForwarding(ctx, c, args[0])
			}, printForwarding)
		},
	}
}

func listVXLANs(ctx context.Context, c *client) (*sixfoldv1.ListVxlansResponse, error) {
	return listVXLANsNamed(ctx, c, "")
}

func listVXLANsNamed(ctx context.Context, c *client, name string) (*sixfoldv1.ListVxlansResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.VxlanState, string, error) {
		r, err := c.state.ListVxlans(ctx, &sixfoldv1.ListVxlansRequest{PageSize: pageSize, PageToken: token, Name: name})
		return r.GetVxlans(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListVxlansResponse{Vxlans: items}, err
}

func listForwarding(ctx context.Context, c *client, name string) (*sixfoldv1.ListVxlanForwardingResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.ForwardingEntry, string, error) {
		r, err := c.state.ListVxlanForwarding(ctx, &sixfoldv1.ListVxlanForwardingRequest{Name: name, PageSize: pageSize, PageToken: token})
		return r.GetForwarding(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListVxlanForwardingResponse{Forwarding: items}, err
}

// few is how many forwarding entries of a device are shown among others.
const few = 8

func printVXLANs(p printer, m *sixfoldv1.ListVxlansResponse) error {
	if len(m.GetVxlans()) == 0 {
		return p.none("no VXLAN devices")
	}
	t := p.table("NAME", ">VNI", "TO", ">PORT", "LINK", "STATE", ">MTU", "MAC", ">LEARNT", ">RECEIVED", ">SENT", ">ERRORS", ">DROPS")
	var branches [][][]string
	for _, v := range m.GetVxlans() {
		t.add(v.GetName(), number(v.GetVni()), vxlanTo(v), number(v.GetPort()), v.GetLink(), vxlanCondition(v), orDash(v.GetMtu()), v.GetMac(),
			number(v.GetLearnt()), bytesText(v.GetRxBytes()), bytesText(v.GetTxBytes()), number(v.GetRxErrors()+v.GetTxErrors()),
			number(v.GetRxDropped()+v.GetTxDropped()))
		var branch [][]string
		if v.GetProblem() != "" {
			branch = append(branch, []string{"problem", v.GetProblem()})
		}
		for _, r := range v.GetRemotes() {
			if !r.GetAccepted() {
				branch = append(branch, []string{"stranger", r.GetAddress(), "it is not among the sources"})
			}
		}
		for i, f := range v.GetForwarding() {
			if i == few {
				branch = append(branch, []string{fmt.Sprintf("and %d more: sixfold show fdb %s", int(v.GetForwardingTotal())-few, v.GetName())})
				break
			}
			branch = append(branch, []string{forwardingMAC(f), f.GetRemote(), f.GetState(), forwardingAge(f)})
		}
		branches = append(branches, branch)
	}
	return t.writeTree(p.out, branches)
}

// vxlanTo says where flooded packets go.
func vxlanTo(v *sixfoldv1.VxlanState) string {
	if v.GetGroup() != "" {
		return v.GetGroup()
	}
	n := 0
	for _, r := range v.GetRemotes() {
		if r.GetFlood() {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "1 remote"
	}
	return fmt.Sprintf("%d remotes", n)
}

func vxlanCondition(v *sixfoldv1.VxlanState) string {
	switch {
	case v.GetIndex() == 0:
		return "absent"
	case v.GetUp():
		return "up"
	}
	return "down"
}

func forwardingMAC(f *sixfoldv1.ForwardingEntry) string {
	if f.GetMac() == "00:00:00:00:00:00" {
		return "flood"
	}
	return f.GetMac()
}

// forwardingAge says since when an address is behind its remote, and when it was seen.
func forwardingAge(f *sixfoldv1.ForwardingEntry) string {
	switch {
	case f.GetSince() != nil:
		return fmt.Sprintf("for %s, seen %s ago", change.Rough(f.GetSince().AsDuration()), change.Rough(f.GetAge().AsDuration()))
	case !f.GetConfigured():
		return "not configured"
	}
	return ""
}

// printVXLAN shows one device with all that is known of it.
func printVXLAN(p printer, m *sixfoldv1.ListVxlansResponse) error {
	for n, v := range m.GetVxlans() {
		if n > 0 {
			fmt.Fprintln(p.out)
		}
		if err := vxlanDetails(v).write(p.out); err != nil {
			return err
		}
		if len(v.GetRemotes()) > 0 {
			t := p.table("REMOTE", "CONFIGURED", "FLOOD", "SOURCE", ">ADDRESSES")
			for _, r := range v.GetRemotes() {
				t.add(r.GetAddress(), yes(r.GetConfigured(), "yes"), yes(r.GetFlood(), "yes"), yes(r.GetAccepted(), "yes"), number(r.GetAddresses()))
			}
			fmt.Fprintln(p.out)
			if err := t.write(p.out); err != nil {
				return err
			}
		}
		if len(v.GetForwarding()) == 0 {
			continue
		}
		fmt.Fprintln(p.out)
		if err := forwardingTable(p, v.GetForwarding()).write(p.out); err != nil {
			return err
		}
		if more := int(v.GetForwardingTotal()) - len(v.GetForwarding()); more > 0 {
			fmt.Fprintf(p.out, "and %d more: sixfold show fdb %s\n", more, v.GetName())
		}
	}
	return nil
}

func vxlanDetails(v *sixfoldv1.VxlanState) *details {
	d := &details{}
	d.add("Name", v.GetName())
	d.add("Problem", v.GetProblem())
	d.add("State", vxlanCondition(v))
	d.add("VNI", number(v.GetVni()))
	d.add("Group", v.GetGroup())
	d.add("Link", v.GetLink())
	d.add("Local", v.GetLocal())
	d.add("TTL", number(v.GetTtl()))
	d.add("UDP port", number(v.GetPort())+yes(!v.GetUdpChecksum(), ", without checksum"))
	d.add("Source ports", v.GetSourcePorts())
	d.add("DSCP", v.GetDscp())
	d.add("Don't fragment", v.GetDf())
	d.add("MTU", orDash(v.GetMtu()))
	d.add("MAC", v.GetMac())
	learning := "off"
	if v.GetLearning() {
		learning = number(v.GetLearnt()) + " addresses, forever"
		if v.GetAgeing() != nil {
			learning = fmt.Sprintf("%d addresses, for %s", v.GetLearnt(), change.Rough(v.GetAgeing().AsDuration()))
		}
	}
	d.add("Learning", learning)
	if v.GetMaxAddresses() > 0 {
		d.add("Addresses", fmt.Sprintf("%d of %d", v.GetForwardingTotal(), v.GetMaxAddresses()))
	}
	d.add("Sources", strings.Join(v.GetSources(), ", "))
	d.add("Received", fmt.Sprintf("%s in %d packets, %d errors, %d dropped", bytesText(v.GetRxBytes()), v.GetRxPackets(), v.GetRxErrors(), v.GetRxDropped()))
	d.add("Sent", fmt.Sprintf("%s in %d packets, %d errors, %d dropped", bytesText(v.GetTxBytes()), v.GetTxPackets(), v.GetTxErrors(), v.GetTxDropped()))
	return d
}

func forwardingTable(p printer, entries []*sixfoldv1.ForwardingEntry) *table {
	t := p.table("MAC", "REMOTE", "STATE", "CONFIGURED", "SINCE", "SEEN")
	for _, f := range entries {
		since, seen := "", ""
		if f.GetSince() != nil {
			since, seen = change.Rough(f.GetSince().AsDuration()), change.Rough(f.GetAge().AsDuration())+" ago"
		}
		t.add(forwardingMAC(f), f.GetRemote(), f.GetState(), yes(f.GetConfigured(), "yes"), since, seen)
	}
	return t
}

func printForwarding(p printer, m *sixfoldv1.ListVxlanForwardingResponse) error {
	if len(m.GetForwarding()) == 0 {
		return p.none("no forwarding entries")
	}
	return forwardingTable(p, m.GetForwarding()).write(p.out)
}
