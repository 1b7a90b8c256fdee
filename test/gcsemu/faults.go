package gcsemu

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// Operations, as counted and as named by faults.
const (
	OpRead   = "read"   // an object's content
	OpStat   = "stat"   // an object's attributes
	OpList   = "list"   // one page
	OpWrite  = "write"  //
	OpDelete = "delete" //
	OpBucket = "bucket" // a bucket's settings
)

// Fault spoils requests.
type Fault struct {
	Op    string // the operation; empty for any
	Name  string // objects whose name begins with it; empty for any
	Times int    // how many requests; it is used up then
	// Status is answered instead of doing anything: 429, 503, 403 …
	Status int
	// LoseAnswer does what was asked, then drops the connection.
	LoseAnswer bool
}

// Inject adds faults; each request meets the first that fits.
func (g *Guard) Inject(faults ...Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range faults {
		g.faults = append(g.faults, &f)
	}
}

// SetOutage cuts the storage off: every connection is dropped without an answer.
func (g *Guard) SetOutage(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.outage = on
}

// SetStrictRate turns the limit of one write per name and second on or off.
func (g *Guard) SetStrictRate(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.strictRate = on
}

// SetLatency delays every answer to reads and listings, and to writes and
// deletes.
func (g *Guard) SetLatency(read, write time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readLatency, g.writeLatency = read, write
}

// Counts tells how many requests of each operation arrived, those during an
// outage and those that met a fault included.
func (g *Guard) Counts() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.counts)
}

// ResetCounts starts counting anew.
func (g *Guard) ResetCounts() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.counts)
}

// plan is how one request is to be treated.
type plan struct {
	outage, strictRate bool
	latency            time.Duration
	fault              Fault
}

func (g *Guard) plan(c call) plan {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts[c.op]++
	p := plan{outage: g.outage, strictRate: g.strictRate, latency: g.readLatency}
	if c.op == OpWrite || c.op == OpDelete {
		p.latency = g.writeLatency
	}
	for i, f := range g.faults {
		if (f.Op != "" && f.Op != c.op) || !strings.HasPrefix(c.name, f.Name) {
			continue
		}
		p.fault = *f
		if f.Times--; f.Times <= 0 {
			g.faults = append(g.faults[:i:i], g.faults[i+1:]...)
		}
		break
	}
	return p
}

// hangUp drops the connection.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
