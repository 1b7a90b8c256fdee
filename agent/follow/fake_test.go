package follow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var (
	shards  = schema.GroupResource{Resource: "shards"}
	reports = schema.GroupResource{Resource: "reports"}

	errAway   = apierrors.NewServiceUnavailable("the bucket is away")
	errDenied = apierrors.NewForbidden(shards, "c", errors.New("denied"))
)

func identity(agent, member string) Identity {
	return Identity{Cluster: "c", FederationUID: "f", ClusterUID: "cu", MemberUID: member, Agent: agent, Version: "v1"}
}

// fakeBucket holds one cluster's shard, heartbeat and report.
type fakeBucket struct {
	mu        sync.Mutex
	revisions map[int64]*v1alpha1.Shard // nil is a corrupt one
	failing   error                     // of every call
	asked     int

	beat       *v1alpha1.Heartbeat
	generation int64
	beats      []v1alpha1.Heartbeat
	stored     *v1alpha1.Report
	reported   []v1alpha1.Report
	loseAnswer bool // of the next heartbeat, which is written
}

func newFakeBucket() *fakeBucket { return &fakeBucket{revisions: map[int64]*v1alpha1.Shard{}} }

func sum(s *v1alpha1.Shard) string {
	b, _ := json.Marshal(s)
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// add appends a revision that follows the last.
func (b *fakeBucket) add(epoch int64, change ...func(*v1alpha1.Shard)) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.headLocked() + 1
	s := &v1alpha1.Shard{Revision: n, Epoch: epoch, Cluster: "c", FederationUID: "f", ClusterUID: "cu"}
	if before := b.revisions[n-1]; before != nil {
		s.Previous = sum(before)
	}
	for _, f := range change {
		f(s)
	}
	b.revisions[n] = s
	return n
}

func (b *fakeBucket) corrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revisions[b.headLocked()+1] = nil
}

func (b *fakeBucket) prune(below int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.revisions {
		if n < below {
			delete(b.revisions, n)
		}
	}
}

func (b *fakeBucket) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing = err
}

func (b *fakeBucket) headLocked() (head int64) {
	for n := range b.revisions {
		head = max(head, n)
	}
	return head
}

func (b *fakeBucket) HeadRevision(context.Context, string) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.headLocked(), b.failing
}

func (b *fakeBucket) Revision(_ context.Context, _ string, n int64) (*v1alpha1.Shard, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if b.failing != nil {
		return nil, "", b.failing
	}
	s, present := b.revisions[n]
	switch {
	case !present:
		return nil, "", apierrors.NewNotFound(shards, fmt.Sprint(n))
	case s == nil:
		return nil, "", apierrors.NewInvalid(schema.GroupKind{Kind: "Shard"}, fmt.Sprint(n), nil)
	}
	return s, sum(s), nil
}

func (b *fakeBucket) Heartbeat(context.Context, string) (*v1alpha1.Heartbeat, int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return nil, 0, b.failing
	}
	if b.beat == nil {
		return nil, 0, apierrors.NewNotFound(reports, "heartbeat")
	}
	hb := *b.beat
	return &hb, b.generation, nil
}

func (b *fakeBucket) PutHeartbeat(_ context.Context, hb *v1alpha1.Heartbeat, generation int64) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return 0, b.failing
	}
	current := b.generation
	if b.beat == nil {
		current = 0
	}
	if generation != current {
		return 0, apierrors.NewConflict(reports, "heartbeat", errors.New("modified"))
	}
	b.generation++
	kept := *hb
	b.beat = &kept
	b.beats = append(b.beats, kept)
	if b.loseAnswer {
		b.loseAnswer = false
		return 0, errAway
	}
	return b.generation, nil
}

func (b *fakeBucket) Report(context.Context, string) (*v1alpha1.Report, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stored == nil {
		return nil, "", apierrors.NewNotFound(reports, "report")
	}
	return b.stored, "digest-0", nil
}

func (b *fakeBucket) PutReport(_ context.Context, r *v1alpha1.Report) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return "", b.failing
	}
	b.stored = r
	b.reported = append(b.reported, *r)
	return fmt.Sprintf("digest-%d", len(b.reported)), nil
}

func (b *fakeBucket) PutClaim(context.Context, *v1alpha1.Heartbeat) error { return errAway }

func (b *fakeBucket) last() (hb v1alpha1.Heartbeat, r v1alpha1.Report, beats, reports int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.beat != nil {
		hb = *b.beat
	}
	if b.stored != nil {
		r = *b.stored
	}
	return hb, r, len(b.beats), len(b.reported)
}

// fakeEngine takes shards and reports what the test says.
type fakeEngine struct {
	mu        sync.Mutex
	taken     []int64
	recalled  []v1alpha1.ObjectReport
	objects   []v1alpha1.ObjectReport
	leftovers []v1alpha1.Key
	changed   chan struct{}
}

func newFakeEngine() *fakeEngine { return &fakeEngine{changed: make(chan struct{}, 1)} }

func (e *fakeEngine) Take(s *v1alpha1.Shard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken = append(e.taken, s.Revision)
}

func (e *fakeEngine) revisions() []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.taken)
}

func (e *fakeEngine) Recall(o []v1alpha1.ObjectReport) { e.recalled = o }

func (e *fakeEngine) Objects() []v1alpha1.ObjectReport {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.objects)
}

func (e *fakeEngine) set(o ...v1alpha1.ObjectReport) {
	e.mu.Lock()
	e.objects = o
	e.mu.Unlock()
	poke(e.changed)
}

func (e *fakeEngine) Leftovers() []v1alpha1.Key { return e.leftovers }

func (e *fakeEngine) Gone() []v1alpha1.GoneObject { return nil }
func (e *fakeEngine) Changed() <-chan struct{}    { return e.changed }

// fakeProbes sees what the test says.
type fakeProbes struct {
	mu       sync.Mutex
	recalled []v1alpha1.ProbeResult
	aims     [][]v1alpha1.ProbeTarget
	results  []v1alpha1.ProbeResult
	changed  chan struct{}
}

func newFakeProbes() *fakeProbes { return &fakeProbes{changed: make(chan struct{}, 1)} }

func (p *fakeProbes) Recall(r []v1alpha1.ProbeResult) { p.recalled = r }

func (p *fakeProbes) Aim(_ context.Context, t []v1alpha1.ProbeTarget) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aims = append(p.aims, t)
}

func (p *fakeProbes) Results() []v1alpha1.ProbeResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.results)
}

func (p *fakeProbes) set(r ...v1alpha1.ProbeResult) {
	p.mu.Lock()
	p.results = r
	p.mu.Unlock()
	poke(p.changed)
}

func (p *fakeProbes) Changed() <-chan struct{} { return p.changed }

// fakeHealth is an API server that is as the test says.
type fakeHealth struct {
	mu      sync.Mutex
	unready string
	changed chan struct{}
}

func newFakeHealth() *fakeHealth { return &fakeHealth{changed: make(chan struct{}, 1)} }

func (h *fakeHealth) Unready() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unready
}

func (h *fakeHealth) set(why string) {
	h.mu.Lock()
	h.unready = why
	h.mu.Unlock()
	poke(h.changed)
}

func (h *fakeHealth) Facts() observe.Facts     { return observe.Facts{Region: "us-east1"} }
func (h *fakeHealth) Changed() <-chan struct{} { return h.changed }
