package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/api/apitest"
)

func TestConsumersByName(t *testing.T) {
	withDaemon(t, apitest.Sample(time.Now()), func(ctx context.Context, c *client) error {
		for _, name := range []string{"isp/hook", "hook"} {
			m, err := listConsumersNamed(ctx, c, name)
			if err != nil || len(m.GetConsumers()) != 1 || consumerName(m.GetConsumers()[0]) != "isp/hook" {
				t.Errorf("%s: %v, %v", name, m, err)
			}
		}
		if _, err := listConsumersNamed(ctx, c, "hok"); err == nil || !strings.Contains(err.Error(), `no consumer "hok": there are backup/web, isp/docker, isp/hook`) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	withDaemon(t, &apitest.Backend{}, func(ctx context.Context, c *client) error {
		if _, err := listConsumersNamed(ctx, c, "hook"); err == nil || !strings.Contains(err.Error(), "no delegation has on_change") {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func TestLastLine(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a", "a\nb\n": "b", "a\nb\n\n": "b", "\n": ""} {
		if got := lastLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
