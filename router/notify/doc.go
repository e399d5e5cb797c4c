// Package notify tells programs, files and URLs when a prefix that is delegated to us comes, changes or goes.
//
// A Manager has a consumer for each of them, with a goroutine of its own, so that a program that hangs holds up nobody else. A
// consumer is given the state of its delegation; what it was told last with success is on disk, and the difference is what there is
// to tell. Nothing else decides whether something is told, so that a change while the router was down is told at the start, and
// what was told is not told again; but a file that is gone at the start is written anew: its directory may not survive a reboot. What
// fails is tried again, less and less often; of several changes in the meantime the newest is told.
//
// A service of systemd is shut off from most of the machine. What consumers run and write is none of that: if the router is such a
// service, systemd is asked to run the programs, and to write the files, each as a service of its own (outside.go). Otherwise they
// are processes of ours.
package notify
