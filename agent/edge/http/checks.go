package http

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// atOnce is how many checks run side by side. Each of a dead endpoint waits for
	// its timeout: few slots, and a cluster that died would hold up all others' checks.
	atOnce = 2048
	// jitter is the part of an interval by which checks are spread.
	jitter = 0.1
)

// checks look after every endpoint of the newest document, each in a goroutine
// that ends when the endpoint leaves.
type checks struct {
	prober Prober
	clock  clock.WithTicker
	// changed is told of an endpoint that became good, or ceased to be.
	changed func(*endpoint)
	slots   chan struct{}

	mu      sync.Mutex
	running map[*endpoint]context.CancelFunc
	all     sync.WaitGroup
}

func newChecks(p Prober, c clock.WithTicker, changed func(*endpoint)) *checks {
	return &checks{prober: p, clock: c, changed: changed, slots: make(chan struct{}, atOnce), running: map[*endpoint]context.CancelFunc{}}
}

// follow checks these endpoints from now on, and no others.
func (c *checks) follow(ctx context.Context, endpoints map[endpointKey]*endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e, stop := range c.running {
		if endpoints[e.key] != e {
			stop()
			delete(c.running, e)
			e.pool.retire()
		}
	}
	for _, e := range endpoints {
		if c.running[e] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		c.running[e] = stop
		c.all.Go(func() { c.watch(ctx, e) })
	}
}

// wait until every check has ended.
func (c *checks) wait() { c.all.Wait() }

// watch checks one endpoint at once and then every interval, counted from the
// beginning of a check.
func (c *checks) watch(ctx context.Context, e *endpoint) {
	for ctx.Err() == nil {
		began := c.clock.Now()
		c.check(ctx, e)
		every := e.key.check.Interval.Duration
		every += time.Duration(float64(every) * jitter * (rand.Float64() - 1)) // never later than asked
		timer := c.clock.NewTimer(every - c.clock.Since(began))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

// check asks once. What an ending edge finds out is no news.
func (c *checks) check(ctx context.Context, e *endpoint) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-c.slots }()
	asked, stop := context.WithTimeout(ctx, e.key.check.Timeout.Duration)
	defer stop()
	err := c.prober.Probe(asked, e.key.address, e.key.protocol, e.key.check.Path)
	if ctx.Err() == nil && e.checked(err == nil) {
		c.changed(e)
	}
}
