package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// changing is a backend whose state tests change.
type changing struct {
	*apitest.Backend
	mu    sync.Mutex
	looks int
}

func newChanging() *changing {
	b := apitest.Sample(sampleNow)
	b.Ring = event.New(64)
	return &changing{Backend: b}
}

// change changes the state and tells so.
func (b *changing) change(f func(*apitest.Backend)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.Backend)
	b.Ring.Publish(event.Event{Kind: event.Unit, Text: "changed"})
}

func (b *changing) Units(ctx context.Context) ([]health.Unit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return b.Backend.Units(ctx)
}

func (b *changing) VXLANs(ctx context.Context) ([]router.VXLANStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.VXLANs(ctx)
}

func (b *changing) Interfaces(ctx context.Context) ([]router.InterfaceStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.Interfaces(ctx)
}

func quick() limits {
	l := defaultLimits()
	l.least, l.most = time.Millisecond, 20*time.Millisecond
	return l
}

func watching(t *testing.T, b Backend, l limits) sixfoldv1.StateServiceClient {
	t.Helper()
	_, path := serving(t, b, func(s *Server) { s.limits = l })
	return sixfoldv1.NewStateServiceClient(dialUnix(t, path))
}

// line is a response in short.
func line(r *sixfoldv1.WatchResponse) string {
	switch {
	case r.GetSynced():
		return "synced"
	case r.GetRemoved():
		return r.GetKind() + " " + r.GetKey() + " removed"
	}
	return r.GetKind() + " " + r.GetKey()
}

// take reads n responses and checks that versions rise.
func take(t *testing.T, stream grpc.ServerStreamingClient[sixfoldv1.WatchResponse], n int, version *uint64) []string {
	t.Helper()
	var got []string
	for range n {
		r, err := stream.Recv()
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		if r.GetVersion() <= *version {
			t.Errorf("version %d after %d", r.GetVersion(), *version)
		}
		*version = r.GetVersion()
		got = append(got, line(r))
	}
	return got
}

func TestWatch(t *testing.T) {
	b := newChanging()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := watching(t, b, quick()).Watch(ctx, &sixfoldv1.WatchRequest{Kinds: []string{"units", "vxlans", "units"}})
	if err != nil {
		t.Fatal(err)
	}
	var version uint64
	want := []string{"units kernel", "units bgp", "vxlans vxlan1000", "synced"}
	if diff := cmp.Diff(want, take(t, stream, 4, &version)); diff != "" {
		t.Fatalf("snapshot (-want +got):\n%s", diff)
	}
	b.change(func(b *apitest.Backend) {
		b.UnitList = []health.Unit{{Name: "kernel", Since: b.UnitList[0].Since}, {Name: "ra"}}
	})
	if diff := cmp.Diff([]string{"units ra", "units bgp removed"}, take(t, stream, 2, &version)); diff != "" {
		t.Errorf("one more and one less (-want +got):\n%s", diff)
	}
	// Counters alone are no change; they come along with one.
	b.change(func(b *apitest.Backend) { b.VXLANList = []router.VXLANStatus{count(b.VXLANList[0])} })
	b.change(func(b *apitest.Backend) { b.UnitList = append(slices.Clone(b.UnitList), health.Unit{Name: "pd"}) })
	if diff := cmp.Diff([]string{"units pd"}, take(t, stream, 1, &version)); diff != "" {
		t.Errorf("after a counter and a unit (-want +got):\n%s", diff)
	}
	b.change(func(b *apitest.Backend) {
		v := b.VXLANList[0]
		v.Up = false
		b.VXLANList = []router.VXLANStatus{v}
	})
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if r.GetVxlan().GetUp() || r.GetVxlan().GetRxPackets() != b.VXLANList[0].RxPackets {
		t.Errorf("the device that went down is %v", r)
	}
}

func count(v router.VXLANStatus) router.VXLANStatus {
	v.RxPackets, v.TxBytes = v.RxPackets+1000, v.TxBytes+1000
	return v
}

func TestWatchEverything(t *testing.T) {
	b := newChanging()
	b.PendingList = append(b.PendingList, b.PendingList[0]) // what cannot be told apart is numbered
	c := watching(t, b, quick())
	kinds := func(asked ...string) string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := c.Watch(ctx, &sixfoldv1.WatchRequest{Kinds: asked})
		if err != nil {
			t.Fatal(err)
		}
		var seen, keys []string
		for {
			r, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if r.GetSynced() {
				break
			}
			if r.GetElement() == nil || r.GetKey() == "" {
				t.Errorf("incomplete response %v", r)
			}
			seen = append(seen, r.GetKind())
			keys = append(keys, line(r))
		}
		slices.Sort(keys)
		if n := len(slices.Compact(slices.Clone(keys))); n != len(keys) {
			t.Errorf("keys are not unique: %q", keys)
		}
		return strings.Join(slices.Compact(seen), " ")
	}
	if got, want := kinds(), "advertisements bgp consumers interfaces leases mld pending prefixes routers units vxlans"; got != want {
		t.Errorf("watched %q, want %q", got, want)
	}
	if got, want := kinds("routes", "neighbors"), "neighbors routes"; got != want {
		t.Errorf("watched %q, want %q", got, want)
	}
	if _, err := b.Commit(t.Context(), router.CommitRequest{Text: "{}"}); err != nil {
		t.Fatal(err)
	}
	if got, want := kinds("revisions"), "revisions"; got != want {
		t.Errorf("watched %q, want %q", got, want)
	}
}

