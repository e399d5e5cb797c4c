package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// MaxSize is the largest file that Import takes, in bytes.
const MaxSize = 1 << 20

// Format is a kind of file that can be imported.
type Format struct {
	Name  string // as in the command line
	About string // what the program does, for help
	File  string // where the program has its file

	read func(*draft, string) error
}

// Formats lists what can be imported, by name.
func Formats() []Format {
	all := formats()
	var list []Format
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		f.Name = name
		list = append(list, f)
	}
	return list
}

func formats() map[string]Format {
	return map[string]Format{
		"radvd":    {About: "router advertisements on Linux", File: "/etc/radvd.conf", read: radvd},
		"rtadvd":   {About: "router advertisements on FreeBSD and NetBSD", File: "/etc/rtadvd.conf", read: rtadvd},
		"dibbler":  {About: "DHCPv6 client and server", File: "/etc/dibbler/client.conf", read: dibbler},
		"dhclient": {About: "DHCP client of ISC", File: "/etc/dhcp/dhclient.conf", read: dhclient},
		"dhcp6c":   {About: "DHCPv6 client of WIDE and KAME", File: "/etc/wide-dhcpv6/dhcp6c.conf", read: dhcp6c},
		"kea":      {About: "DHCPv6 server of ISC", File: "/etc/kea/kea-dhcp6.conf", read: kea},
		"bird":     {About: "the radv protocol of BIRD", File: "/etc/bird/bird.conf", read: bird},
		"vyos":     {About: "interfaces and router-advert of VyOS", File: "/config/config.boot", read: vyos},
		"cisco":    {About: "show running-config of Cisco IOS", File: "running-config", read: cisco},
	}
}

// File is a text and the name that notes call it by.
type File struct {
	Name string
	Text []byte
}

// Options say what the file itself does not.
type Options struct {
	// Names has our names of interfaces by those in the file.
	Names map[string]string
	// Interface is the uplink where the file does not tell it: that of dhclient -6 -P, or of a Cisco file in which the delegated
	// prefix is only used.
	Interface string
	// DUID is the file in which dibbler (client-duid) or dhcp6c (dhcp6c_duid) keeps its DUID.
	DUID *File
	// Leases is the file dhclient6.leases, for the DUID and the identifiers of what dhclient asks for.
	Leases *File
}

// Result is what became of a file.
type Result struct {
	Config *sixfoldv1.Config // always valid
	Text   []byte            // Config in canonical form, with comments that tell where its parts come from
	Notes  []Note            // in the order of the file
}

// Complete tells whether everything of the file is in Config.
func (r *Result) Complete() bool {
	return !slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Severity != Info })
}

// Import reads a file in one of the formats. A text that cannot be read as one is a *[SyntaxError].
func Import(format string, file File, o Options) (*Result, error) {
	f, ok := formats()[format]
	if !ok {
		return nil, fmt.Errorf("%q cannot be imported; one of: %s", format, strings.Join(slices.Sorted(maps.Keys(formats())), ", "))
	}
	d := newDraft(file.Name, o)
	text, err := readable(file)
	if err != nil {
		return nil, err
	}
	if err := f.read(d, text); err != nil {
		return nil, d.inFile(err)
	}
	if d.over != nil {
		return nil, d.inFile(failed(*d.over, "this is more than one router has: cut the file into several"))
	}
	if err := d.prune(); err != nil {
		return nil, err
	}
	out, err := d.format(format)
	if err != nil {
		return nil, err
	}
	return &Result{Config: d.conf, Text: out, Notes: d.sorted()}, nil
}

// readable returns the text of a file without what no configuration has: a mark of the byte order, or bytes that are not UTF-8.
func readable(f File) (string, error) {
	if len(f.Text) > MaxSize {
		return "", &SyntaxError{Note{File: f.Name, Line: 1, Column: 1, Text: fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20)}}
	}
	text := strings.TrimPrefix(strings.ToValidUTF8(string(f.Text), "\ufffd"), "\ufeff")
	if n := strings.IndexByte(text, 0); n >= 0 {
		at := pos{1 + strings.Count(text[:n], "\n"), 1}
		return "", &SyntaxError{Note{File: f.Name, Line: at.line, Column: at.column, Text: "this is not a text file"}}
	}
	return strings.ReplaceAll(text, "\r\n", "\n"), nil
}
