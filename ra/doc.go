// Package ra sends IPv6 router advertisements (RFC 4861 section 6.2, RFC 4191, RFC 8106) on the links it is told to, answers
// solicitations, and decodes the advertisements of others for an operator who watches a link.
//
// What is advertised is decided elsewhere: an [Interface] is final, down to the link-local address to send from. The package
// decides only when to send and how it looks on the wire. A link lives like this:
//
//   - Apply names it: three advertisements follow, the first at once, the others at most 16 s apart (6.2.4); then one at random
//     times between MinInterval and MaxInterval. A change of content starts this over.
//   - A solicitation from an address is answered to that address, within what its token bucket allows; one from ::, or one too many
//     hosts to remember, brings the next multicast advertisement forward. Either comes up to 0.5 s later, by chance, and multicast
//     keeps 3 s of distance (6.2.6).
//   - Apply without it, or the end of Run, sends a final advertisement with lifetime 0 (6.2.5), unless KeepSilent was called
//     because a successor takes over.
//
// One raw socket serves all links. The goroutine of Run sends, a second one receives; Sender.mu guards what they share.
// advert.go, schedule.go, limit.go, solicitation.go and decode.go are functions of their arguments; conn_linux.go is the socket.
package ra
