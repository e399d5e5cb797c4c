package pd

import (
	"encoding/binary"
	"hash/fnv"
	"net"
)

// hardwareEthernet is the hardware type of Ethernet in a DUID (RFC 8415 11.4).
const hardwareEthernet = 1

// duidLL is the type of a DUID made of a link-layer address (RFC 8415 11.4).
const duidLL = 3

// DeriveIAID returns the IAID of the delegation name on link: always the same for the same two, as servers find a client's
// leases by it (RFC 8415 12, RFC 9096 WPD-10), and never 0, which stands for "not configured".
func DeriveIAID(link, name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(link))
	h.Write([]byte{0}) // no name contains it: "a","bc" and "ab","c" differ
	h.Write([]byte(name))
	if id := h.Sum32(); id != 0 {
		return id
	}
	return 1
}

// DUIDFromMAC returns the DUID-LL of a MAC address (RFC 8415 11.4).
func DUIDFromMAC(mac net.HardwareAddr) []byte {
	duid := binary.BigEndian.AppendUint16(nil, duidLL)
	duid = binary.BigEndian.AppendUint16(duid, hardwareEthernet)
	return append(duid, mac...)
}
