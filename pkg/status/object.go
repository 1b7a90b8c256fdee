package status

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// maxCounts bounds the counters taken from one report of one object.
const maxCounts = 32

// ObjectInput is what an object's status is made of.
type ObjectInput struct {
	Key v1alpha1.Key
	UID types.UID
	// Created, Generation and SpecGeneration as the plan keeps them.
	Created        time.Time
	Generation     int64
	SpecGeneration int64
	// Conditions of the plan, without times.
	Conditions []metav1.Condition
	// Placement and Rollout as the plan has them.
	Placement string
	Rollout   *v1alpha1.RolloutStatus
	// Members that have the object in their shard, by name.
	Members []Member
	// Served is what became of an Ingress; nil for anything else, and for one that
	// carriers are not asked to serve. Unjudged: that is not known yet.
	Served   *Served
	Unjudged bool
	Previous *v1alpha1.ObjectStatus
	Now      time.Time
}

// Member is one cluster that is to run the object.
type Member struct {
	Cluster string
	// Stale: the cluster is silent.
	Stale bool
	// Replicas asked of it; nil when the kind's are not divided.
	Replicas *int64
	// Generation is the spec generation in the cluster's newest shard.
	Generation int64
	// Why the plan gives it what it has; empty where the plan has nothing new to say.
	Why string
	// Ranges (CIDR) that its addresses must lie in; none allows all.
	Ranges []string
	// Report is the cluster's own word on the object, nil for none. One about
	// another uid does not count.
	Report *v1alpha1.ObjectReport
}

// Object sums the members up.
func Object(in ObjectInput) v1alpha1.ObjectStatus {
	st := v1alpha1.ObjectStatus{Key: in.Key, UID: in.UID, CreationTimestamp: metav1.NewTime(in.Created.UTC().Truncate(time.Second)),
		Generation: in.Generation, SpecGeneration: in.SpecGeneration, Placement: in.Placement, Rollout: in.Rollout}
	addresses := map[string]bool{}
	for _, m := range in.Members {
		row := in.row(m)
		for name, n := range row.Counts {
			if st.Counts == nil {
				st.Counts = map[string]int64{}
			}
			st.Counts[name] += n
		}
		for _, a := range row.Addresses {
			addresses[a] = true
		}
		st.Clusters = append(st.Clusters, row)
	}
	if len(addresses) > 0 {
		st.Addresses = slices.Sorted(maps.Keys(addresses))
	}
	var previous []metav1.Condition
	var events []v1alpha1.Event
	if in.Previous != nil && in.Previous.UID == in.UID {
		previous, events = in.Previous.Conditions, in.Previous.Events
	}
	wanted := append(slices.Clone(in.Conditions), available(st.Clusters))
	if s := in.served(previous); s != nil {
		if wanted = append(wanted, s.Condition); !elsewhere(&s.Condition) {
			st.Addresses = s.Addresses
		}
	}
	st.Conditions = setConditions(previous, wanted, in.Generation, in.Now)
	own := append(transitions(previous, st.Conditions, in.Now), in.tellServed(previous)...)
	st.Events = mergeEvents(events, in.Members, in.UID, own)
	return st
}

// row is what one cluster runs, as far as its word counts.
func (in ObjectInput) row(m Member) v1alpha1.ObjectClusterStatus {
	row := v1alpha1.ObjectClusterStatus{Cluster: m.Cluster, Replicas: m.Replicas, Health: v1alpha1.HealthUnknown, Stale: m.Stale, Why: shorten(m.Why)}
	if m.Why == "" {
		row.Why = in.saidOf(m.Cluster)
	}
	r := m.Report
	if r == nil || r.UID != in.UID {
		return row
	}
	row.Health, row.Reason, row.Message = r.Health, r.Reason, shorten(r.Message)
	row.Synced = r.Generation == m.Generation
	row.Adopted = r.Adopted
	row.Counts = counts(r.Counts, m.Replicas)
	for _, a := range r.Addresses {
		if allowed(a, m.Ranges) {
			row.Addresses = append(row.Addresses, a)
		}
	}
	slices.Sort(row.Addresses)
	return row
}

// saidOf is what was last said of why the cluster has what it has.
func (in ObjectInput) saidOf(cluster string) string {
	if in.Previous == nil || in.Previous.UID != in.UID {
		return ""
	}
	for _, row := range in.Previous.Clusters {
		if row.Cluster == cluster {
			return row.Why
		}
	}
	return ""
}

// counts takes over what can be summed. No cluster can claim more replicas
// than were asked of it.
func counts(reported map[string]int64, asked *int64) map[string]int64 {
	var out map[string]int64
	for _, name := range slices.Sorted(maps.Keys(reported)) {
		n := reported[name]
		if name == "observedGeneration" || n < 0 || len(out) == maxCounts {
			continue
		}
		if asked != nil && strings.HasSuffix(strings.ToLower(name), "replicas") {
			n = min(n, *asked)
		}
		if out == nil {
			out = map[string]int64{}
		}
		out[name] = n
	}
	return out
}

// allowed says whether an address lies in one of the ranges. With ranges, a
// host name lies in none.
func allowed(address string, ranges []string) bool {
	if len(ranges) == 0 {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(ranges, func(r string) bool {
		p, err := netip.ParsePrefix(r)
		return err == nil && p.Contains(a.Unmap())
	})
}

// Reasons of ConditionAvailable. Users see them.
const (
	reasonCurrent     = "Current"
	reasonNotRunning  = "NotRunning"
	reasonProgressing = "Progressing"
	reasonFailed      = "Failed"
	reasonSilent      = "ClustersSilent"
)

// available is True when the object is current in every cluster that is not
// stale.
func available(rows []v1alpha1.ObjectClusterStatus) metav1.Condition {
	var waiting, failed []string
	heard := 0
	for _, row := range rows {
		if row.Stale {
			continue
		}
		heard++
		switch {
		case row.Health == v1alpha1.HealthFailed:
			failed = append(failed, row.Cluster)
		case row.Health != v1alpha1.HealthCurrent || !row.Synced:
			waiting = append(waiting, row.Cluster)
		}
	}
	switch {
	case len(rows) == 0:
		return condition(v1alpha1.ConditionAvailable, false, reasonNotRunning, "in no cluster")
	case heard == 0:
		c := condition(v1alpha1.ConditionAvailable, false, reasonSilent, "every cluster that runs it is silent")
		c.Status = metav1.ConditionUnknown
		return c
	case len(failed) > 0:
		return condition(v1alpha1.ConditionAvailable, false, reasonFailed, "failed in "+strings.Join(failed, ", "))
	case len(waiting) > 0:
		return condition(v1alpha1.ConditionAvailable, false, reasonProgressing, "not yet current in "+strings.Join(waiting, ", "))
	}
	return condition(v1alpha1.ConditionAvailable, true, reasonCurrent, fmt.Sprintf("current in %d clusters", heard))
}
