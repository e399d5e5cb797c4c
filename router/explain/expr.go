package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/config"
)

// Literal returns what an address or prefix of a delegation is now, as the configuration has it: "isp ::1", "isp auto:lan0/64". Another
// text is returned as it is.
func (v View) Literal(text string) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", &SubjectError{Subject: text, Reason: fmt.Sprintf(format, args...)}
	}
	e, err := config.ParseExpr(text)
	first, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	known := v.names(KindDelegation)
	switch {
	case slices.Contains(subjectKinds[:], strings.ToLower(first)), rest == "":
		return text, nil
	case slices.Contains(known, first) && err != nil:
		return refuse("%v", err)
	case err != nil || e.Delegation == "":
		return text, nil
	case !slices.Contains(known, e.Delegation):
		return refuse("there is no delegation %s%s", e.Delegation, oneOf(known))
	}
	var base netip.Prefix
	for _, s := range v.Prefixes {
		if s.Name == e.Delegation && s.Delegation != nil && v.Now.Before(s.Delegation.ValidUntil) {
			base = s.Delegation.Prefix
		}
	}
	if !base.IsValid() || v.Plan == nil {
		return refuse("no prefix %s is delegated to us now; see sixfold explain %[1]s", e.Delegation)
	}
	if e.Auto.Bits < 0 {
		var lengths []int
		for k := range v.Plan.Parts {
			if k.Delegation == e.Delegation && k.Name == e.Auto.Name {
				lengths = append(lengths, k.Bits)
			}
		}
		if len(lengths) != 1 {
			return refuse("%s has %d parts of %s; say the length, as %s/64", nameOf(e.Auto.Name), len(lengths), e.Delegation, text)
		}
		e.Auto.Bits = lengths[0]
	}
	placed, why := v.Plan.Placed(e)
	if why != "" {
		return refuse("%s", why)
	}
	got, err := placed.Resolve(base)
	switch {
	case err != nil:
		return refuse("%v", err)
	case got.IsSingleIP() || got.Masked() != got:
		return got.Addr().String(), nil
	}
	return got.String(), nil
}

func nameOf(part string) string {
	if part == "" {
		return "the router itself"
	}
	return part
}
