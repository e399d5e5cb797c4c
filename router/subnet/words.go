package subnet

import (
	"fmt"
	"math/big"
	"strings"
)

// Words writes a count so that a person can grasp it: "18,446,744,073,709,551,616 (2^64, 18.4 quintillion)".
func Words(n *big.Int) string {
	digits := n.String()
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	var notes []string
	if e := n.BitLen() - 1; e >= 10 && n.TrailingZeroBits() == uint(e) {
		notes = append(notes, fmt.Sprintf("2^%d", e))
	}
	names := []string{"", "", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion", "octillion",
		"nonillion", "decillion", "undecillion"}
	if group := (len(digits) - 1) / 3; group >= 2 && group < len(names) {
		head := len(digits) - 3*group
		text := digits[:head]
		if tenth := digits[head]; tenth != '0' {
			text += "." + string(tenth)
		}
		notes = append(notes, text+" "+names[group])
	}
	if len(notes) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(notes, ", "))
	}
	return b.String()
}
