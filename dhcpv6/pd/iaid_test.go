package pd

import (
	"testing"
	"testing/synctest"
	"time"
)

// An identity association of the number 0 is asked for, renewed, and remembered as any other.
func TestIAIDZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		u := uplink()
		u.Prefixes[0].IAID = 0
		for range 2 {
			r := newRig(t, dir)
			r.srv.prefixes[0] = r.srv.prefixes[1]
			r.apply(t, u)
			r.start(t)
			pass(3 * time.Second)
			r.want(t, "isp 2001:db8:100::/56")
			pass(40 * time.Minute) // past T1
			r.want(t, "isp 2001:db8:100::/56")
			if got := r.Status(); len(got) != 1 || got[0].IAID != 0 || got[0].State != stateBound {
				t.Errorf("status %+v", got)
			}
			r.stop()
		}
	})
}
