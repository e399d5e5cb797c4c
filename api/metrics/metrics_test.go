package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/health"
)

var update = flag.Bool("update", false, "write the golden files anew")

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// sample is apitest.Sample with all that metrics tell of.
func sample(t *testing.T) *apitest.Backend {
	t.Helper()
	b := apitest.Sample(time.Now())
	b.DriftList = []health.Drift{{ID: 6, Unit: "fib"}, {ID: 7, Unit: "kernel", Problem: "no such device"}}
	if _, err := b.Commit(t.Context(), router.CommitRequest{Name: "a", Text: "system: {hostname: a}\n"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context(), router.CommitRequest{Name: "b", Text: "system: {hostname: b}\n", ConfirmWithin: time.Minute}); err != nil {
		t.Fatal(err)
	}
	return b
}

func text(t *testing.T, h *handler) string {
	t.Helper()
	families, err := h.scrape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "sixfold_") {
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.String()
}

func TestScrape(t *testing.T) {
	const file = "testdata/scrape.txt"
	synctest.Test(t, func(t *testing.T) {
		got := text(t, newHandler(quiet(), sample(t), "v1.2.3"))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestLint(t *testing.T) {
	h := newHandler(quiet(), sample(t), "v1.2.3")
	set := newSet()
	for _, s := range sections {
		if err := s.collect(t.Context(), h.backend, set); err != nil {
			t.Fatal(s.name, err)
		}
	}
	own := prometheus.NewPedanticRegistry()
	own.MustRegister(set)
	problems, err := testutil.GatherAndLint(own)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// A router that tells nothing yet, or nothing at all, still has metrics that say so.
func TestFailing(t *testing.T) {
	var logged bytes.Buffer
	b := &apitest.Backend{}
	h := newHandler(slog.New(slog.NewTextHandler(&logged, nil)), b, "v1.2.3")
	if got := text(t, h); !strings.Contains(got, "sixfold_config_revision 0\n") || strings.Contains(got, "sixfold_collector_up{collector=\"config\"} 0") {
		t.Errorf("without a revision:\n%s", got)
	}
	b.Fail = errors.New("out of order")
	for range 2 {
		got := text(t, h)
		for _, s := range sections {
			if !strings.Contains(got, "sixfold_collector_up{collector=\""+s.name+"\"} 0\n") {
				t.Errorf("%s is not down:\n%s", s.name, got)
			}
		}
	}
	if n := strings.Count(logged.String(), "metrics are incomplete"); n != len(sections) {
		t.Errorf("told %d times of %d failures:\n%s", n, len(sections), logged.String())
	}
}

// Scrapes wait for one another, and a router that hangs does not hang them.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &apitest.Backend{Block: make(chan struct{})}
		h := newHandler(quiet(), b, "v1.2.3")
		var wg sync.WaitGroup
		codes := make(chan int, 3)
		for range 3 {
			wg.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
				codes <- w.Code
			})
		}
		synctest.Wait()
		if n := b.Waiting(); n != 1 {
			t.Errorf("%d scrapes ask at a time", n)
		}
		close(b.Block)
		wg.Wait()
		for range 3 {
			if c := <-codes; c != http.StatusOK {
				t.Errorf("code %d", c)
			}
		}
		b.Block = make(chan struct{})
		started := time.Now()
		got := text(t, h)
		if took := time.Since(started); took != scrapeLimit {
			t.Errorf("took %s", took)
		}
		if !strings.Contains(got, `sixfold_collector_up{collector="units"} 0`) || !strings.Contains(got, "sixfold_build_info") {
			t.Errorf("got\n%s", got)
		}
	})
}

// A backend that breaks its promise to give up makes scrapes fail, in time, and does not pile them up.
type stubborn struct {
	apitest.Backend
	hang chan struct{}
}

func (s *stubborn) Units(context.Context) ([]health.Unit, error) {
	<-s.hang
	return nil, nil
}

func TestStubborn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &stubborn{hang: make(chan struct{})}
		h := newHandler(quiet(), b, "v1.2.3")
		for _, want := range []string{"does not answer", "another scrape takes too long"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), want) {
				t.Errorf("code %d, %s, want %q", w.Code, w.Body, want)
			}
		}
		close(b.hang)
		synctest.Wait()
		if got := text(t, h); !strings.Contains(got, "sixfold_build_info") {
			t.Errorf("got\n%s", got)
		}
	})
}

