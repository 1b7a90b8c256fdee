package apply

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// record is all the engine holds of one key.
type record struct {
	want  *Want
	tombs []v1alpha1.Tombstone
	gone  map[types.UID]bool
	// gvr the key was last found under; what the inventory is asked for.
	gvr schema.GroupVersionResource

	applied    Applied
	generation int64
	adopted    bool
	repairs    []time.Time
	paused     time.Time // contested until then
	// attempted is the digest last tried, with or without success.
	attempted string
	failures  int
	notBefore time.Time
	trouble   trouble
	// showing is about the addresses in the object's status.
	showing showing
	// dying and finalizers describe a deletion under way.
	dying      time.Time
	finalizers []string
	// recalled is what the last process reported, until this one knows better.
	recalled *v1alpha1.ObjectReport
	events   []v1alpha1.Event
	// tried is the UID last written, as far as may be; never is one that was
	// refused and never written.
	tried, never types.UID
}

// trouble is why an object is not as it should be.
type trouble struct {
	health  v1alpha1.Health // empty: as the object itself is judged
	reason  string
	message string
}

// pending are the tombstones that are not yet acknowledged.
func (r *record) pending() []v1alpha1.Tombstone {
	var out []v1alpha1.Tombstone
	for _, t := range r.tombs {
		if !r.gone[t.UID] {
			out = append(out, t)
		}
	}
	return out
}

// setWant takes over what the newest shard says of the key.
func (r *record) setWant(w *Want, tombs []v1alpha1.Tombstone) {
	if w != nil && r.life() != "" && w.UID != r.life() {
		r.applied, r.generation, r.adopted, r.recalled, r.events = Applied{}, 0, false, nil, nil
	}
	if w == nil || r.want == nil || w.Digest != r.want.Digest {
		r.failures, r.notBefore, r.paused, r.repairs, r.trouble = 0, time.Time{}, time.Time{}, nil, trouble{}
	}
	if w != nil && r.applied.Digest == w.Digest {
		r.generation = w.Generation
	}
	r.want, r.tombs = w, without(tombs, w)
	if w == nil {
		r.applied, r.generation, r.adopted = Applied{}, 0, false
	}
	for uid := range r.gone {
		if !named(tombs, uid) {
			delete(r.gone, uid)
		}
	}
}

// life is the UID of the spec the record tells of.
func (r *record) life() types.UID {
	switch {
	case r.want != nil:
		return r.want.UID
	case r.recalled != nil:
		return r.recalled.UID
	}
	return ""
}

// without drops the tombstone of what is wanted: see Decide.
func without(tombs []v1alpha1.Tombstone, w *Want) []v1alpha1.Tombstone {
	var out []v1alpha1.Tombstone
	for _, t := range tombs {
		if w == nil || t.UID != w.UID {
			out = append(out, t)
		}
	}
	return out
}

func named(tombs []v1alpha1.Tombstone, uid types.UID) bool {
	for _, t := range tombs {
		if t.UID == uid {
			return true
		}
	}
	return false
}

func (r *record) fail(f Failure, t trouble, now time.Time) time.Duration {
	r.failures++
	wait := RetryAfter(f, r.failures)
	r.notBefore = now.Add(wait)
	r.trouble = t
	return wait
}

func (r *record) succeed() {
	r.failures, r.notBefore, r.trouble, r.recalled = 0, time.Time{}, trouble{}, nil
}

const maxEvents = 10

// note adds an event, or counts it up when it happened before.
func (r *record) note(kind, reason, message string, now time.Time) {
	at := metav1.NewTime(now)
	for i := range r.events {
		e := r.events[i]
		if e.Type == kind && e.Reason == reason && e.Message == message {
			e.Count, e.Last = e.Count+1, at
			r.events = append(append(r.events[:i:i], r.events[i+1:]...), e)
			return
		}
	}
	r.events = append(r.events, v1alpha1.Event{Type: kind, Reason: reason, Message: message, First: at, Last: at, Count: 1})
	if len(r.events) > maxEvents {
		r.events = r.events[len(r.events)-maxEvents:]
	}
}

// report is the key's line in the member's report; false when there is none.
func (r *record) report(key v1alpha1.Key, seen *Seen, now time.Time) (v1alpha1.ObjectReport, bool) {
	if r.want == nil {
		return r.reportTombstone(key, seen, now)
	}
	o := v1alpha1.ObjectReport{Health: v1alpha1.HealthInProgress, Message: "waiting to be applied"}
	switch {
	case r.applied.Digest == "" && r.recalled != nil && r.recalled.UID == r.want.UID:
		o = *r.recalled
	case seen != nil && r.generation > 0:
		o = seen.State
	case r.generation > 0:
		o.Message = "waiting to be seen in the cluster"
	}
	if held := r.held(key, seen, now); held != "" && len(r.pending()) > 0 {
		o = v1alpha1.ObjectReport{
			Health: v1alpha1.HealthInProgress, Reason: v1alpha1.ReasonFinalizers,
			Message: "waiting for the object of an earlier spec to go: " + held,
		}
	}
	if r.trouble.reason != "" {
		o.Reason, o.Message = r.trouble.reason, r.trouble.message
		if r.trouble.health != "" {
			o.Health = r.trouble.health
		}
	}
	if o.Reason == "" && r.showing.trouble.reason != "" {
		o.Reason, o.Message = r.showing.trouble.reason, r.showing.trouble.message
	}
	o.Key, o.UID, o.Events = key, r.want.UID, r.events
	if r.recalled == nil {
		o.Generation, o.Adopted = r.generation, r.adopted
	}
	return o, true
}

func (r *record) reportTombstone(key v1alpha1.Key, seen *Seen, now time.Time) (v1alpha1.ObjectReport, bool) {
	pending := r.pending()
	if len(pending) == 0 {
		return v1alpha1.ObjectReport{}, false
	}
	o := v1alpha1.ObjectReport{Key: key, UID: pending[0].UID, Health: v1alpha1.HealthTerminating, Events: r.events}
	o.Reason, o.Message = r.trouble.reason, r.trouble.message
	if held := r.held(key, seen, now); o.Reason == "" && held != "" {
		o.Reason, o.Message = v1alpha1.ReasonFinalizers, held
	}
	return o, true
}
