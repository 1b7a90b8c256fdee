package status

import (
	"cmp"
	"slices"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// capacityFor is how long a first estimate is believed; each further one in
	// a row twice as long, up to capacityMost.
	capacityFor  = 5 * time.Minute
	capacityMost = time.Hour
)

// Load is one object in one cluster, as far as its capacity may be told from
// it.
type Load struct {
	Cluster string
	Key     v1alpha1.Key
	// Given replicas, by the cluster's newest revision.
	Given int64
	// Report is the cluster's word on that very revision; nil while there is
	// none, or while the cluster is silent.
	Report *v1alpha1.ObjectReport
}

// Capacities tells how many replicas of an object a cluster can run at most,
// from pods that found no node: what it was given without those, and never less
// than what is ready there.
//
// An estimate is believed for five minutes. When the same is found again after
// that, it is believed for twice as long, up to an hour. One that has expired is
// kept for as long as it was believed, to know by, and then forgotten; and so is
// one whose object or cluster is gone. Expired ones do not limit anything:
// Limits leaves them out.
//
// Again is when the next one expires; zero for never.
func Capacities(previous []v1alpha1.CapacityEstimate, loads []Load, known func(cluster string, k v1alpha1.Key) bool,
	now time.Time) (estimates []v1alpha1.CapacityEstimate, again time.Time) {
	found := map[capacityKey]int64{}
	for _, l := range loads {
		if n, ok := l.capacity(); ok && known(l.Cluster, l.Key) {
			found[capacityKey{l.Cluster, l.Key}] = n
		}
	}
	for _, e := range previous {
		k := capacityKey{e.Cluster, e.Key}
		n, again := found[k]
		delete(found, k)
		if e, keep := review(e, n, again, now); keep && known(e.Cluster, e.Key) {
			estimates = append(estimates, e)
		}
	}
	for k, n := range found {
		estimates = append(estimates, v1alpha1.CapacityEstimate{Cluster: k.cluster, Key: k.key, Replicas: n, Expires: now.Add(believed(1)), Tries: 1})
	}
	slices.SortFunc(estimates, func(a, b v1alpha1.CapacityEstimate) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), a.Key.Compare(b.Key))
	})
	for _, e := range estimates {
		if e.Expires.After(now) && (again.IsZero() || e.Expires.Before(again)) {
			again = e.Expires
		}
	}
	return estimates, again
}

type capacityKey struct {
	cluster string
	key     v1alpha1.Key
}

// capacity is what the load shows; ok is false when it shows no limit.
func (l Load) capacity() (n int64, ok bool) {
	r := l.Report
	if r == nil || r.Unschedulable <= 0 {
		return 0, false
	}
	n = l.Given
	// Pods of before a scale-down are not yet gone when the revision is taken over.
	if there, ok := r.Counts["replicas"]; ok {
		n = max(n, there)
	}
	n -= r.Unschedulable
	for _, ready := range []string{"readyReplicas", "ready"} {
		n = max(n, r.Counts[ready])
	}
	n = max(n, 0)
	return n, n < l.Given
}

// review looks at an estimate again, with what is found now, if anything.
func review(e v1alpha1.CapacityEstimate, n int64, found bool, now time.Time) (v1alpha1.CapacityEstimate, bool) {
	e.Tries = max(e.Tries, 1)
	life := believed(e.Tries)
	if latest := now.Add(life); e.Expires.After(latest) {
		e.Expires = latest // of a clock that was ahead
	}
	switch {
	case now.Before(e.Expires):
		if found {
			e.Replicas = min(e.Replicas, n)
		}
	case found:
		e.Tries++
		e.Replicas, e.Expires = n, now.Add(believed(e.Tries))
	case now.Sub(e.Expires) >= life:
		return e, false
	}
	return e, true
}

// believed is how long the estimate of so many tries lives.
func believed(tries int64) time.Duration {
	d := capacityFor
	for ; tries > 1 && d < capacityMost; tries-- {
		d *= 2
	}
	return min(d, capacityMost)
}

// Limits are the estimates that hold now, by cluster and object.
func Limits(estimates []v1alpha1.CapacityEstimate, now time.Time) map[string]map[v1alpha1.Key]int64 {
	limits := map[string]map[v1alpha1.Key]int64{}
	for _, e := range estimates {
		if !now.Before(e.Expires) {
			continue
		}
		if limits[e.Cluster] == nil {
			limits[e.Cluster] = map[v1alpha1.Key]int64{}
		}
		limits[e.Cluster][e.Key] = e.Replicas
	}
	return limits
}