func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	addr := s.Address()
	if addr == nil {
		t.Fatal("there is no listener")
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + addr.String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestServer(t *testing.T) {
	s := New(quiet(), sample(t), "v1.2.3")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := s.Apply(ctx, Config{}); err != nil || s.Address() != nil {
		t.Errorf("off: %v, %v", err, s.Address())
	}
	local := Config{Listen: netip.MustParseAddrPort("[::1]:0"), Device: "lo"}
	if err := s.Apply(ctx, local); err != nil {
		t.Fatal(err)
	}
	first := s.Address()
	if code, body := get(t, s, "/metrics"); code != 200 || !strings.Contains(body, `sixfold_bgp_neighbor_up{neighbor="isp",remote_as="65001",vrf=""} 1`) ||
		!strings.Contains(body, "go_goroutines") || !strings.Contains(body, "process_open_fds") {
		t.Errorf("code %d:\n%s", code, body)
	}
	if code, _ := get(t, s, "/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("another path has code %d", code)
	}
	r, err := http.Post("http://"+first.String()+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST has code %d", r.StatusCode)
	}
	if err := s.Apply(ctx, local); err != nil || s.Address().String() != first.String() {
		t.Errorf("the same again: %v, %s instead of %s", err, s.Address(), first)
	}
	if err := s.Apply(ctx, Config{Listen: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	if code, _ := get(t, s, "/metrics"); code != 200 {
		t.Errorf("after a move: code %d", code)
	}
	if c, err := http.Get("http://" + first.String() + "/metrics"); err == nil {
		c.Body.Close()
		t.Error("the old address still answers")
	}
	if err := s.Apply(ctx, Config{Listen: netip.MustParseAddrPort("[::1]:0"), Device: "nodevice"}); err == nil || !strings.Contains(err.Error(), "interface nodevice: no such device") {
		t.Errorf("an interface that is not there: %v", err)
	}
	if code, _ := get(t, s, "/metrics"); code != 200 {
		t.Errorf("after a move that failed: code %d", code)
	}
	// The port stays, so that the old listener has to go first: it comes back.
	kept := netip.MustParseAddrPort(s.Address().String())
	if err := s.Apply(ctx, Config{Listen: kept, Device: "lo"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(ctx, Config{Listen: kept, Device: "nodevice"}); err == nil {
		t.Error("an interface that is not there is accepted")
	}
	if code, _ := get(t, s, "/metrics"); code != 200 || s.Address().String() != kept.String() {
		t.Errorf("after a change that failed: code %d at %s", code, s.Address())
	}
	// An address that is not there yet.
	if err := s.Apply(ctx, Config{Listen: netip.MustParseAddrPort("[2001:db8::4711]:0")}); err != nil {
		t.Error(err)
	}
	if err := s.Apply(ctx, Config{}); err != nil || s.Address() != nil {
		t.Errorf("off again: %v, %v", err, s.Address())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who connects and says nothing keeps nobody else out for long.
func TestConnections(t *testing.T) {
	l, err := listen(t.Context(), Config{Listen: netip.MustParseAddrPort("[::1]:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.open.Store(maxConnections)
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
			c.Close()
		}
		accepted <- err
	}()
	client := http.Client{Timeout: 5 * time.Second}
	if _, err := client.Get("http://" + l.Addr().String()); err == nil {
		t.Error("a client too many is served")
	}
	l.open.Store(1)
	go client.Get("http://" + l.Addr().String())
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	if n := l.open.Load(); n != 1 {
		t.Errorf("%d connections are counted, want 1", n)
	}
}

// BenchmarkScrape is a router with 1,000 VXLANs and 10,000 leases.
func BenchmarkScrape(b *testing.B) {
	backend := apitest.Sample(time.Now())
	for len(backend.VXLANList) < 1000 {
		v := backend.VXLANList[0]
		v.Device.Name += "-" + time.Duration(len(backend.VXLANList)).String()
		backend.VXLANList = append(backend.VXLANList, v)
	}
	for len(backend.LeaseList) < 10_000 {
		backend.LeaseList = append(backend.LeaseList, backend.LeaseList[0])
	}
	h := newHandler(quiet(), backend, "v1.2.3")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.scrape(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
