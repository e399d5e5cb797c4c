package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHandOver: a router that stops for its successor says nothing to its hosts, as systemctl restart has it, and one that stops for
// good takes their default route away.
func TestHandOver(t *testing.T) {
	t.Parallel()
	router, client := host(t, "router"), host(t, "client")
	cable(t, end(router, "lan0"), end(client, "eth0"))
	d := run(t, router, "interfaces:\n  lan0: {addresses: [\"2001:db8:1::1/64\"], advertise: {}}\n")
	route := client.Expect("ip -6 route show default", "dev eth0")
	eventually(t, "default route", route)
	went := routeLog(t, client)
	ends := func(how syscall.Signal) {
		t.Helper()
		must(t, d.process.Signal(how))
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		must(t, d.process.Wait(ctx))
	}
	for range 2 {
		ends(syscall.SIGUSR1)
		must(t, route()) // what was sent has arrived when a send over a veth returns
		d.start()
		eventually(t, "advertised again", func() error {
			if out := d.cli("show", "ra"); !strings.Contains(out, "lan0") {
				return errors.New(out)
			}
			return nil
		})
	}
	for _, line := range went("default") {
		if strings.Contains(line, "Deleted") {
			t.Errorf("the default route went in between: %s", line)
		}
	}
	began := time.Now()
	ends(syscall.SIGTERM)
	t.Logf("stopped in %s", time.Since(began))
	eventually(t, "the default route is gone", func() error {
		out, err := client.Run("ip", "-6", "route", "show", "default")
		if err == nil && strings.TrimSpace(out) != "" {
			err = fmt.Errorf("still there: %s", out)
		}
		return err
	})
}