func TestSteady(t *testing.T) {
	s := &stateService{backend: newChanging()}
	for kind, c := range collectors() {
		before, err := c.collect(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		b := s.backend.(*changing)
		b.VXLANList = []router.VXLANStatus{count(b.VXLANList[0])}
		b.AdvertisementList[0].Sent++
		b.AdvertisementList[0].Last = time.Now()
		b.AdvertisementList[0].Next = time.Now()
		for i := range b.RouterList {
			r := &b.RouterList[i]
			r.Received, r.Inconsistent, r.State.Time = r.Received+1, r.Inconsistent+1, time.Now()
			r.State.Prefixes = slices.Clone(r.State.Prefixes)
			for n := range r.State.Prefixes {
				if p := &r.State.Prefixes[n]; slices.Contains(r.CountingDown, p.Prefix) {
					p.Valid, p.Preferred = p.Valid-1, p.Preferred-1
				}
			}
			r.PrefixHeard = maps.Clone(r.PrefixHeard)
			for p := range r.PrefixHeard {
				r.PrefixHeard[p] = time.Now()
			}
		}
		for i := range b.InterfaceList {
			addresses := slices.Clone(b.InterfaceList[i].Link.Addresses)
			for n := range addresses {
				addresses[n] = older(addresses[n])
			}
			b.InterfaceList[i].Link.Addresses = addresses
		}
		after, err := c.collect(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range before {
			x, _ := hashOf(before[i].response)
			y, _ := hashOf(after[i].response)
			if x != y {
				t.Errorf("%s %s changes all the time: %v, %v", kind, before[i].key, before[i].response, after[i].response)
			}
		}
	}
}

func older(a kernel.AddressState) kernel.AddressState {
	if a.Valid > 0 {
		a.Valid -= time.Minute
		a.Preferred -= time.Minute
	}
	return a
}

func TestStreamsAreRefused(t *testing.T) {
	b := newChanging()
	c := watching(t, b, quick())
	for name, tt := range map[string]struct {
		open func(context.Context) error
		text string
	}{
		"kind of element": {func(ctx context.Context) error {
			s, err := c.Watch(ctx, &sixfoldv1.WatchRequest{Kinds: []string{"units", "wires"}})
			return errors.Join(err, first(s))
		}, `kind "wires" is not one of advertisements, bgp`},
		"kind of event": {func(ctx context.Context) error {
			s, err := c.Monitor(ctx, &sixfoldv1.MonitorRequest{Kinds: []string{"wires"}})
			return errors.Join(err, first(s))
		}, `kind "wires" is not one of lease`},
		"long match": {func(ctx context.Context) error {
			s, err := c.Monitor(ctx, &sixfoldv1.MonitorRequest{Match: strings.Repeat("x", 1000)})
			return errors.Join(err, first(s))
		}, "match is longer than 256 bytes"},
	} {
		if err := tt.open(t.Context()); err == nil || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "InvalidArgument") {
			t.Errorf("%s: %v, want InvalidArgument with %q", name, err, tt.text)
		}
	}
}

func first[T any](s grpc.ServerStreamingClient[T]) error {
	_, err := s.Recv()
	return err
}

func TestTooManyStreams(t *testing.T) {
	b := newChanging()
	l := quick()
	l.all, l.each = 5, 3
	c := watching(t, b, l)
	var ends []context.CancelFunc
	open := func() error {
		ctx, cancel := context.WithCancel(t.Context())
		ends = append(ends, cancel)
		s, err := c.Watch(ctx, &sixfoldv1.WatchRequest{Kinds: []string{"units"}})
		if err != nil {
			return err
		}
		return first(s)
	}
	for range l.each {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one more than a caller may have: %v, want ResourceExhausted", err)
	}
	ends[0]()
	eventually(t, "there is room after one ended", func() bool { return open() == nil })
	for _, end := range ends {
		end()
	}

	s := newStreams(l)
	for i := range l.all {
		if err := s.enter(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.enter("last"); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one more than there may be: %v, want ResourceExhausted", err)
	}
}

// A client that does not read is sent away, costs little until then, and holds nobody up.
func TestSlowWatcher(t *testing.T) {
	b := newChanging()
	big := strings.Repeat("x", 1<<20)
	for i := range 20 { // more than what flow control and sockets take
		b.UnitList = append(b.UnitList, health.Unit{Name: fmt.Sprintf("unit%d", i), Problem: big})
	}
	l := quick()
	l.stuck = 200 * time.Millisecond
	c := watching(t, b, l)
	stream, err := c.Watch(t.Context(), &sixfoldv1.WatchRequest{Kinds: []string{"units"}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slow client is looked for", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.looks > 0
	})
	if _, err = c.ListPending(t.Context(), &sixfoldv1.ListPendingRequest{}); err != nil {
		t.Errorf("another call meanwhile: %v", err)
	}
	timer := time.NewTimer(4 * l.stuck)
	<-timer.C
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want ResourceExhausted", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.looks > 3 {
		t.Errorf("the state was looked at %d times for a client that does not read", b.looks)
	}
}

func TestMonitor(t *testing.T) {
	b := newChanging()
	b.Ring.Publish(event.Event{Kind: event.BGP, Subject: "isp", Action: "up", Text: "isp is established"})
	b.Ring.Publish(event.Event{Kind: event.Link, Subject: "lan0", Link: "lan0", Action: "down", Text: "lan0 went down\xff"})
	c := watching(t, b, quick())
	for _, tt := range []struct {
		name string
		req  *sixfoldv1.MonitorRequest
		want []string
	}{
		{"only what comes", &sixfoldv1.MonitorRequest{}, []string{"lease"}},
		{"with the past", &sixfoldv1.MonitorRequest{Past: 1 << 31}, []string{"bgp", "link", "lease"}},
		{"one kind", &sixfoldv1.MonitorRequest{Past: 9, Kinds: []string{"link", "lease"}}, []string{"link", "lease"}},
		{"by text", &sixfoldv1.MonitorRequest{Past: 9, Match: "established"}, []string{"bgp", "lease"}},
		{"by link", &sixfoldv1.MonitorRequest{Past: 9, Match: "lan0"}, []string{"link", "lease"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			stream, err := c.Monitor(ctx, tt.req)
			if err != nil {
				t.Fatal(err)
			}
			// The stream is open when it is counted; what is published before is the past.
			done := make(chan struct{})
			go func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						b.Ring.Publish(event.Event{Kind: event.Lease, Subject: "::1", Link: "lan0", Action: "bound", Text: "established"})
					}
				}
			}()
			defer func() { done <- struct{}{} }()
			var got []string
			for range tt.want {
				r, err := stream.Recv()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, r.GetEvent().GetKind())
			}
			if tt.name != "only what comes" {
				got, tt.want = got[:1], tt.want[:1] // leases of the test before are of the past too
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMonitorLags(t *testing.T) {
	b := newChanging()
	c := watching(t, b, quick())
	stream, err := c.Monitor(t.Context(), &sixfoldv1.MonitorRequest{Past: 1})
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<16)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				b.Ring.Publish(event.Event{Kind: event.Lease, Text: big})
			}
		}
	})
	for err == nil {
		_, err = stream.Recv()
	}
	close(stop)
	wg.Wait()
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want ResourceExhausted", err)
	}
}

