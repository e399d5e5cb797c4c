// Package revision keeps configurations that were applied: the text as it was submitted, with who, when, why and what became of
// it. It keeps on disk which one is to run after a restart.
package revision

import "time"

// Result is what became of a revision.
type Result string

// The results.
const (
	Applying    Result = "applying"    // being applied, or the router died over it
	Unconfirmed Result = "unconfirmed" // in force, and waits to be confirmed
	Applied     Result = "applied"     // was put in force, and to stay
	Failed      Result = "failed"      // could not be applied, and was undone
	Reverted    Result = "reverted"    // was not confirmed in time
	Cancelled   Result = "cancelled"   // was dropped before it was confirmed
)

// Revision is one configuration that was submitted, without its text.
type Revision struct {
	ID         uint64    `json:"id"` // rising by one
	Name       string    `json:"name"`
	Time       time.Time `json:"time"`
	Author     string    `json:"author"`
	Comment    string    `json:"comment,omitempty"`
	Base       uint64    `json:"base"` // the revision that was in force before; 0: none
	Result     Result    `json:"result"`
	Reason     string    `json:"reason,omitempty"`
	RollbackTo uint64    `json:"rollback_to,omitempty"` // the earlier revision whose text it repeats
	Hash       string    `json:"hash"`                  // SHA-256 of the text, in hexadecimal
	ConfirmBy  time.Time `json:"confirm_by,omitzero"`   // when it is dropped unless it is confirmed
	Running    bool      `json:"-"`                     // it is in force
}
