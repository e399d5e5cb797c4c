// Package vm runs tests in a kernel of their own, with the file system of the host: what the host's kernel lacks (VLANs, VRFs,
// dummy, GRE and bond devices), and what must not be tried on it, is there.
package vm
