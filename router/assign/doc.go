// Package assign chooses which part of a delegated prefix serves what the configuration writes as NAME auto/LENGTH, and keeps
// what it chose.
//
// The place of a part in its delegation is what is kept, not the prefix: when the ISP delegates another one, each part moves to
// the same place in it. Choose is pure. Who has a place stays there (RFC 9818 LPD-3), unless the configuration gives that place to
// something else by name or the delegation became too small for it. Who goes leaves its place behind, and gets it back unless it
// was needed meanwhile. Who is new gets the smallest free block that holds it, the lowest of several: that leaves the largest blocks
// whole for clients who ask for prefixes (RFC 9818 LPD-4), and numbers that people can remember.
//
// The file is written before a place is used, as a whole, and is in the order of the table: it can be read and, with the router
// stopped, changed by hand.
package assign
