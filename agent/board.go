package agent

import (
	"errors"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubectl-fed/kubectl-fed/agent/apply"
	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/agent/observe"
)

// board is what the health and metrics endpoints read.
type board struct {
	mu     sync.Mutex
	why    string // not ready because
	engine *apply.Engine
	member *follow.Member
	vitals *observe.Vitals
}

func (b *board) working(e *apply.Engine, m *follow.Member, v *observe.Vitals) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.why, b.engine, b.member, b.vitals = "", e, m, v
}

func (b *board) idle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.engine, b.member, b.vitals = nil, nil, nil
}

// trouble says why this replica does not work; true when that is news.
func (b *board) trouble(why string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := b.why != why
	b.why = why
	return news
}

// ready is the readyz check. A replica that stands by is ready.
func (b *board) ready(*http.Request) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.why != "" {
		return errors.New(b.why)
	}
	return nil
}

type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(reading) float64
}

// reading is what one scrape sees.
type reading struct {
	stats    apply.Stats
	progress follow.Progress
	beat     float64
	healthy  float64
}

func gauge(name, help string, read func(reading) float64) metric {
	return metric{prometheus.NewDesc("kubectl_fed_agent_"+name, help, nil, nil), prometheus.GaugeValue, read}
}

func counter(name, help string, read func(reading) float64) metric {
	return metric{prometheus.NewDesc("kubectl_fed_agent_"+name, help, nil, nil), prometheus.CounterValue, read}
}

func metrics() []metric {
	return []metric{
		gauge("revision", "Highest revision taken over.", func(r reading) float64 { return float64(r.progress.Revision) }),
		gauge("epoch", "Highest epoch taken over.", func(r reading) float64 { return float64(r.progress.Epoch) }),
		gauge("objects", "Objects in the shard.", func(r reading) float64 { return float64(r.stats.Objects) }),
		gauge("objects_conforming", "Objects that are as the shard wants them.", func(r reading) float64 { return float64(r.stats.Conforming) }),
		gauge("revisions_refused", "Revisions refused, of those last seen.", func(r reading) float64 { return float64(len(r.progress.Refused)) }),
		gauge("last_heartbeat_timestamp_seconds", "When the last heartbeat was written.", func(r reading) float64 { return r.beat }),
		gauge("api_server_reachable", "1 while the member's API server answers.", func(r reading) float64 { return r.healthy }),
		counter("applies_total", "Server-side applies that succeeded.", func(r reading) float64 { return float64(r.stats.Applies) }),
		counter("drift_repairs_total", "Applies that undid somebody's change.", func(r reading) float64 { return float64(r.stats.Repairs) }),
		counter("deletes_total", "Deletes on a tombstone's word.", func(r reading) float64 { return float64(r.stats.Deletes) }),
		counter("refusals_total", "Requests the member's API server refused.", func(r reading) float64 { return float64(r.stats.Refusals) }),
		counter("request_failures_total", "Requests to the member's API server that failed, refusals included.", func(r reading) float64 { return float64(r.stats.Failures) }),
		counter("bucket_errors_total", "Failed readings of the shard.", func(r reading) float64 { return float64(r.progress.Failures) }),
	}
}

// collector shows the board to Prometheus.
type collector struct {
	board   *board
	metrics []metric
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		ch <- m.desc
	}
}

// Collect shows nothing while this replica stands by.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.board.mu.Lock()
	engine, member, vitals := c.board.engine, c.board.member, c.board.vitals
	c.board.mu.Unlock()
	if engine == nil {
		return
	}
	r := reading{stats: engine.Stats(), progress: member.Progress()}
	if at := member.LastBeat(); !at.IsZero() {
		r.beat = float64(at.Unix())
	}
	if vitals.Unready() == "" {
		r.healthy = 1
	}
	for _, m := range c.metrics {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(r))
	}
}
