package config

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestParseDUID(t *testing.T) {
	long := "0002" + strings.Repeat("ab", 128)
	tests := []struct {
		text, want string // want in hexadecimal, or the start of the error
		shown      string
	}{
		{"00:03:00:01:52:54:00:d6:c2:a9", "00030001525400d6c2a9", "ll 52:54:00:d6:c2:a9"},
		{"00030001525400d6c2a9", "00030001525400d6c2a9", "ll 52:54:00:d6:c2:a9"},
		{"LL 52-54-00-d6-c2-a9", "00030001525400d6c2a9", "ll 52:54:00:d6:c2:a9"},
		// The client of a Kea log.
		{"00:01:00:01:1e:47:7e:66:52:54:00:d6:c2:a9", "000100011e477e66525400d6c2a9", "llt 2016-02-05T15:38:14Z 52:54:00:d6:c2:a9"},
		{"llt 2016-02-05T16:38:14+01:00 52:54:00:d6:c2:a9", "000100011e477e66525400d6c2a9", "llt 2016-02-05T15:38:14Z 52:54:00:d6:c2:a9"},
		{"llt 508001894 52:54:00:d6:c2:a9", "000100011e477e66525400d6c2a9", "llt 2016-02-05T15:38:14Z 52:54:00:d6:c2:a9"},
		// RFC 9915 11.3.
		{"en 9 0c:c0:84:d3:03:00:09:12", "0002000000090cc084d303000912", "en 9 0cc084d303000912"},
		{"uuid f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "0004f81d4fae7dec11d0a76500a0c91e6bf6", "uuid f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
		{"0:4:0:1", "00040001", "00:04:00:01"},
		{"0003000652540011", "0003000652540011", "00:03:00:06:52:54:00:11"}, // of another kind of link
		{long, long, "en 2880154539 " + strings.Repeat("ab", 124)},
		{long + "ab", "a DUID has 3 to 130 octets", ""},
		{"", "a DUID has 3 to 130 octets", ""},
		{"0003", "a DUID has 3 to 130 octets", ""},
		{"ll", "a DUID of this type is ll MAC", ""},
		{"ll 52:54", `"52:54" is not a hardware address`, ""},
		{"llt 52:54:00:d6:c2:a9", "a DUID of this type is llt TIME MAC", ""},
		{"llt 1999-12-31T23:59:59Z 52:54:00:d6:c2:a9", `"1999-12-31T23:59:59Z" is not a time since 2000`, ""},
		{"en -1 00", `"-1" is not an enterprise number`, ""},
		{"en 9 " + strings.Repeat("ab", 125), `"abab`, ""},
		{"uuid f81d4fae", `"f81d4fae" is not a UUID`, ""},
		{"eui 52", `"eui 52" is not a DUID`, ""},
	}
	for _, tt := range tests {
		got, err := ParseDUID(tt.text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), tt.want) || tt.shown != "" {
				t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
			}
			continue
		}
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("%q: %x, want %s", tt.text, got, tt.want)
		}
		if shown := FormatDUID(got); shown != tt.shown {
			t.Errorf("%q is shown as %q, want %q", tt.text, shown, tt.shown)
		}
	}
}

func FuzzDUID(f *testing.F) {
	for _, text := range []string{"ll 52:54:00:d6:c2:a9", "llt 1 52:54:00:d6:c2:a9", "en 9 00", "uuid f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "00:02"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDUID(text)
		if err != nil {
			return
		}
		if len(d) < 3 || len(d) > 130 {
			t.Fatalf("%q has %d octets", text, len(d))
		}
		again, err := ParseDUID(FormatDUID(d))
		if err != nil || !bytes.Equal(again, d) {
			t.Fatalf("%x is shown as %q, which is %x, %v", d, FormatDUID(d), again, err)
		}
	})
}
