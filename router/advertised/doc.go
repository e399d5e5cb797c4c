// Package advertised remembers what the hosts of each link may have from our router advertisements, and which prefixes were delegated
// to us, so that what is no longer so can be withdrawn: advertised with lifetime 0 (RFC 9096 3.5) until no host has it any longer, or
// every host that was there has had 90 minutes to hear of it. It does not matter why it is no longer advertised, nor whether
// that happened while the router was down or without power: what is in the memory and not advertised is withdrawn.
//
// A [Set] is a value: what may be out there at one time. [Withdrawn] says what of it has to be withdrawn, [Set.Next] what is out there
// once that and what is current was advertised. A [Log] keeps the newest set on disk, as a file to which changes are appended, with one
// write to stable storage for all links before the first advertisement of something new leaves.
package advertised
