package main

import (
	"context"
	"testing"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
)

// wireOfSample is show ra wlan0 wire at the time of the sample: what counts down is else over by now.
func wireOfSample(ctx context.Context, c *client) (*sixfoldv1.ListAdvertisementsResponse, error) {
	m, err := listAdvertisementsOn(ctx, c, "wlan0", true)
	if err != nil {
		return nil, err
	}
	for _, s := range sample(tableNow).AdvertisementList {
		if s.Interface.Link == "wlan0" {
			m.Advertisements[0].Packets, err = ra.Encode(s.Interface, tableNow)
		}
	}
	return m, err
}

func TestPacketsOnlyWhenAsked(t *testing.T) {
	withDaemon(t, sample(tableNow), func(ctx context.Context, c *client) error {
		for _, asked := range []bool{false, true} {
			m, err := listAdvertisementsOn(ctx, c, "", asked)
			if err != nil {
				return err
			}
			for _, a := range m.GetAdvertisements() {
				if got := len(a.GetPackets()) > 0; got != asked {
					t.Errorf("%s: packets %v, asked for them %v", a.GetLink(), got, asked)
				}
			}
		}
		return nil
	})
}
