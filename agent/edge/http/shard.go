package http

import (
	"sync"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// firstShare is what a cluster that was out is given at once.
	firstShare = 0.1
	// burst is the part of a second's requests that may come at once.
	burst = 0.25
)

// shard is a backend in one cluster, as one document has it.
type shard struct {
	cluster   string
	state     v1alpha1.BackendState
	weight    float64 // 0 to 1
	endpoints []*endpoint
	gate      *gate
}

// serves says whether it is among those that are asked first.
func (s *shard) serves() bool {
	return s.state == v1alpha1.BackendServing || s.state == v1alpha1.BackendKept
}

// asked says whether it may get requests at all. A state that this edge does
// not know is none to send requests to.
func (s *shard) asked() bool { return s.serves() || s.state == v1alpha1.BackendOut }

// up says whether it serves at this edge.
func (s *shard) up() bool {
	if !s.serves() {
		return false
	}
	for _, e := range s.endpoints {
		if e.good() {
			return true
		}
	}
	return false
}

// count of endpoints that a condition fits.
func (s *shard) count(fits func(*endpoint) bool) int {
	n := 0
	for _, e := range s.endpoints {
		if fits(e) {
			n++
		}
	}
	return n
}

// gate is how much of what comes its way a cluster takes: it outlives documents.
type gate struct {
	mu sync.Mutex
	// served: it has been up before; down: it is not now.
	served, down bool
	back         time.Time
	over         time.Duration
	rate         float64
	tokens       float64
	filled       time.Time
}

// set takes over what a document says.
func (g *gate) set(over time.Duration, rate int64, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = over
	if g.rate != float64(rate) {
		g.rate, g.filled = float64(rate), now
		g.tokens = g.most()
	}
}

func (g *gate) most() float64 { return max(1, g.rate*burst) }

// note tells whether the shard is up. One that has served, was down and is up
// returns bit by bit. One that is up for the first time does not: its clients
// were nobody else's before, and those that are new together would send each
// other's clients away.
func (g *gate) note(up bool, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if up && g.served && g.down {
		g.back = now
	}
	g.served, g.down = g.served || up, !up
}

// admits says whether a request is taken, and counts it.
func (g *gate) admits(weight float64, draw func() float64, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	share := weight * g.share(now)
	if share < 1 && draw() >= share {
		return false
	}
	if g.rate <= 0 {
		return true
	}
	g.tokens = min(g.most(), g.tokens+g.rate*max(0, now.Sub(g.filled).Seconds()))
	g.filled = now
	if g.tokens < 1 {
		return false
	}
	g.tokens--
	return true
}

// share of its weight that a cluster is given while it returns.
func (g *gate) share(now time.Time) float64 {
	past := now.Sub(g.back)
	if g.back.IsZero() || g.over <= 0 || past >= g.over {
		return 1
	}
	return firstShare + (1-firstShare)*max(0, past.Seconds())/g.over.Seconds()
}
