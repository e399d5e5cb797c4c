package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/subnet"
)

func subnetEUI64(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "eui64 PREFIX MAC...",
		Short: "Make the addresses that hosts make of their hardware addresses",
		Long: `Print the address that a host with a hardware address makes in a /64 by stateless autoconfiguration, if it does not use random ones
(RFC 4291 appendix A). Hardware addresses may be written as 52:54:00:d6:c2:a9, 52-54-00-D6-C2-A9, 5254.00d6.c2a9 or 525400d6c2a9.`,
		Example: `  sixfold subnet eui64 2001:db8:100::/64 52:54:00:d6:c2:a9`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := prefixArgument(cmd, args[0])
			if err != nil {
				return err
			}
			return a.fromMAC(cmd, p, args[1:])
		},
	}
}

func subnetLinkLocal(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "link-local MAC...",
		Short:   "Make the link-local addresses of hardware addresses",
		Long:    `Print the link-local address that a host makes of its hardware address. It is that of a router interface unless something else is configured.`,
		Example: `  sixfold subnet link-local 5254.00d6.c2a9`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.fromMAC(cmd, netip.MustParsePrefix("fe80::/64"), args)
		},
	}
}

// macResult is a hardware address and the address made of it, as JSON.
type macResult struct {
	Address string `json:"address"`
	MAC     string `json:"mac"`
}

func (a *app) fromMAC(cmd *cobra.Command, p netip.Prefix, args []string) error {
	out := a.stream(cmd)
	for _, arg := range args {
		mac, err := subnet.ParseMAC(arg)
		if err != nil {
			return out.close(&usageError{cmd: cmd, err: err})
		}
		addr, err := subnet.EUI64(p, mac)
		if err != nil {
			return out.close(&usageError{cmd: cmd, err: err})
		}
		if err := out.add(addr.String(), macResult{addr.String(), mac.String()}); err != nil {
			return err
		}
	}
	return out.close(nil)
}

func subnetMAC(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "mac ADDRESS...",
		Short:   "Tell the hardware address that an address was made of",
		Long:    `Print the hardware address in an address made by stateless autoconfiguration. Exit code 1 says that there is none: the host uses random or other identifiers.`,
		Example: `  sixfold subnet mac fe80::5054:ff:fed6:c2a9`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := a.stream(cmd)
			for _, arg := range args {
				addr, err := subnet.ParseAddress(arg)
				if err != nil {
					return out.close(&usageError{cmd: cmd, err: err})
				}
				mac, ok := subnet.MAC(addr)
				if !ok {
					return out.close(fmt.Errorf("%s was not made of a hardware address: it has no ff:fe in the middle of its last 64 bits", addr))
				}
				if err := out.add(mac.String(), macResult{addr.String(), mac.String()}); err != nil {
					return err
				}
			}
			return out.close(nil)
		},
	}
}
