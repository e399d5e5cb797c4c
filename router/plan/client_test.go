package plan_test

import (
	"fmt"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
)

// clientWords prints what is configured of a client.
func clientWords(u pd.Uplink) string {
	out := show(" information", u.Stateless)
	if !u.Reconfigure {
		out += " no Reconfigure"
	}
	if u.DUID != nil {
		out += fmt.Sprintf(" duid %x", u.DUID)
	}
	if len(u.Request) > 0 {
		out += fmt.Sprintf(" asks for %v", u.Request)
	}
	for _, o := range u.Send {
		out += fmt.Sprintf(" sends %d:%x", o.Code, o.Data)
	}
	return out
}
