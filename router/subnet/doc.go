// Package subnet calculates with addresses and prefixes: splitting, aggregating, finding what is free, and telling all that an
// address says about itself. It is pure, and serves IPv6 and IPv4 alike.
//
// Counts are big.Int, because a prefix may hold 2^128 addresses. Sequences are lazy: splitting a /32 into /64s costs nothing until
// the subnets are asked for, and never more memory than one of them.
package subnet
