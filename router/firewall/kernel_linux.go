package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	genmsgSize   = 4                // of struct nfgenmsg, before the attributes
	socketBuffer = 64 << 20         // with the stock size the kernel drops answers to a few hundred rules
	answerLimit  = 30 * time.Second // the kernel answers at once; this only keeps a lost answer from blocking forever
)

// threadNamespace is the network namespace of the calling thread.
const threadNamespace = "/proc/thread-self/ns/net"

// kernel writes and reads nftables in one network namespace.
type kernel struct {
	namespace *os.File
}

// close gives the namespace back.
func (k *kernel) close() { k.namespace.Close() }

// openKernel takes the namespace of the calling thread.
func openKernel() (*kernel, error) {
	f, err := os.Open(threadNamespace)
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	return &kernel{f}, nil
}

// from is the namespace that the calling thread, which must be locked, has to go to for a new socket; 0 if it is there. To go
// anywhere needs CAP_SYS_ADMIN, which the service has not, and all of its threads are in one namespace.
func (k *kernel) from() int {
	var here, there unix.Stat_t
	if unix.Stat(threadNamespace, &here) == nil && unix.Fstat(int(k.namespace.Fd()), &there) == nil && here.Dev == there.Dev && here.Ino == there.Ino {
		return 0
	}
	return int(k.namespace.Fd())
}

// socket opens one for what is not left to the library.
func (k *kernel) socket() (*netlink.Conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: k.from()})
}

// dial opens a socket for one look or one batch: what is left over of an answer cannot be taken for that to another question.
func (k *kernel) dial() (*nftables.Conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(k.from()), nftables.WithSockOptions(widen))
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	return conn, nil
}

func widen(c *netlink.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer),
		)
	})
	return errors.Join(err, failed, c.SetDeadline(time.Now().Add(answerLimit)))
}

// ours is the table as the library has it.
func ours() *nftables.Table {
	return &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
}

// generation is a number that rises with each batch of anybody.
func (k *kernel) generation() (uint32, error) {
	conn, err := k.socket()
	if err != nil {
		return 0, fmt.Errorf("open netlink: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return 0, err
	}
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   make([]byte, genmsgSize),
	})
	if err != nil {
		return 0, fmt.Errorf("read the generation of nftables: %w", err)
	}
	for _, m := range replies {
		if len(m.Data) < genmsgSize {
			continue
		}
		ad, err := netlink.NewAttributeDecoder(m.Data[genmsgSize:])
		if err != nil {
			return 0, err
		}
		ad.ByteOrder = binary.BigEndian
		for ad.Next() {
			if ad.Type() == unix.NFTA_GEN_ID {
				return ad.Uint32(), ad.Err()
			}
		}
	}
	return 0, errors.New("the kernel does not tell the generation of nftables")
}
