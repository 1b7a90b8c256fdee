package apply

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// phasePatience bounds how long a phase is waited for; whatever is still
	// under way then goes on beside the next.
	phasePatience = 30 * time.Second
	// establishPatience bounds the wait for new kinds to be served.
	establishPatience = 10 * time.Second
	establishTick     = 50 * time.Millisecond
)

// wave is one phase under way: the keys that were not yet attempted.
type wave struct {
	mu   sync.Mutex
	left map[v1alpha1.Key]bool
	done chan struct{}
}

func newWave(keys []v1alpha1.Key) *wave {
	w := &wave{left: make(map[v1alpha1.Key]bool, len(keys)), done: make(chan struct{})}
	for _, k := range keys {
		w.left[k] = true
	}
	return w
}

func (w *wave) finished(k v1alpha1.Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.left[k] {
		return
	}
	delete(w.left, k)
	if len(w.left) == 0 {
		close(w.done)
	}
}

// flood sends what a new shard changed through the phases, in order. A shard
// taken meanwhile starts it over, with what is still to do.
func (e *Engine) flood(ctx context.Context) {
	byPhase, tombs := e.outstanding()
	for _, key := range tombs {
		e.queue.Add(key)
	}
	for phase, keys := range byPhase {
		if len(keys) == 0 {
			continue
		}
		if !e.await(ctx, keys) {
			return
		}
		if Phase(phase) == PhaseDefinitions && !e.awaitEstablished(ctx, keys) {
			return
		}
	}
	e.dropUnusedWatches()
}

// outstanding sorts the keys with something never attempted by phase, and
// those with tombstones by phase backwards.
func (e *Engine) outstanding() (byPhase [phases][]v1alpha1.Key, tombs []v1alpha1.Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	phaseOf := map[v1alpha1.Key]Phase{}
	for key, r := range e.records {
		if len(r.pending()) > 0 {
			phaseOf[key] = PhaseOf(GroupKindOf(r.tombs[0]))
			tombs = append(tombs, key)
		}
		if r.want != nil && r.attempted != r.want.Digest {
			p := PhaseOf(r.want.GVK.GroupKind())
			byPhase[p] = append(byPhase[p], key)
		}
	}
	for _, keys := range byPhase {
		slices.SortFunc(keys, v1alpha1.Key.Compare)
	}
	slices.SortFunc(tombs, func(a, b v1alpha1.Key) int {
		if d := int(phaseOf[b]) - int(phaseOf[a]); d != 0 {
			return d
		}
		return a.Compare(b)
	})
	return byPhase, tombs
}

// await enqueues the keys and waits until each was attempted once. False means
// that the caller should stop: the context ended or a newer shard came.
func (e *Engine) await(ctx context.Context, keys []v1alpha1.Key) bool {
	w := newWave(keys)
	e.wave.Store(w)
	defer e.wave.Store(nil)
	for _, k := range keys {
		e.queue.Add(k)
	}
	patience := e.Clock.NewTimer(phasePatience)
	defer patience.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-e.taken:
		poke(e.taken)
		return false
	case <-patience.C():
	case <-w.done:
	}
	return true
}

// awaitEstablished waits until the definitions are served, so that their
// objects are not refused first.
func (e *Engine) awaitEstablished(ctx context.Context, keys []v1alpha1.Key) bool {
	deadline := e.Clock.Now().Add(establishPatience)
	tick := e.Clock.NewTicker(establishTick)
	defer tick.Stop()
	for !e.allCurrent(keys) && e.Clock.Now().Before(deadline) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C():
		}
	}
	return true
}

func (e *Engine) allCurrent(keys []v1alpha1.Key) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range keys {
		r := e.records[k]
		if r == nil || r.failures > 0 {
			continue
		}
		if seen := e.seen(k, r); seen == nil || seen.State.Health != v1alpha1.HealthCurrent {
			return false
		}
	}
	return true
}
