package config

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Types of DUIDs, RFC 9915 11.
const (
	duidLLT  = 1
	duidEN   = 2
	duidLL   = 3
	duidUUID = 4
)

// duidEpoch is when the time of a DUID-LLT begins.
var duidEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// ParseDUID reads a DHCP unique identifier: octets in hexadecimal, with or without colons, or one of
//
//	ll MAC                  52:54:00:d6:c2:a9
//	llt TIME MAC            TIME as 2016-02-19T10:11:12Z, or as seconds since 2000
//	en ENTERPRISE HEX       ENTERPRISE is a number, HEX what its owner made of it
//	uuid UUID               a0b1c2d3-…
//
// Hardware addresses are those of Ethernet; for others there is the hexadecimal form. The result has 3 to 130 octets (RFC 9915 11.1).
func ParseDUID(text string) ([]byte, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, errors.New("a DUID has 3 to 130 octets, this one has none")
	}
	form, rest := strings.ToLower(words[0]), words[1:]
	need := func(n int, usage string) error {
		if len(rest) != n {
			return fmt.Errorf("a DUID of this type is %s", usage)
		}
		return nil
	}
	switch form {
	case "ll":
		if err := need(1, "ll MAC, as ll 52:54:00:d6:c2:a9"); err != nil {
			return nil, err
		}
		mac, err := duidMAC(rest[0])
		return append([]byte{0, duidLL, 0, 1}, mac...), err
	case "llt":
		if err := need(2, "llt TIME MAC, as llt 2016-02-19T10:11:12Z 52:54:00:d6:c2:a9"); err != nil {
			return nil, err
		}
		seconds, err := duidTime(rest[0])
		if err != nil {
			return nil, err
		}
		mac, err := duidMAC(rest[1])
		return append(binary.BigEndian.AppendUint32([]byte{0, duidLLT, 0, 1}, seconds), mac...), err
	case "en":
		if err := need(2, "en ENTERPRISE HEX, as en 9 0cc084d303000912"); err != nil {
			return nil, err
		}
		number, err := strconv.ParseUint(rest[0], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not an enterprise number", excerpt(rest[0]))
		}
		id, err := parseHex(rest[1])
		if err != nil || len(id) == 0 || len(id) > 124 {
			return nil, fmt.Errorf("%q is not 1 to 124 octets in hexadecimal", excerpt(rest[1]))
		}
		return append(binary.BigEndian.AppendUint32([]byte{0, duidEN}, uint32(number)), id...), nil
	case "uuid":
		if err := need(1, "uuid UUID, as uuid 5f3c1c9e-6d1b-4a3c-9d0e-52540012abcd"); err != nil {
			return nil, err
		}
		id, err := hex.DecodeString(strings.ReplaceAll(rest[0], "-", ""))
		if err != nil || len(id) != 16 {
			return nil, fmt.Errorf("%q is not a UUID: 32 hexadecimal digits, with or without hyphens", excerpt(rest[0]))
		}
		return append([]byte{0, duidUUID}, id...), nil
	}
	d, err := parseHex(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a DUID: octets in hexadecimal, as 00:03:00:01:52:54:00:d6:c2:a9, or ll, llt, en or uuid with what belongs to it", excerpt(text))
	case len(d) < 3 || len(d) > 130:
		return nil, fmt.Errorf("a DUID has 3 to 130 octets, this one has %d", len(d))
	}
	return d, nil
}

// duidMAC reads a hardware address of Ethernet.
func duidMAC(text string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("%q is not a hardware address: six octets, as 52:54:00:d6:c2:a9", excerpt(text))
	}
	return mac, nil
}

// duidTime reads the time of a DUID-LLT, which is modulo 2^32 seconds.
func duidTime(text string) (uint32, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return uint32(n), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Before(duidEpoch) {
		return 0, fmt.Errorf("%q is not a time since 2000, as 2016-02-19T10:11:12Z, nor a number of seconds since then", excerpt(text))
	}
	return uint32(t.Sub(duidEpoch) / time.Second), nil
}

// FormatDUID returns a DUID in the form that ParseDUID reads as the same octets: by its type, or in hexadecimal.
func FormatDUID(d []byte) string {
	if len(d) < 3 {
		return hex.EncodeToString(d)
	}
	kind, body := binary.BigEndian.Uint16(d), d[2:]
	ethernet := func(at int) bool { return len(body) == at+6 && binary.BigEndian.Uint16(body) == 1 }
	switch {
	case kind == duidLLT && ethernet(6):
		at := duidEpoch.Add(time.Duration(binary.BigEndian.Uint32(body[2:])) * time.Second)
		return fmt.Sprintf("llt %s %s", at.Format(time.RFC3339), net.HardwareAddr(body[6:]))
	case kind == duidEN && len(body) > 4 && len(body) <= 128:
		return fmt.Sprintf("en %d %x", binary.BigEndian.Uint32(body), body[4:])
	case kind == duidLL && ethernet(2):
		return "ll " + net.HardwareAddr(body[2:]).String()
	case kind == duidUUID && len(body) == 16:
		return fmt.Sprintf("uuid %x-%x-%x-%x-%x", body[:4], body[4:6], body[6:8], body[8:10], body[10:])
	}
	return net.HardwareAddr(d).String()
}
