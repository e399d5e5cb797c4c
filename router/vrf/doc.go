// Package vrf binds what runs on the router to a VRF: lookups of names (Resolver), any command (Exec), and services of systemd
// (Services). The VRF device, its table and its rules are made elsewhere; here is only what uses it.
//
// A socket belongs to a VRF when it is bound to its device. Programs that know nothing of that are bound by the kernel: a program
// of four instructions that is attached to their control group sets the device of each socket that they make
// (BPF_CGROUP_INET_SOCK_CREATE), as ip vrf exec does.
package vrf
