package apply

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// maxAddresses is how many addresses an Ingress shows; what is seen of one is
// bounded likewise.
const maxAddresses = 64

// showing is how the status of an Ingress stands to the addresses that the shard
// names. It fails by itself: what is refused here keeps nobody from applying the
// object.
type showing struct {
	addresses []string // none: the status is left as it is
	// written: these addresses were, so that others are drift.
	written   bool
	failures  int
	notBefore time.Time
	repairs   []time.Time
	trouble   trouble
}

// addressesOf are those that a shard names, by key, as they are shown.
func addressesOf(s *v1alpha1.Shard) map[v1alpha1.Key][]string {
	out := map[v1alpha1.Key][]string{}
	for _, a := range s.Addresses {
		if !v1alpha1.KeyIsIngress(a.Key) {
			continue
		}
		var list []string
		for _, text := range a.Addresses {
			if ip, err := netip.ParseAddr(text); err == nil {
				text = ip.Unmap().String()
			}
			list = append(list, text)
		}
		slices.Sort(list)
		list = slices.Compact(list)
		out[a.Key] = list[:min(len(list), maxAddresses)]
	}
	return out
}

// setAddresses takes over what the newest shard says; true means that the status
// may have to be written.
func (r *record) setAddresses(addresses []string) bool {
	if slices.Equal(r.showing.addresses, addresses) {
		return false
	}
	r.showing = showing{addresses: addresses}
	return r.want != nil && r.applied.Digest == r.want.Digest
}

// shows says whether an object of ours shows its addresses already; what is not
// ours, or goes, is not to.
func (r *record) shows(federation types.UID, seen *Seen) bool {
	if len(r.showing.addresses) == 0 || r.want == nil || r.applied.Digest != r.want.Digest || seen == nil {
		return true
	}
	live := LiveOf(seen)
	if live.Federation != string(federation) || live.SpecUID != r.want.UID || !live.Deleting.IsZero() {
		return true
	}
	shown := slices.Sorted(slices.Values(seen.State.Addresses))
	return slices.Equal(slices.Compact(shown), r.showing.addresses)
}

// beginShow decides whether the addresses are to be written now; again is when
// to come back for another reason. Called with the lock held.
func (e *Engine) beginShow(r *record, j job, again time.Duration) (job, time.Duration, bool) {
	now, s := e.Clock.Now(), &r.showing
	if r.shows(e.Federation, j.seen) {
		if s.trouble.reason != "" {
			s.failures, s.trouble = 0, trouble{}
			poke(e.changed)
		}
		return j, again, false
	}
	if s.repairs = recent(s.repairs, now); Contested(s.repairs, now) && !now.Before(s.notBefore) {
		s.notBefore, s.repairs = now.Add(contestPause), nil
		s.trouble = trouble{reason: v1alpha1.ReasonFieldConflict, message: fmt.Sprintf(
			"another controller keeps changing the addresses in the status; left as they are for %s", contestPause)}
		r.note(corev1.EventTypeWarning, s.trouble.reason, s.trouble.message, now)
		poke(e.changed)
	}
	if now.Before(s.notBefore) {
		return j, sooner(again, s.notBefore.Sub(now)), false
	}
	j.show, j.again = s.addresses, again
	j.place = Place{GVR: r.gvr, Namespace: j.key.Namespace, Name: j.key.Name}
	return j, 0, true
}

// sooner is the shorter of two waits, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// show writes the addresses into the object's status.
func (e *Engine) show(ctx context.Context, j job) time.Duration {
	result, err := e.Show(ctx, j.place, statusOf(j.want.GVK, j.seen, j.show))
	if err == nil {
		e.inventory.Put(j.place, result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.records[j.key]
	if r == nil || !slices.Equal(r.showing.addresses, j.show) {
		return time.Millisecond
	}
	s, now := &r.showing, e.Clock.Now()
	if err != nil {
		if ctx.Err() != nil {
			return 0
		}
		return sooner(j.again, e.notShown(ctx, r, j, err, now))
	}
	if s.written {
		s.repairs = append(s.repairs, now)
		e.happened(ctx, r, corev1.EventTypeNormal, v1alpha1.ReasonDriftRepaired, "the addresses in the status were changed in the cluster and were put back", now)
	}
	s.written, s.failures, s.notBefore, s.trouble = true, 0, time.Time{}, trouble{}
	poke(e.changed)
	return j.again
}

// notShown records why the addresses could not be written. Called with the lock
// held.
func (e *Engine) notShown(ctx context.Context, r *record, j job, err error, now time.Time) time.Duration {
	e.failures.Add(1)
	words := Words(j.want.GVK, fmt.Errorf("write the addresses into the status: %w", err))
	how, t := Classify(err), trouble{reason: v1alpha1.ReasonAPIServerUnready, message: words}
	if how == Refused {
		t.reason = v1alpha1.ReasonAddressRefused
		r.note(corev1.EventTypeWarning, t.reason, t.message, now)
		logf.FromContext(ctx).Info("addresses refused", "object", j.key.String(), "message", words)
	}
	s := &r.showing
	s.failures++
	wait := RetryAfter(how, s.failures)
	s.trouble, s.notBefore = t, now.Add(wait)
	poke(e.changed)
	return wait
}

// statusOf says an object's addresses and nothing else, of the very object that
// was seen.
func statusOf(gvk schema.GroupVersionKind, seen *Seen, addresses []string) *unstructured.Unstructured {
	points := make([]any, 0, len(addresses))
	for _, a := range addresses {
		field := "hostname"
		if _, err := netip.ParseAddr(a); err == nil {
			field = "ip"
		}
		points = append(points, map[string]any{field: a})
	}
	o := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": points}}}}
	o.SetGroupVersionKind(gvk)
	o.SetName(seen.Name)
	o.SetNamespace(seen.Namespace)
	o.SetUID(seen.UID)
	return o
}
