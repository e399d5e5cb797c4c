package kernel

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The file of origins has what was noted after each save, however much of it was added in lines, and also if the last line was cut off.
func TestOriginsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "links")
	var o origins
	o.load(file, discard())
	check := func(want map[int]map[string]foundSetting) {
		t.Helper()
		var read origins
		read.load(file, discard())
		if diff := cmp.Diff(want, read.links); diff != "" {
			t.Errorf("the file is not what was saved:\n%s", diff)
		}
	}
	save := func() {
		t.Helper()
		if err := o.save(); err != nil {
			t.Fatal(err)
		}
		check(o.links)
	}
	size := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for i := range 100 {
		o.note(i, settingUp, "0", "1")
		o.note(i, settingMTU, "1500", "1400")
	}
	save()
	whole := size()
	o.note(7, settingMTU, "1500", "1300")
	o.note(wholeMachine, "net/x", "0", "1")
	save()
	if added := size() - whole; added > 400 {
		t.Errorf("two links took %d bytes", added)
	}
	o.forget(8, settingUp)
	o.forget(8, settingMTU)
	o.keepOnly(Links{"a": {Index: 1}, "b": {Index: 2}, "c": {Index: 7}})
	save()

	// Another process goes on with it.
	o = origins{}
	o.load(file, discard())
	o.note(2, settingMTU, "1500", "1280")
	save()
	most := size()
	for i := range 3000 {
		o.note(1, settingMTU, "1500", fmt.Sprint(i))
		save()
		most = max(most, size())
	}
	if most > 200_000 {
		t.Errorf("the file grew to %d bytes", most)
	}

	// A line that was cut off is none, and nothing is added after it.
	before := map[int]map[string]foundSetting{2: {settingUp: {"0", "1"}}}
	o.links = before
	if err := o.rewrite(); err != nil {
		t.Fatal(err)
	}
	o.note(3, settingUp, "0", "1")
	save()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	delete(before, 3)
	check(before)
	o = origins{}
	o.load(file, discard())
	o.note(4, settingUp, "0", "1")
	save()

	// One that somebody removed is made again.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	o.note(5, settingUp, "0", "1")
	save()
	if data, _ := os.ReadFile(file); bytes.Count(data, []byte("\n")) != 1 {
		t.Errorf("a file that was made again has lines:\n%s", data)
	}
}
