package apply

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// GroupKindOf is the type a tombstone names.
func GroupKindOf(t v1alpha1.Tombstone) schema.GroupKind {
	gv, err := schema.ParseGroupVersion(t.APIVersion)
	if err != nil {
		gv.Group = t.Key.Group
	}
	return schema.GroupKind{Group: gv.Group, Kind: t.Kind}
}

// apply writes what is wanted, and notes what the write tells of the past.
func (e *Engine) apply(ctx context.Context, j job, live *Live, adopting bool) time.Duration {
	adopted := adopting || (live != nil && live.Adopted && live.SpecUID == j.want.UID)
	if adopting && live.Federation != "" && !live.Adopted {
		adopted = false // an earlier life of ours, not somebody else's object
	}
	o, err := j.want.Object(e.Federation, adopted)
	if err != nil {
		return e.refused(ctx, j, err.Error())
	}
	result, err := e.Member.Apply(ctx, j.place, o)
	if !apierrors.IsForbidden(err) {
		e.tried(j.key, j.want.UID)
	}
	if err != nil {
		return e.failed(ctx, j, err)
	}
	e.applies.Add(1)
	seen := e.inventory.Put(j.place, result)
	e.settle(ctx, j, live, result, seen, adopted, adopting)
	return 0
}

// settle records a successful apply.
func (e *Engine) settle(ctx context.Context, j job, live *Live, result *unstructured.Unstructured, seen *Seen, adopted, adopting bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.records[j.key]
	if r == nil || !r.sameWant(j.want) {
		e.queue.Add(j.key)
		return
	}
	now := e.Clock.Now()
	if repaired(j, live, result, seen) {
		e.repairs.Add(1)
		r.repairs = append(r.repairs, now)
		e.happened(ctx, r, corev1.EventTypeNormal, v1alpha1.ReasonDriftRepaired, driftMessage(j.why), now)
	} else if j.why == Pending && (live == nil || live.ResourceVersion != result.GetResourceVersion()) {
		r.note(corev1.EventTypeNormal, v1alpha1.ReasonApplied, "the spec was applied", now)
	}
	if adopting && !r.adopted {
		e.happened(ctx, r, corev1.EventTypeNormal, v1alpha1.ReasonAdopted, adoptMessage(adopted), now)
	}
	r.applied = Applied{Digest: j.want.Digest, Fingerprint: seen.Fingerprint, ResourceVersion: result.GetResourceVersion()}
	r.attempted, r.generation, r.adopted = j.want.Digest, r.want.Generation, adopted
	r.succeed()
	if live == nil {
		r.showing = showing{addresses: r.showing.addresses} // a new object
	}
	if !r.shows(e.Federation, seen) {
		e.queue.Add(j.key)
	}
	if j.want.GVK.Kind == "Namespace" && j.want.GVK.Group == "" {
		e.wakeNamespace(j.key.Name)
	}
	poke(e.changed)
}

// repaired says that this apply undid somebody's change.
func repaired(j job, live *Live, result *unstructured.Unstructured, seen *Seen) bool {
	switch j.why {
	case Missing:
		return live == nil || live.ResourceVersion != result.GetResourceVersion()
	case Changed:
		return j.seen.Fingerprint != seen.Fingerprint
	}
	return false
}

func driftMessage(why Difference) string {
	if why == Missing {
		return "the object was deleted or unmarked in the cluster and was put back"
	}
	return "fields that the spec sets were changed in the cluster and were put back"
}

func adoptMessage(adopted bool) string {
	if !adopted {
		return "the object of an earlier life of this spec was taken over"
	}
	return "the object existed before the federation; the fields that the spec sets were taken over"
}

// wakeNamespace retries at once what failed in a namespace that is there now.
// Called with the lock held.
func (e *Engine) wakeNamespace(name string) {
	for key, r := range e.records {
		if key.Namespace == name && r.failures > 0 {
			r.failures, r.notBefore = 0, time.Time{}
			e.queue.Add(key)
		}
	}
}

// happened notes an event, logs it and announces it in the member.
func (e *Engine) happened(ctx context.Context, r *record, kind, reason, message string, now time.Time) {
	r.note(kind, reason, message, now)
	e.announce(r, r.want.Key, kind, reason, message)
	logf.FromContext(ctx).Info("object repaired or adopted", "object", r.want.Key.String(), "reason", reason, "message", message)
}

func (e *Engine) announce(r *record, key v1alpha1.Key, kind, reason, message string) {
	gvk := schema.GroupVersionKind{Group: key.Group}
	if r.want != nil {
		gvk = r.want.GVK
	} else if len(r.tombs) > 0 {
		gk := GroupKindOf(r.tombs[0])
		gvk = gk.WithVersion(r.gvr.Version)
	}
	ref := corev1.ObjectReference{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Namespace: key.Namespace, Name: key.Name}
	if seen := e.seen(key, r); seen != nil {
		ref.UID = seen.UID
	}
	e.Announce(ref, kind, reason, message)
}

// delete carries out a tombstone. The object's end is acknowledged when it is
// seen to be gone, not here.
func (e *Engine) delete(ctx context.Context, j job, live *Live, t v1alpha1.Tombstone) time.Duration {
	err := e.Member.Delete(ctx, j.place, live, t.Propagation)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return time.Millisecond // it changed since we looked: look again
	case err != nil:
		return e.failed(ctx, j, fmt.Errorf("delete: %w", err))
	}
	e.deletes.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.records[j.key]; r != nil {
		now := e.Clock.Now()
		r.dying, r.finalizers = now, live.Finalizers
		r.succeed()
		r.note(corev1.EventTypeNormal, v1alpha1.ReasonDeleted, "deleted on a tombstone's word", now)
	}
	poke(e.changed)
	return time.Millisecond
}

// orphan takes our marks off and looks again.
func (e *Engine) orphan(ctx context.Context, j job, t v1alpha1.Tombstone) time.Duration {
	err := e.Member.Unmark(ctx, j.place, j.meta)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return time.Millisecond
	case err != nil:
		return e.failed(ctx, j, fmt.Errorf("take the marks off: %w", err))
	}
	msg := orphanMessage(t)
	e.mu.Lock()
	if r := e.records[j.key]; r != nil {
		r.note(corev1.EventTypeNormal, v1alpha1.ReasonOrphaned, msg, e.Clock.Now())
		e.announce(r, j.key, corev1.EventTypeNormal, v1alpha1.ReasonOrphaned, msg)
	}
	e.mu.Unlock()
	logf.FromContext(ctx).Info("object orphaned", "object", j.key.String(), "uid", t.UID, "message", msg)
	return time.Millisecond
}

// orphanMessage tells whose word it was that the object stays.
func orphanMessage(t v1alpha1.Tombstone) string {
	switch {
	case t.Propagation == v1alpha1.PropagationOrphan:
		return "kept in the cluster, without the federation's marks"
	case isNamespace(t.Key):
		return "the namespace was there before the federation; it keeps it and what is in it"
	}
	return "the object was there before the federation; the cluster keeps it"
}

// dropUnusedWatches stops watching resources that no record was found under.
func (e *Engine) dropUnusedWatches() {
	e.mu.Lock()
	used := map[schema.GroupVersionResource]bool{}
	for _, r := range e.records {
		if r.gvr.Resource != "" {
			used[r.gvr] = true
		}
	}
	e.mu.Unlock()
	e.inventory.Keep(used)
}
