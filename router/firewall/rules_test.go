package firewall

import "testing"

func FuzzCommentOf(f *testing.F) {
	f.Add([]byte("\x00\x04web\x00"))
	f.Add([]byte("\x01\x01x\x00\x02y\x00"))
	f.Add([]byte("\x00\xffshort"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c := commentOf(b); len(c) > len(b) {
			t.Errorf("%q of %q", c, b)
		}
	})
}

func TestCommentOf(t *testing.T) {
	for in, want := range map[string]string{"\x00\x04web\x00": "web", "\x01\x01x\x00\x02y\x00": "y", "\x00\xffshort": "", "\x00": "", "": ""} {
		if got := commentOf([]byte(in)); got != want {
			t.Errorf("commentOf(%q) = %q, want %q", in, got, want)
		}
	}
}
