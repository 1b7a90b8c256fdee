package apply

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// finalizerPatience is how long a deletion may take before the finalizers
	// that hold it are named.
	finalizerPatience = 60 * time.Second
	// finalizerLimit is how long a cluster that leaves is kept by the finalizers
	// of others: what is being deleted needs no agent any more, only their owner.
	finalizerLimit = 10 * time.Minute
)

// dying watches over a deletion under way. It holds up nothing but its own key.
func (e *Engine) dying(ctx context.Context, key v1alpha1.Key, live *Live, t v1alpha1.Tombstone) time.Duration {
	now := e.Clock.Now()
	stuck := now.Sub(live.Deleting) >= finalizerLimit
	if stuck && t.Cause == v1alpha1.CauseLeaving {
		return e.leaveBehind(ctx, key, live, t)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.records[key]; r != nil {
		r.dying, r.finalizers = live.Deleting, live.Finalizers
		r.succeed()
	}
	poke(e.changed)
	if stuck {
		return stuckPoll
	}
	return deletionPoll
}

// leaveBehind counts as gone what goes when its finalizers let it, so that they
// do not keep the cluster in the federation for ever.
func (e *Engine) leaveBehind(ctx context.Context, key v1alpha1.Key, live *Live, t v1alpha1.Tombstone) time.Duration {
	msg := fmt.Sprintf("the cluster leaves without waiting any longer: %s", finalizerMessage(live.Finalizers, live.Deleting, ""))
	e.mu.Lock()
	if r := e.records[key]; r != nil {
		r.note(corev1.EventTypeWarning, v1alpha1.ReasonFinalizers, msg, e.Clock.Now())
		e.announce(r, key, corev1.EventTypeWarning, v1alpha1.ReasonFinalizers, msg)
	}
	e.mu.Unlock()
	logf.FromContext(ctx).Info("object left to its finalizers", "object", key.String(), "message", msg)
	e.acknowledge(key, []types.UID{t.UID})
	return 0
}

// held explains a deletion that takes long; empty while it does not.
func (r *record) held(key v1alpha1.Key, seen *Seen, now time.Time) string {
	if r.dying.IsZero() || now.Sub(r.dying) < finalizerPatience {
		return ""
	}
	words := "" // a Namespace tells what in it remains
	if seen != nil && isNamespace(key) && seen.State.Health == v1alpha1.HealthTerminating {
		words = seen.State.Message
	}
	return finalizerMessage(r.finalizers, r.dying, words)
}

// finalizerMessage names what holds a deletion, and since when; words are what
// the object itself says of it.
func finalizerMessage(names []string, since time.Time, words string) string {
	msg := "the deletion is under way since " + since.UTC().Format(time.RFC3339)
	if len(names) > 0 {
		msg += " and waits for finalizers: " + strings.Join(names, ", ")
	} else {
		msg += "; no finalizer of its own holds it"
	}
	if words != "" {
		msg += ": " + words
	}
	if len(msg) > maxMessage {
		msg = strings.ToValidUTF8(msg[:maxMessage], "") + "…"
	}
	return msg
}
