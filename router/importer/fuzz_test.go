package importer

import (
	"os"
	"path/filepath"
	"testing"
)

// fuzz feeds one importer with anything: what it takes is a valid configuration, and what it does not take is told with its place.
func fuzz(f *testing.F, format string) {
	for _, ending := range []string{"*.conf", "*.leases"} {
		files, err := filepath.Glob(filepath.Join("testdata", format, ending))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, []byte("00:03:00:01:52:54:00:d6:c2:a9"))
			f.Add([]byte("interface eth0"), text)
		}
	}
	f.Fuzz(func(t *testing.T, text, other []byte) {
		if len(text)+len(other) > 1<<14 {
			return // what is large only takes long
		}
		for _, o := range []Options{{}, {Interface: "eth0", DUID: &File{"duid", other}, Leases: &File{"leases", other}}} {
			r, err := Import(format, File{"fuzz", text}, o)
			if err == nil {
				checkResult(t, r)
				continue
			}
			if s, ok := err.(*SyntaxError); !ok || s.Note.Line < 1 || s.Note.Column < 1 {
				t.Fatalf("Import returned %T %v", err, err)
			}
		}
	})
}

func FuzzRadvd(f *testing.F)    { fuzz(f, "radvd") }
func FuzzRtadvd(f *testing.F)   { fuzz(f, "rtadvd") }
func FuzzDibbler(f *testing.F)  { fuzz(f, "dibbler") }
func FuzzDhclient(f *testing.F) { fuzz(f, "dhclient") }
func FuzzDhcp6c(f *testing.F)   { fuzz(f, "dhcp6c") }
func FuzzCisco(f *testing.F)    { fuzz(f, "cisco") }
func FuzzKea(f *testing.F)      { fuzz(f, "kea") }
func FuzzBird(f *testing.F)     { fuzz(f, "bird") }
func FuzzVyos(f *testing.F)     { fuzz(f, "vyos") }
