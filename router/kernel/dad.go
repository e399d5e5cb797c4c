package kernel

import "strconv"

// acceptDAD has the kernel look for duplicates on all links, whatever the setting of a link says.
const acceptDAD = "net/ipv6/conf/all/accept_dad"

// detects reports whether the kernel is to look for duplicates of an address that it gets on a link (RFC 4862 5.4). Where its settings
// say that it does not, the address is added without as well: otherwise the kernel waits before it uses the address (by default up to
// a second, even if it sends no probe), and takes the end of that, for each address, as a reason to walk through all its routes.
func detects(want Link, have LinkState, everywhere bool) bool {
	if !want.DAD {
		return false
	}
	// What the configuration chooses was written since the link was read.
	setting := func(key string) (n int, known bool) {
		p := "net/ipv6/conf/" + have.Name + "/" + key
		text, known := have.Settings.value(p)
		for _, s := range want.Sysctls {
			if s.Path == p {
				text, known = s.Value, true
			}
		}
		n, err := strconv.Atoi(text)
		return n, known && err == nil
	}
	if probes, known := setting("dad_transmits"); known && probes == 0 {
		return false
	}
	accept, known := setting("accept_dad")
	return everywhere || !known || accept > 0
}
