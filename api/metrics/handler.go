package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// handler answers scrapes.
type handler struct {
	log     *slog.Logger
	backend Backend
	version string
	process *prometheus.Registry // of the Go runtime and the process
	turn    chan struct{}        // held by the scrape in progress
	failing map[string]bool      // sections that failed at the last scrape; guarded by turn
}

func newHandler(log *slog.Logger, backend Backend, version string) *handler {
	h := &handler{
		log: log, backend: backend, version: version, process: prometheus.NewRegistry(), turn: make(chan struct{}, 1), failing: map[string]bool{},
	}
	h.process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h
}

var errBusy = errors.New("another scrape takes too long")

// ServeHTTP answers one scrape.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	families, err := h.scrape(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	// The values are there, so that a client who reads slowly keeps nobody waiting.
	gathered := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
	promhttp.HandlerFor(gathered, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// scrape collects everything when its turn comes. It answers in time although what it asks may not.
func (h *handler) scrape(ctx context.Context) ([]*dto.MetricFamily, error) {
	wait := time.NewTimer(scrapeLimit)
	defer wait.Stop()
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, errBusy
	}
	type result struct {
		families []*dto.MetricFamily
		err      error
	}
	done := make(chan result, 1)
	asking, cancel := context.WithTimeout(ctx, scrapeLimit)
	go func() {
		defer func() { <-h.turn }()
		defer cancel()
		families, err := h.gather(asking)
		done <- result{families, err}
	}()
	// A little longer than what is asked may take, so that one section that does not answer leaves the rest in.
	late := time.NewTimer(scrapeLimit + time.Second)
	defer late.Stop()
	select {
	case r := <-done:
		return r.families, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, errors.New("the router does not answer: see sixfold show version")
	}
}

// gather asks for all sections. The turn is held.
func (h *handler) gather(ctx context.Context) ([]*dto.MetricFamily, error) {
	set := newSet()
	set.gauge("sixfold_build_info", "Version of the program that runs.", "version").add(1, h.version)
	up := set.gauge("sixfold_collector_up", "Whether this part of the metrics could be collected.", "collector")
	took := set.gauge("sixfold_collector_duration_seconds", "How long it took to collect this part of the metrics.", "collector")
	for _, s := range sections {
		started := time.Now()
		err := s.collect(ctx, h.backend, set)
		took.add(time.Since(started).Seconds(), s.name)
		up.add(truth(err == nil), s.name)
		if err != nil && !h.failing[s.name] {
			h.log.Warn("metrics are incomplete", "collector", s.name, "error", err)
		}
		h.failing[s.name] = err != nil
	}
	own := prometheus.NewPedanticRegistry()
	if err := own.Register(set); err != nil {
		return nil, err
	}
	return prometheus.Gatherers{h.process, own}.Gather()
}
