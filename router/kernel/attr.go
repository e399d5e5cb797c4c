package kernel

import (
	"encoding/binary"
	"net/netip"
)

// Attributes and values of linux/if_addr.h, rtnetlink.h and netlink.h that vishvananda/netlink and x/sys/unix lack.
const (
	ifaFlags   = 8  // IFA_FLAGS
	ifaProto   = 11 // IFA_PROTO, since Linux 5.18
	protoRA    = 2  // IFAPROT_KERNEL_RA
	skipStats  = 8  // RTEXT_FILTER_SKIP_STATS: link dumps without counters are several times smaller
	attrMask   = 0x3fff
	attrAlign  = 4
	attrHeader = 4
)

// AddressProtocol is the IFA_PROTO of addresses that we added: how they are recognised after a crash or restart.
const AddressProtocol = 66

// native is the byte order of netlink: that of the machine.
var native = binary.NativeEndian

// eachAttr calls fn for each attribute in b, and stops at the first that does not fit.
func eachAttr(b []byte, fn func(typ uint16, val []byte)) {
	for len(b) >= attrHeader {
		n := int(native.Uint16(b))
		if n < attrHeader || n > len(b) {
			return
		}
		fn(native.Uint16(b[2:])&attrMask, b[attrHeader:n])
		n = (n + attrAlign - 1) &^ (attrAlign - 1)
		if n >= len(b) {
			return
		}
		b = b[n:]
	}
}

// attrUint32 returns the value of a u32 attribute, 0 if it is too short.
func attrUint32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return native.Uint32(b)
}

// attrAddr returns the address in b, or an invalid one. Addresses of 16 bytes stay IPv6.
func attrAddr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}
