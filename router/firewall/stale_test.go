package firewall

import (
	"strings"
	"testing"
)

// TestStaleSources checks what a host is told that goes on with an address of a prefix that was taken away, with a firewall and without.
func TestStaleSources(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	for _, config := range []Config{{}, office()} {
		config.Stale = prefixes("2001:db8:2::/60", "2001:db8:9::/48")
		apply(t, m, config)
		lan, wan := l.addresses[l.lan], l.addresses[l.wan]
		out, err := l.lan.Run("ping", "-6", "-c", "1", "-w", "2", wan[0].String())
		if err == nil || !strings.Contains(out, "code 5") && !strings.Contains(out, "ingress/egress policy") {
			t.Errorf("ping from %s: %v\n%s", lan[0], err, out)
		}
		if err := l.ping(l.lan, wan[1]); err != nil {
			t.Errorf("IPv4 of the same host: %v", err)
		}
		if err := l.tcp(l.guest, wan[0], 80); err != nil {
			t.Errorf("from a prefix that is ours: %v", err)
		}
		if dropsOf(t, m, "stale") == 0 {
			t.Error("not counted")
		}
		config.Stale = nil
		apply(t, m, config)
		if err := l.ping(l.lan, wan[0]); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}
