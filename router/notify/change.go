package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/notify/render"
)

// slack is by how much lifetimes may differ and still be the same.
const slack = 5 * time.Second

// digest tells configurations of a consumer apart: another program has not been told what the one before was.
func digest(c Consumer) string {
	b, _ := json.Marshal(c) // of plain values only
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// difference returns what there is to tell a consumer that knows of told; forced, what is so in any case.
func difference(c Consumer, told record, now State, forced bool) (render.Change, bool) {
	out := render.Change{
		Delegation: c.Delegation, Link: c.Link, Prefix: now.Prefix, Old: told.Prefix, PreferredUntil: now.PreferredUntil, ValidUntil: now.ValidUntil,
	}
	had, has := told.Prefix.IsValid(), now.Prefix.IsValid()
	switch {
	case has && !had:
		out.Event = render.Bound
	case had && !has:
		out.Event = render.Lost
	case has && told.Prefix != now.Prefix:
		out.Event = render.Changed
	case has:
		out.Event = render.Renewed
		lifetimes := c.Lifetimes && (differ(told.ValidUntil, now.ValidUntil) || differ(told.PreferredUntil, now.PreferredUntil))
		return out, forced || lifetimes || told.Owed || told.Consumer != digest(c)
	default:
		out.Event = render.Lost
		return out, forced || told.Owed
	}
	return out, true
}

func differ(a, b time.Time) bool { return a.Sub(b).Abs() > slack }

// message is a change as JSON.
type message struct {
	Event             string       `json:"event"`
	Delegation        string       `json:"delegation"`
	Link              string       `json:"link"`
	Prefix            netip.Prefix `json:"prefix,omitzero"`
	OldPrefix         netip.Prefix `json:"old_prefix,omitzero"`
	PreferredUntil    time.Time    `json:"preferred_until,omitzero"`
	ValidUntil        time.Time    `json:"valid_until,omitzero"`
	PreferredLifetime int64        `json:"preferred_lifetime"` // seconds
	ValidLifetime     int64        `json:"valid_lifetime"`
}

func jsonOf(c render.Change, now time.Time) []byte {
	b, _ := json.Marshal(message{
		Event: c.Event, Delegation: c.Delegation, Link: c.Link, Prefix: c.Prefix, OldPrefix: c.Old,
		PreferredUntil: c.PreferredUntil.UTC().Truncate(time.Second), ValidUntil: c.ValidUntil.UTC().Truncate(time.Second),
		PreferredLifetime: left(c.PreferredUntil, now), ValidLifetime: left(c.ValidUntil, now),
	})
	return append(b, '\n')
}

func left(until, now time.Time) int64 { return max(int64(until.Sub(now)/time.Second), 0) }

// environment is a change for programs: under names of ours, and under those that scripts and hooks of ISC's dhclient know
// (dhclient-script(8)).
func environment(c render.Change, now time.Time) []string {
	reason := map[string]string{render.Bound: "BOUND6", render.Changed: "BOUND6", render.Renewed: "RENEW6", render.Lost: "EXPIRE6"}[c.Event]
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"SIXFOLD_EVENT=" + c.Event, "SIXFOLD_DELEGATION=" + c.Delegation, "SIXFOLD_LINK=" + c.Link,
		"reason=" + reason, "interface=" + c.Link,
	}
	if c.Prefix.IsValid() {
		env = append(env, "SIXFOLD_PREFIX="+c.Prefix.String(), "new_ip6_prefix="+c.Prefix.String(),
			fmt.Sprintf("new_preferred_life=%d", left(c.PreferredUntil, now)), fmt.Sprintf("new_max_life=%d", left(c.ValidUntil, now)))
	}
	if c.Old.IsValid() {
		env = append(env, "SIXFOLD_OLD_PREFIX="+c.Old.String(), "old_ip6_prefix="+c.Old.String())
	}
	return env
}

// words tells of a change.
func words(c render.Change) string {
	switch c.Event {
	case render.Bound:
		return fmt.Sprintf("%s is %s", c.Delegation, c.Prefix)
	case render.Changed:
		return fmt.Sprintf("%s is %s, and was %s", c.Delegation, c.Prefix, c.Old)
	case render.Renewed:
		return fmt.Sprintf("%s is still %s", c.Delegation, c.Prefix)
	}
	if c.Old.IsValid() {
		return fmt.Sprintf("%s is no more, and was %s", c.Delegation, c.Old)
	}
	return fmt.Sprintf("there is no %s", c.Delegation)
}

// target is the consumer for people, without secrets.
func target(c Consumer) string {
	switch c.Kind() {
	case "file":
		return c.File.Path
	case "url":
		return serverOf(c.URL)
	}
	return strings.Join(c.Run, " ")
}
