package pd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A delegation is used also where it cannot be kept, which is told; and it is kept as soon as it can be, not only when it is renewed.
func TestStateDirectoryInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "delegations")
		if err := os.WriteFile(dir, nil, 0o600); err != nil { // no directory can be made there
			t.Fatal(err)
		}
		r := newRig(t, dir)
		r.apply(t, uplink())
		r.start(t)
		pass(3 * time.Second)
		r.want(t, "isp 2001:db8:100::/56")
		if got := r.Status(); len(got) != 1 || got[0].State != stateBound || !strings.HasPrefix(got[0].Problem, "it would not survive a restart: remember delegation") {
			t.Errorf("status %+v", got)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		pass(saveRetry)
		if got := r.Status(); len(got) != 1 || got[0].Problem != "" || len(list(t, dir)) != 1 {
			t.Errorf("status %+v, files %q", got, list(t, dir))
		}

		// A file that cannot be removed is not forgotten either.
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r.apply(t)
		pass(3 * time.Hour) // it ends
		r.want(t, "")
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Fatal(err)
		}
		pass(saveRetry)
		if len(r.machines) != 0 || len(list(t, dir)) != 0 {
			t.Errorf("left: %v, %q", r.machines, list(t, dir))
		}
		r.stop()
	})
}
