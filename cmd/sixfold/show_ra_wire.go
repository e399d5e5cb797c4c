package main

import (
	"fmt"
	"io"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
)

// printWire prints the packets of advertisements in hexadecimal, each part with what it says.
func printWire(p printer, m *sixfoldv1.ListAdvertisementsResponse) error {
	if len(m.GetAdvertisements()) == 0 {
		return p.none("no router advertisements: no interface has advertise")
	}
	var b strings.Builder
	for _, a := range m.GetAdvertisements() {
		for n, packet := range a.GetPackets() {
			fmt.Fprintf(&b, "%s from %s, ICMPv6 of %d bytes", cell(a.GetLink()), cell(a.GetSource()), len(packet))
			if all := len(a.GetPackets()); all > 1 {
				fmt.Fprintf(&b, ", %d of %d", n+1, all)
			}
			b.WriteByte('\n')
			for _, part := range ra.Dissect(packet) {
				writePart(&b, part)
			}
		}
	}
	_, err := io.WriteString(p.out, b.String())
	return err
}

// writePart writes sixteen bytes a line. The text stands above them.
func writePart(b *strings.Builder, part ra.Part) {
	const width = 16
	for _, line := range part.Text {
		fmt.Fprintf(b, "        %s\n", cell(line))
	}
	for n := 0; n < len(part.Bytes); n += width {
		row := part.Bytes[n:min(n+width, len(part.Bytes))]
		fmt.Fprintf(b, "  %04x ", part.Offset+n)
		for k, octet := range row {
			if k%2 == 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(b, "%02x", octet)
		}
		b.WriteByte('\n')
	}
}