func TestStory(t *testing.T) {
	b := newChanging()
	for i := range uint64(5) {
		b.DriftList = append(b.DriftList, health.Drift{ID: i + 1, Time: sampleNow, Unit: "kernel", Object: "lan0", What: "address 2001:db8::1/64 was missing"})
	}
	b.DriftList[4].Problem = "permission denied\xff"
	b.Explanations = map[string]explain.Explanation{"::1": {
		Kind: "address", Subject: "::1", Summary: "our own", Finding: []explain.Finding{{Topic: "route", State: explain.OK, Text: "a", Findings: []explain.Finding{{Topic: "lease", State: explain.Broken, Text: "b\xff", Advice: "c"}}}},
	}}
	c := watching(t, b, quick())
	var ids []uint64
	token := ""
	for {
		page, err := c.ListDrift(t.Context(), &sixfoldv1.ListDriftRequest{PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.GetDrift() {
			ids = append(ids, d.GetId())
			if d.GetMended() != (d.GetId() != 5) {
				t.Errorf("%v: mended?", d)
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if diff := cmp.Diff([]uint64{5, 4, 3, 2, 1}, ids); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	e, err := c.Explain(t.Context(), &sixfoldv1.ExplainRequest{Subject: " ::1 "})
	if err != nil || e.GetSummary() != "our own" || e.GetFindings()[0].GetFindings()[0].GetAdvice() != "c" {
		t.Errorf("Explain: %v, %v", e, err)
	}
	for _, subject := range []string{"", "  ", strings.Repeat("x", 1000)} {
		if _, err := c.Explain(t.Context(), &sixfoldv1.ExplainRequest{Subject: subject}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("Explain %q: %v, want InvalidArgument", subject, err)
		}
	}
}
