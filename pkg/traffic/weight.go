package traffic

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// WithWeight is the document as it would be if a user gave a cluster that
// weight, and nothing else changed. The given one stays as it is.
func WithWeight(t *v1alpha1.Traffic, cluster string, weight int64) *v1alpha1.Traffic {
	if t == nil {
		return nil
	}
	after := *t
	after.Backends = slices.Clone(t.Backends)
	for i := range after.Backends {
		b := &after.Backends[i]
		if slices.ContainsFunc(b.Clusters, func(c v1alpha1.BackendCluster) bool { return c.Cluster == cluster }) {
			b.Clusters = weigh(b.Clusters, cluster, max(0, min(weight, v1alpha1.FullWeight)))
		}
	}
	return &after
}

func weigh(before []v1alpha1.BackendCluster, cluster string, weight int64) []v1alpha1.BackendCluster {
	after := slices.Clone(before)
	for i := range after {
		if after[i].Cluster == cluster {
			weighOne(&after[i], weight)
		}
	}
	settleLast(after)
	return after
}

// weighOne goes on from what the entry tells: one that was drained is as it is
// reported, one that leaves stays drained.
func weighOne(e *v1alpha1.BackendCluster, weight int64) {
	switch {
	case e.Reason == reasonLeaving && e.State == v1alpha1.BackendDrained:
	case weight == 0:
		e.State, e.Reason, e.Weight = v1alpha1.BackendDrained, reasonDrained, 0
	case takes(e):
		e.Weight = weight
	case e.State != v1alpha1.BackendDrained:
	case len(e.Endpoints) == 0:
		e.State, e.Reason = v1alpha1.BackendPending, reasonNoAddress
	case e.Ready == 0:
		e.State, e.Reason = v1alpha1.BackendOut, reasonUnready
	default:
		e.State, e.Reason, e.Weight = v1alpha1.BackendServing, "", weight
	}
}

// settleLast takes those out again that went on only because nothing else was
// left, if now something is.
func settleLast(entries []v1alpha1.BackendCluster) {
	last := func(e v1alpha1.BackendCluster) bool { return e.State == v1alpha1.BackendKept && e.Reason == reasonLast }
	if !slices.ContainsFunc(entries, func(e v1alpha1.BackendCluster) bool { return takes(&e) && !last(e) }) {
		return
	}
	for i := range entries {
		if last(entries[i]) {
			entries[i].State, entries[i].Reason, entries[i].Weight = v1alpha1.BackendOut, reasonUnready, 0
		}
	}
}
