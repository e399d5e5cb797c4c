package ra

import (
	"errors"
	"net/netip"
)

// transport is what a Sender needs of its socket; tests put channels in its place.
type transport interface {
	// read blocks until packets come and says how many it put into packets, or until interrupt is called, which gives
	// os.ErrDeadlineExceeded. What a packet holds is valid until the next call.
	read(packets []packet) (int, error)
	// write sends each packet, and notes in it why it could not. loop says whether this machine hears what is sent to a group that it
	// is a member of. It is called from one goroutine at a time.
	write(out []outgoing, loop bool)
	// answer is write for packets to one host each. It waits for nothing, and gives way to write. It is called from one goroutine at a
	// time, which may be another than that of write.
	answer(out []outgoing)
	// listen makes solicitations on a link arrive, where they would not without, and reports whether there is something to leave.
	listen(link string, index int) (joined bool, err error)
	leave(index int) error
	interrupt()
	close() error
}

// packet is one that came in.
type packet struct {
	message []byte
	info    packetInfo
}

// outgoing is an ICMPv6 message to send. An invalid source leaves the choice to the kernel.
type outgoing struct {
	message             []byte
	index               int
	source, destination netip.Addr
	direct              bool  // to all nodes it may leave past the routing table and the firewall: there are many links
	parting             bool  // source may have left the link by now
	err                 error // how it went
}

// errCrowded is why an answer did not leave: too much is on its way already.
var errCrowded = errors.New("too much is on its way already")
