package assign

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "assignments")
	s, err := Open(path)
	if err != nil || len(s.Table().Parts) != 0 {
		t.Fatalf("a missing file: %v %v", s.Table(), err)
	}
	want := Table{Parts: []Part{part("lan0", "::/64"), part("lan1", "0:0:0:1::/64")}, Kept: []Part{part("", "0:0:0:8::/61")}}
	if err := s.Keep(want); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(want); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Error("a table that did not change was written")
	}
	again, err := Open(path)
	if err != nil || !again.Table().Equal(want) {
		t.Errorf("got %v, %v", again.Table(), err)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(Table{}); err == nil || !s.Table().Equal(want) {
		t.Errorf("what could not be written is taken to be kept: %v", err)
	}
}

func TestDecodeKeepsWhatIsSound(t *testing.T) {
	text := `{"version": 1, "parts": [
		{"delegation": "isp", "name": "lan0", "subnet": "::/64"},
		{"delegation": "isp", "name": "lan1", "subnet": "::/60"},
		{"delegation": "isp", "name": "lan2", "subnet": "0:0:0:1::5/64"},
		{"delegation": "isp", "name": "lan0", "subnet": "0:0:0:1::/64"},
		{"delegation": "isp", "name": "lan3", "subnet": "10.0.0.0/8"},
		{"delegation": "two", "name": "lan1", "subnet": "::/60"}
	], "kept": [{"delegation": "isp", "name": "lan9", "subnet": "0:0:0:9::/64"}]}`
	got, err := Decode([]byte(text))
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("want four complaints, got %v", err)
	}
	if len(got.Parts) != 2 || len(got.Kept) != 1 {
		t.Errorf("got %v", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, t := range []Table{{}, {Parts: []Part{part("lan0", "::/64")}, Kept: []Part{part("x", "0:0:0:4::/62")}}} {
		data, err := Encode(t)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Decode(data)
		if err != nil && len(table.Parts)+len(table.Kept) == 0 {
			return
		}
		out, err := Encode(table)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(out)
		if err != nil || !again.Equal(table) {
			t.Errorf("%s\nbecame\n%s: %v", data, out, err)
		}
		if more, err := Encode(again); err != nil || !bytes.Equal(out, more) {
			t.Errorf("not the same twice: %v", err)
		}
	})
}
