// Package lease keeps what the DHCPv6 server gave to whom: the leases, the pools that they are carved from, and a store
// that has them on disk before a Reply leaves. It does not know DHCPv6 messages and decides nothing about clients.
//
// # Store
//
// A [Store] is an index in memory, which is the truth, and a journal on disk, which is appended to and from which the
// index is built again at start. [Store.Commit] changes the index at once and queues the change; [Store.Run] writes
// everything that waits with one write and one fdatasync, and only then completes it (group commit: the batch grows with
// the slowness of the disk, there is no timer). After an error of write or fdatasync nothing more is acknowledged: on
// Linux, pages that could not be written are dropped or marked clean, so that a second fdatasync of the same file proves
// nothing. The way out is Close and Open, which replays what the disk really has.
//
// # Files
//
// The directory of a store holds:
//
//	lock        empty; held with flock(2) while a process has the store open
//	leases      the journal
//	leases.new  a journal being written by compaction; removed at start if it is still there
//
// The journal is a header and frames. Integers in it are little-endian.
//
//	header  "sixfold lease 1\n"   16 bytes, the 1 being the version of the format
//	        id                     8 random bytes, made with the first journal of the store
//	        CRC32C                 4 bytes, of all bytes before
//
//	frame   id                     8 bytes, those of the header
//	        sequence               8 bytes
//	        length                 4 bytes, of the payload
//	        CRC32C                 4 bytes, of id, sequence, length and payload
//	        payload                operations, one after another (see record.go)
//
// A journal starts with a snapshot: one frame or more with the same sequence, that of the last batch which the snapshot
// includes; an operation "end" closes the last of them. Each following frame is one batch, and its sequence is one more
// than that of the frame before. A change is never split between batches, so it is on disk as a whole or not at all.
//
// # What replay accepts
//
// A batch is written only after the batch before it is durable. Therefore only the last frame of a journal can be torn
// by a crash. A frame that does not hold together is a torn tail if no intact frame follows it: it was never
// acknowledged, and is cut off. If an intact frame does follow, or the damage is in the header or in the snapshot, which
// got its name only after it was durable, then something else damaged acknowledged leases, and [Open] refuses with the file
// and the offset rather than forget them silently. The random id keeps a client from planting an intact frame in its DUID.
//
// # Compaction
//
// When the journal is much larger than the live state, Run takes the references to all leases, in one step with a batch,
// and a second goroutine writes them as the snapshot of a new journal while batches go on to the old one. It then copies
// the batches since; Run copies the last of them, makes the new file durable, renames it over the old one and makes the
// directory durable. Until the rename, any error only means that the old journal stays for longer.
package lease
