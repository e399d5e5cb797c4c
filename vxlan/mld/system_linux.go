package mld

import (
	"errors"
	"net/netip"
)

// system is what a Manager needs of the kernel; tests put a machine of their own in its place. Calls are made one at a time, but for
// the two that receive.
type system interface {
	// ask sends a query.
	ask(index int, source netip.Addr, q query) error
	// listen makes what this machine listens to for one of the owners; a filter of none leaves.
	listen(o owner, m membership, f filter) error
	// promiscuous has a link pass all multicast frames.
	promiscuous(index int, on bool) error

	// route switches multicast routing on or off, or says why that cannot be.
	route(on bool) error
	routing() bool
	mifs() (map[int]string, error)
	entries() (map[flow]kernelEntry, error)
	bridges() ([]bridgeGroup, error)
	addMIF(mif, index int) error
	delMIF(mif int) error
	setEntry(f flow, in int, out []int) error
	delEntry(f flow) error

	// receive blocks until a message comes; after interrupt it gives os.ErrDeadlineExceeded.
	receive(b []byte) (int, packet, error)
	// questions returns what blocks until the kernel asks; when multicast routing is off it gives os.ErrClosed. ok is false for what
	// is no question.
	questions() func(b []byte) (q question, ok bool, err error)
	interrupt()
	close() error
}

// owner says what a membership is for. Each has its own, and the kernel listens to the union.
type owner int

const (
	ownProtocol owner = iota // to hear the reports
	ownJoins                 // of the configuration
	ownProxy                 // what is wanted downstream
	owners
)

// linux is the kernel of the namespace of the thread that opened it.
type linux struct {
	listener *socket // messages
	router   *socket // multicast routing is on while it is open; nil: it is off
	writer   *socket // what it writes stays when router is closed
	joins    [owners]*listener
	modes    *promiscuous
}

func openLinux() (*linux, error) {
	l := &linux{}
	for i := range l.joins {
		l.joins[i] = newListener()
	}
	var err error
	if l.listener, err = openListener(); err != nil {
		return nil, err
	}
	if l.writer, err = openRaw(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	if l.modes, err = openPromiscuous(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *linux) ask(index int, source netip.Addr, q query) error {
	return l.listener.ask(index, source, q)
}

func (l *linux) listen(o owner, m membership, f filter) error { return l.joins[o].set(m, f) }

func (l *linux) promiscuous(index int, on bool) error { return l.modes.set(index, on) }

func (l *linux) route(on bool) error {
	switch {
	case on == l.routing():
		return nil
	case on:
		var err error
		l.router, err = openRouting()
		return err
	}
	s := l.router
	l.router = nil
	return s.close()
}

func (l *linux) routing() bool { return l.router != nil }

func (l *linux) mifs() (map[int]string, error)          { return readMIFs() }
func (l *linux) bridges() ([]bridgeGroup, error)        { return readBridges() }
func (l *linux) entries() (map[flow]kernelEntry, error) { return readEntries() }
func (l *linux) addMIF(mif, index int) error            { return l.writer.addMIF(mif, index) }
func (l *linux) delMIF(mif int) error                   { return l.writer.delMIF(mif) }
func (l *linux) delEntry(f flow) error                  { return l.writer.delEntry(f) }

func (l *linux) setEntry(f flow, in int, out []int) error { return l.writer.setEntry(f, in, out) }

func (l *linux) receive(b []byte) (int, packet, error) { return l.listener.read(b) }

func (l *linux) questions() func(b []byte) (question, bool, error) {
	s := l.router
	return func(b []byte) (question, bool, error) {
		n, _, err := s.read(b)
		if err != nil {
			return question{}, false, err
		}
		q, ok := parseUpcall(b[:n])
		return q, ok, nil
	}
}

func (l *linux) interrupt() { l.listener.interrupt() }

func (l *linux) close() error {
	var errs []error
	for _, s := range []*socket{l.listener, l.router, l.writer} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	for _, j := range l.joins {
		errs = append(errs, j.close())
	}
	if l.modes != nil {
		errs = append(errs, l.modes.close())
	}
	return errors.Join(errs...)
}
