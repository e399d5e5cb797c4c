package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// set is the values of one scrape. It is a prometheus.Collector.
type set struct{ families []*family }

// family is one metric with its series.
type family struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	series map[string]*series // by label values
}

type series struct {
	labels []string
	value  float64
}

func newSet() *set { return &set{} }

func (s *set) gauge(name, help string, labels ...string) *family {
	return s.family(prometheus.GaugeValue, name, help, labels)
}

func (s *set) counter(name, help string, labels ...string) *family {
	return s.family(prometheus.CounterValue, name, help, labels)
}

func (s *set) family(kind prometheus.ValueType, name, help string, labels []string) *family {
	f := &family{desc: prometheus.NewDesc(name, help, labels, nil), kind: kind, series: map[string]*series{}}
	s.families = append(s.families, f)
	return f
}

// add adds to the value of a series: what has the same labels is summed.
func (f *family) add(value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "?")
	}
	key := strings.Join(labels, "\xff")
	if f.series[key] == nil {
		f.series[key] = &series{labels: labels}
	}
	f.series[key].value += value
}

// Describe implements prometheus.Collector.
func (s *set) Describe(out chan<- *prometheus.Desc) {
	for _, f := range s.families {
		out <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (s *set) Collect(out chan<- prometheus.Metric) {
	for _, f := range s.families {
		for _, one := range f.series {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, one.value, one.labels...)
		}
	}
}

// truth is 1 for true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
