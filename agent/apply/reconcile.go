package apply

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// deletionPoll is how often a deletion under way is looked at, should the
// watch miss its end; stuckPoll how often one that finalizers hold for long.
const (
	deletionPoll = 5 * time.Second
	stuckPoll    = time.Minute
)

// job is one key's turn: a copy of what was to be done when it began.
type job struct {
	key     v1alpha1.Key
	want    *Want
	tombs   []v1alpha1.Tombstone
	applied Applied
	adopted bool
	place   Place
	// unserved is why the want cannot be applied although its resource is
	// there: the member serves another version of it.
	unserved error
	seen     *Seen
	why      Difference
	// show are the addresses to be written into the status, if that is all there
	// is to do; again is when to come back then.
	show  []string
	again time.Duration
	// meta is the live metadata where it was looked up, not remembered.
	meta *metav1.PartialObjectMetadata
}

// reconcile brings one key nearer to what is wanted and says after how long to
// come back; 0 means when something happens.
func (e *Engine) reconcile(ctx context.Context, key v1alpha1.Key) time.Duration {
	j, wait, ok := e.begin(key)
	if !ok {
		return wait
	}
	if !e.MayWrite() {
		return retryIdle
	}
	if j.show != nil {
		return e.show(ctx, j)
	}
	if j.want != nil && j.want.Problem != "" && len(j.tombs) == 0 {
		return e.refused(ctx, j, j.want.Problem)
	}
	if err := e.locate(ctx, &j); err != nil {
		return e.unlocated(ctx, j, err)
	}
	live, err := e.live(ctx, &j)
	if err != nil {
		if apierrors.IsForbidden(err) && e.unplaced(j) {
			return 0
		}
		return e.failed(ctx, j, fmt.Errorf("look at the object: %w", err))
	}
	return e.carryOut(ctx, j, live)
}

// begin decides from memory alone whether there is anything to do.
func (e *Engine) begin(key v1alpha1.Key) (job, time.Duration, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, now := e.records[key], e.Clock.Now()
	if r == nil {
		return job{}, 0, false
	}
	j := job{key: key, want: r.want, tombs: r.pending(), applied: r.applied, adopted: r.adopted, why: Pending}
	if now.Before(r.notBefore) {
		return j, r.notBefore.Sub(now), false
	}
	if len(j.tombs) > 0 {
		return j, 0, true
	}
	if j.want == nil {
		return j, 0, false
	}
	j.seen = e.seen(key, r)
	j.why = Drift(j.want, j.applied, j.seen)
	if j.why == Same {
		if r.trouble.reason == v1alpha1.ReasonFieldConflict {
			r.trouble = trouble{}
			poke(e.changed)
		}
		return e.beginShow(r, j, 0)
	}
	if wait := e.contest(r, j.why, now); wait > 0 {
		return e.beginShow(r, j, wait)
	}
	return j, 0, true
}

// contest decides whether drift is repaired once more or left as a conflict.
func (e *Engine) contest(r *record, why Difference, now time.Time) time.Duration {
	if why == Pending || r.want.Force {
		return 0
	}
	if now.Before(r.paused) {
		return r.paused.Sub(now)
	}
	r.repairs = recent(r.repairs, now)
	if !Contested(r.repairs, now) {
		return 0
	}
	if why == Missing {
		// Whoever keeps deleting it is slowed down, not given in to.
		return max(r.repairs[len(r.repairs)-1].Add(contestWindow/10).Sub(now), 0)
	}
	r.paused, r.repairs = now.Add(contestPause), nil
	msg := fmt.Sprintf("another manager keeps changing fields that the spec sets; left as it is for %s, or until the spec changes (annotation %s=true insists)",
		contestPause, v1alpha1.AnnotationForce)
	r.trouble = trouble{reason: v1alpha1.ReasonFieldConflict, message: msg}
	r.note(corev1.EventTypeWarning, v1alpha1.ReasonFieldConflict, msg, now)
	e.announce(r, r.want.Key, corev1.EventTypeWarning, v1alpha1.ReasonFieldConflict, msg)
	poke(e.changed)
	return contestPause
}

func (e *Engine) locate(ctx context.Context, j *job) error {
	gvk, gvr, err := e.resource(ctx, j)
	if err != nil {
		return err
	}
	if gvr.GroupResource() != j.key.GroupResource() {
		return apierrors.NewBadRequest(fmt.Sprintf("kind %s is served as %s, the key says %s", gvk.Kind, gvr.GroupResource(), j.key.GroupResource()))
	}
	j.place = Place{GVR: gvr, Namespace: j.key.Namespace, Name: j.key.Name}
	e.inventory.Watch(e.watching, gvr)
	e.mu.Lock()
	if r := e.records[j.key]; r != nil {
		r.gvr = gvr
	}
	e.mu.Unlock()
	return nil
}

// resource is what the key is served as. What is to go is looked for under any
// version: the want's may not be served while the old object exists.
func (e *Engine) resource(ctx context.Context, j *job) (schema.GroupVersionKind, schema.GroupVersionResource, error) {
	if j.want != nil {
		gvr, err := e.Member.Resource(ctx, j.want.GVK)
		if !meta.IsNoMatchError(err) || len(j.tombs) == 0 {
			return j.want.GVK, gvr, err
		}
		j.unserved = err
	}
	gvk := GroupKindOf(j.tombs[0]).WithVersion("")
	gvr, err := e.Member.Resource(ctx, gvk)
	return gvk, gvr, err
}

