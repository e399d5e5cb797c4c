// Package ra sends IPv6 router advertisements (RFC 4861 section 6.2, RFC 4191, RFC 8106) on the links it is told to, answers
// solicitations, and decodes the advertisements of others for an operator who watches a link.
//
// What is advertised is decided elsewhere: an [Interface] is final, down to the link-local address to send from. The package
// decides only when to send and how it looks on the wire. A link lives like this:
//
//   - Apply names it: three advertisements follow, the first at once, the others at most 16 s apart (6.2.4); then one at random
//     times between MinInterval and MaxInterval. A change of content starts this over. Whatever happens, multicast keeps the distance
//     of MinDelay, 3 s as a rule.
//   - A solicitation from an address is answered to that address at once, or with RandomDelay up to 0.5 s later by chance, within what
//     its token bucket allows; one from ::, or from one of too many hosts to remember, brings the next multicast advertisement forward,
//     up to 0.5 s later by chance, for all who asked meanwhile (6.2.6).
//   - Apply without it sends three final advertisements with every lifetime 0, 3 s apart (6.2.5), unless it is advertised on again
//     meanwhile; so does another link-local address, from the old one (6.2.8), even if the link has that no more. Hosts that lost their
//     router so do not wait for the next advertisement either: it follows without distance. At the end of Run final ones are 100 ms
//     apart. None are sent if KeepSilent was called because a successor takes over. Leave says goodbye before a device is deleted.
//
// One raw socket serves all links, and packets go through it in batches. The goroutine of Run sends what is scheduled; a second one
// receives, and sends the answers that do not wait; Sender.mu guards what they share, and is not held while the kernel works. The
// bytes of an advertisement are kept for as long as they are right (Lasting). What many links send gathers at a few moments
// (schedule.gather). A flood of solicitations is read no faster than maxRead, remembers no more than maxHosts hosts on a link, and
// gets no more than newHosts of them entries in the neighbor table; the others are served together. On more than fewLinks links what is
// scheduled leaves by a packet socket, as the kernel's routing table gets slow with the number of links (framer).
//
// An [Observer] listens to other routers, with one socket for all links: it remembers what each says, within bounds, and finds what
// does not agree with what we say (6.2.7) and who should not say anything. heard.go puts together what a router spreads over several
// advertisements and tells what changed; it serves [WatchLinks], for an operator who looks at a link, as well. The decoder skips an
// option that makes no sense, and says why.
//
// advert.go, schedule.go, limit.go, solicitation.go and decode.go are functions of their arguments; batch_linux.go and frame_linux.go are the sockets of a
// Sender, conn_linux.go that of those who watch.
package ra
