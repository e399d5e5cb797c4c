package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

const (
	rdnssServers = 15      // in one option: 248 bytes, what receivers that count in 8 bits can read
	dnsslBytes   = 248 - 8 // for the same reason
)

// encodeServers is as many RDNSS options (RFC 8106 5.1) as it takes.
func encodeServers(servers []netip.Addr, lifetime time.Duration) [][]byte {
	var options [][]byte
	for len(servers) > 0 {
		n := min(len(servers), rdnssServers)
		b := newOption(optRDNSS, 6+16*n)
		binary.BigEndian.PutUint32(b[4:], seconds32(lifetime))
		for k, a := range servers[:n] {
			copy(b[8+16*k:], a.AsSlice())
		}
		options, servers = append(options, b), servers[n:]
	}
	return options
}

// encodeSearchLists is as many DNSSL options (RFC 8106 5.2) as it takes for the domains.
func encodeSearchLists(domains []string, lifetime time.Duration) ([][]byte, error) {
	var options [][]byte
	var names []byte
	flush := func() {
		if len(names) == 0 {
			return
		}
		b := newOption(optDNSSL, 6+len(names))
		binary.BigEndian.PutUint32(b[4:], seconds32(lifetime))
		copy(b[8:], names)
		options, names = append(options, b), nil
	}
	for _, d := range domains {
		name, err := encodeName(d)
		if err != nil {
			return nil, fmt.Errorf("search domain %q: %w", d, err)
		}
		if len(names)+len(name) > dnsslBytes {
			flush()
		}
		names = append(names, name...)
	}
	flush()
	return options, nil
}

// encodeResolver is an encrypted DNS option (RFC 9463 6.1). Without addresses everything after the name is left out.
func encodeResolver(r Resolver) ([]byte, error) {
	name, err := encodeName(r.Name)
	if err != nil {
		return nil, fmt.Errorf("resolver %q: %w", r.Name, err)
	}
	var rest []byte
	if len(r.Addresses) > 0 {
		rest = binary.BigEndian.AppendUint16(rest, uint16(16*len(r.Addresses)))
		for _, a := range r.Addresses {
			rest = append(rest, a.AsSlice()...)
		}
		var parameters []byte
		for _, p := range r.Parameters {
			parameters = binary.BigEndian.AppendUint16(parameters, p.Key)
			parameters = binary.BigEndian.AppendUint16(parameters, uint16(len(p.Value)))
			parameters = append(parameters, p.Value...)
		}
		rest = binary.BigEndian.AppendUint16(rest, uint16(len(parameters)))
		rest = append(rest, parameters...)
	}
	n := 8 + len(name) + len(rest)
	if n+2 > maxOption {
		return nil, fmt.Errorf("resolver %q: %d bytes are more than an option can hold", r.Name, n)
	}
	b := newOption(optDNR, n)
	binary.BigEndian.PutUint16(b[2:], r.Priority)
	binary.BigEndian.PutUint32(b[4:], seconds32(r.Lifetime))
	binary.BigEndian.PutUint16(b[8:], uint16(len(name)))
	copy(b[10:], name)
	copy(b[10+len(name):], rest)
	return b, nil
}

// Gone is the option with which hosts forget a resolver that was advertised to them: the same with lifetime 0.
func (r Resolver) Gone() (RawOption, error) {
	r.Lifetime = 0
	b, err := encodeResolver(r)
	if err != nil {
		return RawOption{}, err
	}
	return RawOption{Type: optDNR, Data: b[2:]}, nil
}

// encodeName is domain as in RFC 1035 3.1, uncompressed.
func encodeName(domain string) ([]byte, error) {
	ascii, err := idna.Punycode.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return nil, err
	}
	var b []byte
	for label := range strings.SplitSeq(ascii, ".") {
		if len(label) == 0 || len(label) > 63 {
			return nil, errors.New("a label must have 1 to 63 bytes")
		}
		b = append(append(b, uint8(len(label))), label...)
	}
	if b = append(b, 0); len(b) > 255 {
		return nil, errors.New("longer than 255 bytes")
	}
	return b, nil
}