// unlocated handles a kind that the member does not serve: what is to go is
// gone with it, what is wanted is refused.
func (e *Engine) unlocated(ctx context.Context, j job, err error) time.Duration {
	if !meta.IsNoMatchError(err) {
		return e.failed(ctx, j, fmt.Errorf("find the kind: %w", err))
	}
	e.acknowledge(j.key, uids(j.tombs))
	if j.want == nil {
		return 0
	}
	return e.failed(ctx, j, err)
}

func uids(tombs []v1alpha1.Tombstone) []types.UID {
	var out []types.UID
	for _, t := range tombs {
		out = append(out, t.UID)
	}
	return out
}

// live is the object as it is: from the watch if it may be believed, else
// asked for. Tombstones always ask: what they acknowledge cannot be undone.
func (e *Engine) live(ctx context.Context, j *job) (*Live, error) {
	if j.seen == nil && len(j.tombs) == 0 {
		j.seen = e.inventory.Get(j.place)
	}
	if j.seen != nil {
		return LiveOf(j.seen), nil
	}
	m, err := e.Member.Look(ctx, j.place)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j.meta = m
	return LiveOf(m), nil
}

func (e *Engine) carryOut(ctx context.Context, j job, live *Live) time.Duration {
	v := Decide(e.Federation, j.want, j.tombs, live)
	e.acknowledge(j.key, v.Gone)
	if v.Do == DoApply || v.Do == DoAdopt {
		switch {
		case j.want.Problem != "":
			return e.refused(ctx, j, j.want.Problem)
		case j.unserved != nil:
			return e.failed(ctx, j, j.unserved)
		}
	}
	switch v.Do {
	case DoApply:
		return e.apply(ctx, j, live, false)
	case DoAdopt:
		return e.apply(ctx, j, live, true)
	case DoRefuse:
		return e.foreign(ctx, j, live)
	case DoDelete:
		return e.delete(ctx, j, live, v.Tombstone)
	case DoOrphan:
		return e.orphan(ctx, j, v.Tombstone)
	case DoAwait:
		return e.dying(ctx, j.key, live, v.Tombstone)
	}
	return 0
}

// acknowledge marks tombstones as done.
func (e *Engine) acknowledge(key v1alpha1.Key, gone []types.UID) {
	if len(gone) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.records[key]
	if r == nil {
		return
	}
	for _, uid := range gone {
		if named(r.tombs, uid) {
			r.gone[uid] = true
		}
	}
	if len(r.pending()) == 0 {
		r.dying, r.finalizers = time.Time{}, nil
		if r.want == nil {
			r.trouble = trouble{}
		}
	}
	poke(e.changed)
}

// failed records that the member's API server would not or could not.
func (e *Engine) failed(ctx context.Context, j job, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	e.failures.Add(1)
	kind := j.kind()
	if Classify(err) == Refused {
		return e.refused(ctx, j, Words(kind, err))
	}
	logf.FromContext(ctx).V(1).Info("request failed, will retry", "object", j.key.String(), "error", Words(kind, err))
	return e.mishap(j, Transient, trouble{reason: v1alpha1.ReasonAPIServerUnready, message: Words(kind, err)})
}

func (j job) kind() schema.GroupVersionKind {
	if j.want != nil {
		return j.want.GVK
	}
	gv, _ := schema.ParseGroupVersion(j.tombs[0].APIVersion)
	return gv.WithKind(j.tombs[0].Kind)
}

func (e *Engine) refused(ctx context.Context, j job, words string) time.Duration {
	e.refusals.Add(1)
	logf.FromContext(ctx).Info("object refused", "object", j.key.String(), "message", words)
	return e.mishap(j, Refused, trouble{health: v1alpha1.HealthFailed, reason: v1alpha1.ReasonApplyRefused, message: words})
}

func (e *Engine) foreign(ctx context.Context, j job, live *Live) time.Duration {
	msg := fmt.Sprintf("the object belongs to federation %s and is left untouched", live.Federation)
	logf.FromContext(ctx).Info("object belongs to another federation", "object", j.key.String(), "federation", live.Federation)
	return e.mishap(j, Refused, trouble{health: v1alpha1.HealthFailed, reason: v1alpha1.ReasonForeignOwner, message: msg})
}

// mishap records trouble unless the shard has moved on meanwhile.
func (e *Engine) mishap(j job, f Failure, t trouble) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.records[j.key]
	if r == nil || !r.sameWant(j.want) {
		return time.Millisecond
	}
	if j.want != nil {
		r.attempted = j.want.Digest
	} else {
		t.health = ""
	}
	if f == Refused {
		// An Event needs an object to be about.
		if r.trouble != t && (t.reason == v1alpha1.ReasonForeignOwner || e.seen(j.key, r) != nil) {
			e.announce(r, j.key, corev1.EventTypeWarning, t.reason, t.message)
		}
		r.note(corev1.EventTypeWarning, t.reason, t.message, e.Clock.Now())
		r.remember()
	}
	poke(e.changed)
	return r.fail(f, t, e.Clock.Now())
}

func (r *record) sameWant(w *Want) bool {
	if r.want == nil || w == nil {
		return r.want == nil && w == nil
	}
	return r.want.Digest == w.Digest
}
