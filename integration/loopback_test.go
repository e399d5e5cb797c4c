package integration

import (
	"fmt"
	"testing"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// TestLoopbackAddresses has an address by itself shown as what it is: the kernel has no route to it but in its local table.
func TestLoopbackAddresses(t *testing.T) {
	n := host(t, "lo0")
	d := run(t, n, `interfaces: {lo: {addresses: ["2001:db8:ff::2/128", 192.0.2.1/32, "2001:db8:fe::1/64"]}}`)
	eventually(t, "show routes", func() error {
		var m sixfoldv1.ListRoutesResponse
		if err := d.show(&m, "routes"); err != nil {
			return err
		}
		var have []string
		for _, r := range m.GetRoutes() {
			have = append(have, fmt.Sprintf("%s %s %v", r.GetPrefix(), r.GetSource(), r.GetInKernel()))
		}
		want := []string{"2001:db8:fe::/64 connected true", "2001:db8:ff::2/128 connected true", "192.0.2.1/32 connected true"}
		if fmt.Sprint(have) != fmt.Sprint(want) {
			return fmt.Errorf("%q instead of %q", have, want)
		}
		return nil
	})
}
