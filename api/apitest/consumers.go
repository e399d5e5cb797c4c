package apitest

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/notify"
)

// Consumers returns ConsumerList.
func (b *Backend) Consumers(ctx context.Context) ([]notify.Status, error) {
	return given(ctx, b, b.ConsumerList)
}

// RunConsumer succeeds for those of ConsumerList that have not failed.
func (b *Backend) RunConsumer(ctx context.Context, name string) (notify.Status, error) {
	all, err := b.Consumers(ctx)
	if err != nil {
		return notify.Status{}, err
	}
	for _, c := range all {
		switch {
		case c.Name != name && c.Delegation+"/"+c.Name != name:
		case c.State == "failed":
			return c, errors.New(c.Result)
		default:
			return c, nil
		}
	}
	return notify.Status{}, notify.ErrUnknown
}

// sampleConsumers are one of each kind.
func sampleConsumers(past, in func(time.Duration) time.Time) []notify.Status {
	prefix := netip.MustParsePrefix("2001:db8:1::/48")
	return []notify.Status{
		{
			Delegation: "isp", Name: "docker", Kind: "file", Target: "/etc/docker/ipv6.prefix", State: "told", Prefix: prefix,
			Told: past(2 * time.Hour), Tried: past(2 * time.Hour), Result: "written, exit status 0", Tries: 1,
		},
		{
			Delegation: "isp", Name: "hook", Kind: "program", Target: "/usr/local/sbin/on-prefix -v", State: "failed",
			Tried: past(time.Minute), Result: "exit status 1", Output: "no sipcalc here", Next: in(4 * time.Minute), Tries: 9, Failures: 9,
		},
		{Delegation: "backup", Name: "web", Kind: "url", Target: "https://example.net/…", State: "waiting"},
	}
}
