package apply

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// workers is how many requests the engine has under way at the member's API
// server, whose own priority and fairness rules do the rest.
const workers = 16

// Config of an Engine. All but Amend, Announce and MayWrite are required.
type Config struct {
	Federation types.UID
	Member     Member
	// Watches list and watch the objects of one resource that bear our label.
	Watches func(schema.GroupVersionResource) cache.ListerWatcher
	// Judge fills Health, Reason, Message, Counts and Addresses.
	Judge func(*unstructured.Unstructured) v1alpha1.ObjectReport
	// Amend adds to the report of an object that exists what its own status does
	// not tell. It must not call the engine.
	Amend func(v1alpha1.Key, *v1alpha1.ObjectReport)
	// Show applies the status of an object that exists; it answers with the result.
	Show  func(ctx context.Context, p Place, o *unstructured.Unstructured) (*unstructured.Unstructured, error)
	Clock clock.WithTicker
	// MayWrite is asked before every write; false while another replica may
	// hold this member.
	MayWrite func() bool
	// Announce makes a Kubernetes Event in the member.
	Announce func(about corev1.ObjectReference, kind, reason, message string)
}

// Stats count what happened since the engine was made.
type Stats struct {
	Applies, Repairs, Deletes, Refusals, Failures int64
	// Objects wanted now, and Conforming those that are as last wanted.
	Objects, Conforming int64
}

// Engine keeps a member in line with the newest shard it was given.
type Engine struct {
	Config
	inventory *Inventory
	queue     workqueue.TypedDelayingInterface[v1alpha1.Key]
	taken     chan struct{} // a new shard was taken
	changed   chan struct{} // the reports changed
	wave      atomic.Pointer[wave]
	watching  context.Context // set by Run: the life of the watches

	applies, repairs, deletes, refusals, failures atomic.Int64

	mu      sync.Mutex
	records map[v1alpha1.Key]*record
	took    bool // a shard was taken
}

// New makes an engine that does nothing before Run.
func New(c Config) *Engine {
	if c.MayWrite == nil {
		c.MayWrite = func() bool { return true }
	}
	if c.Announce == nil {
		c.Announce = func(corev1.ObjectReference, string, string, string) {}
	}
	if c.Amend == nil {
		c.Amend = func(v1alpha1.Key, *v1alpha1.ObjectReport) {}
	}
	e := &Engine{
		Config: c, taken: make(chan struct{}, 1), changed: make(chan struct{}, 1), records: map[v1alpha1.Key]*record{},
		queue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[v1alpha1.Key]{Clock: c.Clock}),
	}
	e.inventory = NewInventory(c.Watches, e.shrink, e.noticed)
	return e
}

// Recall gives the engine what the process before it reported, so that a
// restart does not look like an outage. Call it before the first Take.
func (e *Engine) Recall(objects []v1alpha1.ObjectReport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range objects {
		e.records[o.Key] = &record{recalled: &o, events: o.Events, gone: map[types.UID]bool{}}
	}
}

// Take makes a shard the state to hold from now on. It returns at once; the
// work is done by Run.
func (e *Engine) Take(s *v1alpha1.Shard) {
	tombs, addresses := map[v1alpha1.Key][]v1alpha1.Tombstone{}, addressesOf(s)
	for _, t := range s.Tombstones {
		tombs[t.Key] = append(tombs[t.Key], t)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.took = true
	named := make(map[v1alpha1.Key]bool, len(s.Objects)+len(tombs))
	for _, o := range s.Objects {
		named[o.Key] = true
		r := e.recordOf(o.Key)
		r.setWant(e.wantFor(r, o), tombs[o.Key])
		if r.setAddresses(addresses[o.Key]) {
			e.queue.Add(o.Key)
		}
	}
	for key, ts := range tombs {
		if !named[key] {
			named[key] = true
			e.recordOf(key).setWant(nil, ts)
		}
	}
	for key := range e.records {
		if !named[key] {
			delete(e.records, key)
		}
	}
	poke(e.taken)
	poke(e.changed)
}

// wantFor keeps the parsed want when the manifest is the same.
func (e *Engine) wantFor(r *record, o v1alpha1.ShardObject) *Want {
	if r.want != nil && r.want.Digest == digest(o) {
		kept := *r.want
		kept.Generation = o.Generation
		return &kept
	}
	return NewWant(o)
}

func (e *Engine) recordOf(key v1alpha1.Key) *record {
	r := e.records[key]
	if r == nil {
		r = &record{gone: map[types.UID]bool{}}
		e.records[key] = r
	}
	return r
}

// Wake retries at once what an outage of the member's API server held up.
func (e *Engine) Wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, r := range e.records {
		if r.trouble.reason == v1alpha1.ReasonAPIServerUnready {
			r.failures, r.notBefore = 0, time.Time{}
			e.queue.Add(key)
		}
		if r.showing.trouble.reason == v1alpha1.ReasonAPIServerUnready {
			r.showing.failures, r.showing.notBefore = 0, time.Time{}
			e.queue.Add(key)
		}
	}
}

