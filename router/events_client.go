package router

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
)

// farewell says what becomes of a prefix that a delegation had: the server may let it run out.
func farewell(now pd.Delegation, was netip.Prefix) string {
	for _, f := range now.Former {
		if f.Prefix == was {
			return fmt.Sprintf(", which runs out until %s", f.ValidUntil.UTC().Format(time.RFC3339))
		}
	}
	return ""
}

// renamed says what a server tells now of DNS servers and domains, if that is news.
func renamed(was, now pd.Delegation) (text string, news bool) {
	if slices.Equal(was.DNS, now.DNS) && slices.Equal(was.Domains, now.Domains) {
		return "", false
	}
	if len(now.DNS)+len(now.Domains) == 0 {
		return "no DNS servers and domains any more", true
	}
	var words []string
	for _, a := range now.DNS {
		words = append(words, a.String())
	}
	return "DNS servers and domains are " + strings.Join(append(words, now.Domains...), ", ") + " now", true
}
