package http

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of what is served. Labels come from the document only, so that
// clients cannot make more of them.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	retries  *prometheus.CounterVec

	mu    sync.Mutex
	known map[string]bool // backends that have series
}

func newMetrics(r prometheus.Registerer, s *Server) *metrics {
	m := &metrics{
		known: map[string]bool{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fed_edge_requests_total",
			Help: "Requests by backend, cluster that answered and class of the status; both are empty for those that are for none."}, []string{"backend", "cluster", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "fed_edge_request_duration_seconds",
			Help: "How long requests took, to the last byte of the answer.", Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"backend"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fed_edge_retries_total",
			Help: "Requests that were sent to another endpoint."}, []string{"backend"}),
	}
	r.MustRegister(m.requests, m.duration, m.retries, &gauges{server: s})
	return m
}

func (m *metrics) done(c *call, status int, took time.Duration) {
	backend, cluster := c.backend, ""
	if c.last.shard != nil {
		cluster = c.last.shard.cluster
	}
	if current := c.server.snapshot.Load(); current == nil || current.backends[backend] == nil {
		backend, cluster = "", "" // it left the document, and its series with it
	}
	class := "none" // the client left, or the answer broke off
	if status >= 100 && status < 600 {
		class = strconv.Itoa(status/100) + "xx"
	}
	m.requests.WithLabelValues(backend, cluster, class).Inc()
	m.duration.WithLabelValues(backend).Observe(took.Seconds())
}

func (m *metrics) retried(backend string) { m.retries.WithLabelValues(backend).Inc() }

// forget drops the series of backends that left the document.
func (m *metrics) forget(s *snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.known {
		if s.backends[name] == nil {
			which := prometheus.Labels{"backend": name}
			m.requests.DeletePartialMatch(which)
			m.duration.DeletePartialMatch(which)
			m.retries.DeletePartialMatch(which)
			delete(m.known, name)
		}
	}
	for name := range s.backends {
		m.known[name] = true
	}
}

var (
	endpointsDesc = prometheus.NewDesc("fed_edge_endpoints", "Endpoints in the document.", []string{"backend", "cluster"}, nil)
	healthyDesc   = prometheus.NewDesc("fed_edge_endpoints_healthy", "Endpoints that pass their checks.", []string{"backend", "cluster"}, nil)
	expiryDesc    = prometheus.NewDesc("fed_edge_certificate_expiry_seconds", "When a certificate expires, in seconds since 1970.", []string{"secret"}, nil)
)

// gauges are read off the document that is served.
type gauges struct{ server *Server }

// Describe tells which there are.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- endpointsDesc
	ch <- healthyDesc
	ch <- expiryDesc
}

// Collect reads them.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	current := g.server.snapshot.Load()
	if current == nil {
		return
	}
	for _, h := range current.health() {
		ch <- prometheus.MustNewConstMetric(endpointsDesc, prometheus.GaugeValue, float64(h.Total), h.Backend, h.Cluster)
		ch <- prometheus.MustNewConstMetric(healthyDesc, prometheus.GaugeValue, float64(h.Healthy), h.Backend, h.Cluster)
	}
	for secret, c := range current.certificates {
		if c.Leaf != nil {
			ch <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(c.Leaf.NotAfter.Unix()), secret)
		}
	}
}
