package edge

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// Metrics of how an edge follows the federation.
type Metrics struct {
	serial, epoch         prometheus.Gauge
	bucketErrors, refused prometheus.Counter
	registered, lacking   prometheus.Gauge
	last                  atomic.Int64
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer, c clock.PassiveClock) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		serial:     gauge("fed_edge_document_serial", "Serial of the traffic document that is served."),
		epoch:      gauge("fed_edge_document_epoch", "Epoch of the traffic document that is served."),
		registered: gauge("fed_edge_registered", "1 while this process holds the edge's registration."),
		lacking:    gauge("fed_edge_certificates_lacking", "Secrets that the document names and no certificate can be served for."),
		bucketErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "fed_edge_bucket_errors_total",
			Help: "Calls to the bucket that failed."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "fed_edge_documents_refused_total",
			Help: "Traffic documents that were not taken over."}),
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fed_edge_document_age_seconds",
		Help: "How long ago the bucket last said that the document is the newest; -1 before the first time."},
		func() float64 {
			if last := m.last.Load(); last != 0 {
				return c.Since(time.Unix(0, last)).Seconds()
			}
			return -1
		})
	r.MustRegister(m.serial, m.epoch, m.registered, m.lacking, m.bucketErrors, m.refused, age)
	return m
}

// seen notes that the document is the newest.
func (m *Metrics) seen(now time.Time) { m.last.Store(now.UnixNano()) }
