package ra

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEvents(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Sender, w *wire, stop func()) {
		var mu sync.Mutex
		var got []string
		s.mu.Lock() // Run runs, but tells of nothing before there is a link
		s.OnEvent = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			text := fmt.Sprintf("%s %s", e.Kind, e.Link)
			if e.Host.IsValid() {
				text += " " + e.Host.String()
			}
			if e.Err != nil {
				text += " " + e.Err.Error()
			}
			got = append(got, text)
		}
		s.mu.Unlock()
		pass := func(d time.Duration) {
			select {
			case <-time.After(d):
			case <-t.Context().Done():
			}
			synctest.Wait()
		}
		w.fail(errors.New("down"))
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		w.fail(nil)
		pass(time.Minute)
		solicit(w, "fe80::99")
		pass(time.Second)
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		stop()
		want := []string{
			"failed lan0 send to ff02::1: down", "started lan0", "recovered lan0", "solicited lan0 fe80::99", "stopped lan0",
			"started lan0", "stopped lan0",
		}
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}
