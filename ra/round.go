package ra

import (
	"net/netip"
	"time"
)

// round is what leaves together. Its slices are used again for the next one.
type round struct {
	jobs  []job
	out   []outgoing
	loop  bool       // this machine is to hear what is in out
	quiet []outgoing // final advertisements, which this machine does not hear
}

// job is one advertisement of a round, in one or more packets.
type job struct {
	link        *link
	kind        kind
	bye         *goodbye
	first, size int   // its packets
	err         error // why there are none
}

type kind int

const (
	periodic kind = iota // as scheduled, or final
	answer               // to one who asked
)

func (r *round) reset() {
	clear(r.jobs)
	clear(r.out)
	clear(r.quiet)
	r.jobs, r.out, r.quiet = r.jobs[:0], r.out[:0], r.quiet[:0]
}

// add adds the advertisement of a link, for each of some receivers.
func (r *round) add(l *link, k kind, now time.Time, to ...netip.Addr) {
	i := &l.status.Interface
	messages, err := l.content(now)
	j := job{link: l, kind: k, first: len(r.out), err: err}
	for _, host := range to {
		for _, m := range messages {
			r.out = append(r.out, outgoing{
				message: m, index: i.Index, source: i.LinkLocal, destination: host,
				direct: !r.loop && !i.SharedSource, // a source that moves is for the kernel to check
			})
		}
	}
	j.size = len(r.out) - j.first
	r.jobs = append(r.jobs, j)
}

// goodbye adds a final advertisement.
func (r *round) goodbye(b *goodbye) {
	j := job{link: b.link, bye: b, first: len(r.quiet)}
	for _, host := range b.to {
		for _, m := range b.messages {
			r.quiet = append(r.quiet, outgoing{message: m, index: b.index, source: b.source, destination: host, parting: !b.shared})
		}
	}
	j.size = len(r.quiet) - j.first
	r.jobs = append(r.jobs, j)
}

// outcome counts the packets of a job that left, and tells why the first that did not did not.
func (j *job) outcome(r *round) (sent int, err error) {
	packets := r.out
	if j.bye != nil {
		packets = r.quiet
	}
	err = j.err
	for n := range packets[j.first : j.first+j.size] {
		switch o := &packets[j.first+n]; {
		case o.err == nil:
			sent++
		case err == nil:
			err = sendError(o)
		}
	}
	return sent, err
}
