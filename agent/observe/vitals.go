package observe

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// refreshEvery is how often the facts about the member are read anew.
const refreshEvery = 2 * time.Minute

// unreadyEvery is how often a server that does not answer is asked.
const unreadyEvery = 2 * time.Second

// Server is what Vitals asks; Cluster is one.
type Server interface {
	Ready(ctx context.Context) error
	Refresh(ctx context.Context) error
	Facts() Facts
}

// Vitals keeps an eye on the member's API server and the facts about it.
type Vitals struct {
	server   Server
	clock    clock.WithTicker
	interval time.Duration
	back     func()
	changed  chan struct{}

	refreshed time.Time // owned by Run
	grumbled  bool      // owned by Run: a refresh failed and was logged

	mu      sync.Mutex
	unready string
}

// NewVitals asks the server every interval, and calls back when it answers
// again after it did not.
func NewVitals(s Server, c clock.WithTicker, interval time.Duration, back func()) *Vitals {
	return &Vitals{server: s, clock: c, interval: interval, back: back, changed: make(chan struct{}, 1)}
}

// Changed is poked when the others may answer differently.
func (v *Vitals) Changed() <-chan struct{} { return v.changed }

// Facts are the last that were read.
func (v *Vitals) Facts() Facts { return v.server.Facts() }

// Unready is why the API server does not answer; empty when it does.
func (v *Vitals) Unready() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.unready
}

// Run watches until the context ends.
func (v *Vitals) Run(ctx context.Context) {
	for {
		v.check(ctx)
		wait := v.interval
		if v.Unready() != "" {
			wait = min(wait, unreadyEvery)
		}
		timer := v.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

func (v *Vitals) check(ctx context.Context) {
	err := v.server.Ready(ctx)
	if ctx.Err() != nil {
		return
	}
	v.turn(ctx, err)
	if err != nil || v.clock.Since(v.refreshed) < refreshEvery {
		return
	}
	if err := v.server.Refresh(ctx); err != nil && !v.grumbled && ctx.Err() == nil {
		logf.FromContext(ctx).Error(err, "some facts about the cluster cannot be read")
		v.grumbled = true
	} else if err == nil {
		v.refreshed, v.grumbled = v.clock.Now(), false
	}
	v.poke()
}

// turn notes whether the server answers, and tells when that is news.
func (v *Vitals) turn(ctx context.Context, err error) {
	unready := ""
	if err != nil {
		unready = clip(err.Error())
	}
	v.mu.Lock()
	before := v.unready
	v.unready = unready
	v.mu.Unlock()
	switch {
	case before == "" && unready != "":
		logf.FromContext(ctx).Info("the API server does not answer; heartbeats go on", "error", unready)
	case before != "" && unready == "":
		logf.FromContext(ctx).Info("the API server answers again")
		v.back()
	case before == unready:
		return
	}
	v.poke()
}

func (v *Vitals) poke() { poke(v.changed) }