// Changed is poked when Objects or Gone may answer differently.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Objects reports on every object of the shard, in key order.
func (e *Engine) Objects() []v1alpha1.ObjectReport {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Clock.Now()
	out := make([]v1alpha1.ObjectReport, 0, len(e.records))
	for key, r := range e.records {
		if o, ok := r.report(key, e.amended(key, r), now); ok {
			o.Events = slices.Clone(o.Events)
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.ObjectReport) int { return a.Key.Compare(b.Key) })
	return out
}

// amended is what was seen of a key, with what the closer look adds to it.
func (e *Engine) amended(key v1alpha1.Key, r *record) *Seen {
	seen := e.seen(key, r)
	if seen == nil {
		return nil
	}
	more := *seen
	e.Amend(key, &more.State)
	return &more
}

// Holds says that this very object is wanted and, as far as is known, there.
func (e *Engine) Holds(key v1alpha1.Key, live types.UID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.records[key]
	if r == nil || r.want == nil {
		return false
	}
	seen := e.seen(key, r)
	return seen != nil && seen.UID == live
}

// Stir tells that Amend would say something else than before.
func (e *Engine) Stir() { poke(e.changed) }

func (e *Engine) seen(key v1alpha1.Key, r *record) *Seen {
	if r.gvr.Resource == "" {
		return nil
	}
	return e.inventory.Get(Place{GVR: r.gvr, Namespace: key.Namespace, Name: key.Name})
}

// Gone acknowledges the tombstones whose objects exist no longer, in key order.
func (e *Engine) Gone() []v1alpha1.GoneObject {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []v1alpha1.GoneObject
	for key, r := range e.records {
		for uid := range r.gone {
			out = append(out, v1alpha1.GoneObject{Key: key, UID: uid})
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.GoneObject) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.UID, b.UID))
	})
	return out
}

// Stats for metrics.
func (e *Engine) Stats() Stats {
	s := Stats{
		Applies: e.applies.Load(), Repairs: e.repairs.Load(), Deletes: e.deletes.Load(),
		Refusals: e.refusals.Load(), Failures: e.failures.Load(),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.records {
		if r.want == nil {
			continue
		}
		s.Objects++
		if r.applied.Digest == r.want.Digest && r.trouble.reason == "" {
			s.Conforming++
		}
	}
	return s
}

// Run applies, watches and repairs until the context ends.
func (e *Engine) Run(ctx context.Context) {
	e.watching = ctx
	var running sync.WaitGroup
	defer running.Wait()
	defer e.queue.ShutDown()
	for range workers {
		running.Go(func() { e.work(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.taken:
			e.flood(ctx)
		}
	}
}

func (e *Engine) work(ctx context.Context) {
	for {
		key, stop := e.queue.Get()
		if stop {
			return
		}
		if ctx.Err() == nil {
			if after := e.reconcile(ctx, key); after > 0 {
				e.queue.AddAfter(key, after)
			}
			if w := e.wave.Load(); w != nil {
				w.finished(key)
			}
		}
		e.queue.Done(key)
	}
}

// noticed is the watches' word that something happened to a key.
func (e *Engine) noticed(key v1alpha1.Key) {
	e.mu.Lock()
	known := e.records[key] != nil
	e.mu.Unlock()
	if known {
		e.queue.Add(key)
	}
	poke(e.changed) // also for what is left over
}

// shrink is the inventory's view of an object.
func (e *Engine) shrink(gvr schema.GroupVersionResource, u *unstructured.Unstructured) *Seen {
	seen := &Seen{ObjectMeta: marksOf(u), State: e.Judge(u)}
	key := Place{GVR: gvr, Namespace: u.GetNamespace(), Name: u.GetName()}.Key()
	e.mu.Lock()
	var want *Want
	if r := e.records[key]; r != nil {
		want = r.want
	}
	e.mu.Unlock()
	if want == nil || want.Problem != "" || want.GVK.Version != gvr.Version {
		return seen
	}
	if shape, err := want.Object(e.Federation, false); err == nil {
		seen.Digest, seen.Fingerprint = want.Digest, Fingerprint(shape, u)
	}
	return seen
}

// poke leaves a signal that nobody needs twice.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// retryIdle is how long a key waits while this replica may not write.
const retryIdle = time.Second
