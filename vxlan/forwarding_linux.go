package vxlan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// row is an entry in the forwarding table of some VXLAN device.
type row struct {
	Index int // of the device
	entry
	State    uint16
	External bool          // another program keeps it (extern_learn)
	Used     time.Duration // how long ago a packet from it was seen
	Updated  time.Duration // how long ago it was learnt, or moved to another remote
}

// fixed tells whether the entry is one of those that this package keeps: it does not age, and no other program has put its name on it.
func (f row) fixed() bool {
	return f.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) != 0 && !f.External
}

// states of forwarding entries, the strongest first.
var states = [...]struct {
	bit  uint16
	name string
}{
	{netlink.NUD_PERMANENT, "permanent"},
	{netlink.NUD_NOARP, "static"},
	{netlink.NUD_REACHABLE, "reachable"},
	{netlink.NUD_STALE, "stale"},
}

func (f row) state() string {
	for _, s := range states {
		if f.State&s.bit != 0 {
			return s.name
		}
	}
	return "none"
}

// forwarding calls each for the forwarding entries of all VXLAN devices, one by one: whoever can send to us can make there be many. It
// calls begin before the first, and again where the kernel has to be asked once more.
func (k *kernel) forwarding(begin func(), each func(row)) error {
	for try := 1; ; try++ {
		begin()
		r := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, unix.NLM_F_DUMP)
		r.Sockets = k.sockets
		r.AddData(&netlink.Ndmsg{Family: unix.AF_BRIDGE})
		err := r.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH, func(m []byte) bool {
			if f, ok := parseForwarding(m); ok {
				each(f)
			}
			return true
		})
		switch interrupted := errors.Is(err, netlink.ErrDumpInterrupted); {
		case interrupted && try < dumpTries:
		case err != nil && !interrupted:
			return fmt.Errorf("list forwarding entries: %w", err)
		default:
			return nil
		}
	}
}

// Attributes and units of neighbours.
const (
	sizeofNdmsg   = 12
	attrDst       = 1
	attrLLAddr    = 2
	attrCacheinfo = 3
	attrPort      = 6
	attrVNI       = 7
	attrIfindex   = 8
	clockTick     = time.Second / 100 // USER_HZ, the same on all machines that Go knows
)

// parseForwarding reads an RTM_NEWNEIGH or RTM_DELNEIGH message without its netlink header. It is false for what is no entry of a VXLAN
// device, such as those of bridges and network cards.
func parseForwarding(b []byte) (row, bool) {
	var f row
	if len(b) < sizeofNdmsg || b[0] != unix.AF_BRIDGE || b[10]&netlink.NTF_SELF == 0 {
		return f, false
	}
	f.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	f.State = binary.NativeEndian.Uint16(b[8:])
	f.External = b[10]&netlink.NTF_EXT_LEARNED != 0
	hardware := false
	err := attributes(b[sizeofNdmsg:], func(kind uint16, v []byte) {
		switch kind {
		case attrDst:
			f.Remote, _ = netip.AddrFromSlice(v)
		case attrLLAddr:
			hardware = len(v) == len(f.MAC)
			copy(f.MAC[:], v)
		case attrCacheinfo:
			if len(v) >= 12 { // struct nda_cacheinfo: confirmed, used, updated
				f.Used = time.Duration(binary.NativeEndian.Uint32(v[4:])) * clockTick
				f.Updated = time.Duration(binary.NativeEndian.Uint32(v[8:])) * clockTick
			}
		case attrPort:
			if len(v) == 2 {
				f.Port = binary.BigEndian.Uint16(v)
			}
		case attrVNI:
			f.VNI = uint32(number(v))
		case attrIfindex:
			f.Via = int(number(v))
		}
	})
	return f, err == nil && hardware && f.Remote.IsValid() && !f.Remote.IsUnspecified()
}
