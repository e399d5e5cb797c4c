package kernel

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAdopt: what was read while a Look was in progress is later than what the Look read.
func TestAdopt(t *testing.T) {
	links := func(names ...string) Links {
		out := Links{}
		for _, name := range names {
			var l LinkState
			if _, err := fmt.Sscanf(name, "%d%s", &l.Index, &l.Name); err != nil {
				t.Fatal(err)
			}
			out[l.Name] = l
		}
		return out
	}
	for _, tt := range []struct {
		name       string
		read, kept Links
		meanwhile  []int
		want       Links
	}{
		{"nothing", links("1a", "2b"), links("1a"), nil, links("1a", "2b")},
		{"came", links("1a"), links("1a", "2b"), []int{2}, links("1a", "2b")},
		{"went", links("1a", "2b"), links("1a"), []int{2}, links("1a")},
		{"renamed", links("1a", "2b"), links("1a", "2c"), []int{2}, links("1a", "2c")},
		{"exchanged", links("1a", "2b"), links("1b", "2a"), []int{1, 2}, links("1b", "2a")},
		{"not told of", links("1a", "3c"), links("1a", "2b"), []int{1}, links("1a", "3c")},
		{"a name that another has by now", links("1a", "2b"), links("1a", "2c", "3b"), []int{3}, nil},
	} {
		meanwhile := map[int]struct{}{}
		for _, index := range tt.meanwhile {
			meanwhile[index] = struct{}{}
		}
		fits := tt.read.adopt(tt.kept, meanwhile)
		if fits != (tt.want != nil) {
			t.Errorf("%s: fits: %t", tt.name, fits)
		}
		if diff := cmp.Diff(tt.want, tt.read); fits && diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
}

// TestLook: however links change while others look at all of them, what is known in the end is what there is.
func TestLook(t *testing.T) {
	m := listening(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if err := m.Look(ctx); err != nil && ctx.Err() == nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		n := random.IntN(4)
		switch random.IntN(3) {
		case 0:
			sh(t, fmt.Sprintf("ip link add look%d type veth peer name kool%d 2>/dev/null || ip link del look%d 2>/dev/null || :", n, n, n))
		case 1:
			sh(t, fmt.Sprintf("ip link set look%d mtu %d 2>/dev/null || :", n, 1300+random.IntN(100)))
		case 2:
			sh(t, fmt.Sprintf("ip link set look%d name look%d 2>/dev/null || :", n, random.IntN(4)))
		}
		if err := m.Update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := m.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := NewMonitor(discard())
	if err := fresh.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := differences(comparable(m.Links(), true), comparable(fresh.Links(), true)); diff != "" {
		t.Error(diff)
	}
	for n := range 4 {
		sh(t, fmt.Sprintf("ip link del kool%d 2>/dev/null || :", n))
	}
}
