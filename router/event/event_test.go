package event

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func publish(r *Ring, from, to int) {
	for i := from; i <= to; i++ {
		r.Publish(Event{Kind: Lease, Text: fmt.Sprint(i)})
	}
}

func texts(events []Event) string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d:%s", e.ID, e.Text))
	}
	return strings.Join(out, " ")
}

func TestReaderBeginsInThePast(t *testing.T) {
	for _, test := range []struct {
		published, past int
		want            string
	}{
		{2, 0, "3:3"},
		{2, 1, "2:2 3:3"},
		{2, 9, "1:1 2:2 3:3"},
		{6, 9, "4:4 5:5 6:6 7:7"},
		{2, -1, "3:3"},
	} {
		r := New(4)
		publish(r, 1, test.published)
		reader := r.Reader(test.past)
		if test.past >= 9 && test.published == 6 {
			reader = r.Reader(3) // the next one overwrites the oldest
		}
		publish(r, test.published+1, test.published+1)
		got, err := reader.Next(t.Context())
		if err != nil || texts(got) != test.want {
			t.Errorf("%d published, past %d: %q, %v; want %q", test.published, test.past, texts(got), err, test.want)
		}
	}
}

func TestSlowReader(t *testing.T) {
	r := New(4)
	reader := r.Reader(0)
	publish(r, 1, 5)
	if _, err := reader.Next(t.Context()); !errors.Is(err, ErrLagged) {
		t.Fatalf("reader that lost an event: %v, want ErrLagged", err)
	}
	got, err := reader.Next(t.Context())
	if err != nil || texts(got) != "2:2 3:3 4:4 5:5" {
		t.Errorf("after that: %q, %v", texts(got), err)
	}
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(4)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			reader := r.Reader(0)
			if got, err := reader.Next(ctx); err != nil || texts(got) != "1:1" {
				t.Errorf("first: %q, %v", texts(got), err)
			}
			if _, err := reader.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("after the end: %v", err)
			}
		})
		synctest.Wait()
		publish(r, 1, 1)
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}
