package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// missedBeats of a cluster's own interval make it stale.
	missedBeats = 3
	// An agent tells its interval; one that is out of these bounds is not
	// believed.
	minInterval     = time.Second
	maxInterval     = 30 * time.Second
	defaultInterval = 10 * time.Second
)

// Observation is what one leader has itself seen of a cluster's heartbeat. It
// is not carried from leader to leader: a new one starts with none.
type Observation struct {
	beat v1alpha1.Heartbeat
	// seen: there was a heartbeat when last looked.
	seen bool
	// changed is when the heartbeat last became another, on this leader's
	// clock; at first, when the leader began to look.
	changed time.Time
	// fresh: it was seen to change, and not too long ago.
	fresh bool
	// heard is when it was last seen to change; zero while this leader never
	// has.
	heard time.Time
	// intruder is when another member last beat under the name.
	intruder     time.Time
	intruderBeat v1alpha1.Heartbeat
}

// Fresh says whether the heartbeat was seen to change within its bounds. The
// first sight of one is no change: it may be old.
func (o Observation) Fresh() bool { return o.fresh }

// Beat is the newest heartbeat that counts; ok is false before the first.
func (o Observation) Beat() (beat v1alpha1.Heartbeat, ok bool) { return o.beat, o.seen }

// Conflict is the heartbeat of another member under the same name, while it
// goes on.
func (o Observation) Conflict() (v1alpha1.Heartbeat, bool) {
	return o.intruderBeat, !o.intruder.IsZero()
}

// ClusterInput is what is known of one cluster at one look.
type ClusterInput struct {
	Cluster v1alpha1.Cluster
	// Beat is what the bucket holds now, nil for none.
	Beat     *v1alpha1.Heartbeat
	Seen     Observation
	Previous v1alpha1.ClusterVerdict
	// Blind: the bucket could not be read since the last look. Nobody could
	// beat in that time, so it does not count as silence.
	Blind bool
	Now   time.Time
}

// Judge looks at one cluster's heartbeat and returns the new verdict and what
// to remember for the next look.
//
// State is the first of these that holds: Leaving; Cordoned; Never (no
// heartbeat has counted); Stale; NotReady (its API server does not answer, or
// another member claims its name); Ready.
func Judge(in ClusterInput) (v1alpha1.ClusterVerdict, Observation) {
	v := in.Previous
	if v.UID != in.Cluster.UID {
		v = v1alpha1.ClusterVerdict{UID: in.Cluster.UID, MemberUID: in.Cluster.Spec.MemberUID}
	}
	if v.MemberUID == "" {
		v.MemberUID = in.Cluster.Spec.MemberUID
	}
	first := in.Seen.changed.IsZero()
	seen := in.Seen
	if first || in.Blind {
		seen.changed = in.Now
	}
	if in.Beat != nil {
		seen = observe(seen, in, &v, first)
	}
	expire(&seen, &v, in.Now)
	if state := state(in.Cluster, v, seen); state != v.State {
		v.State, v.Since = state, in.Now
	}
	return v, seen
}

// observe compares the heartbeat with the last one.
func observe(seen Observation, in ClusterInput, v *v1alpha1.ClusterVerdict, first bool) Observation {
	beat := *in.Beat
	if beat.ClusterUID != in.Cluster.UID {
		return seen // of a former member of this name, or not ours at all
	}
	if v.MemberUID != "" && beat.MemberUID != v.MemberUID {
		if !same(beat, seen.intruderBeat) {
			if seen.intruderBeat = beat; !first {
				seen.intruder = in.Now
			}
		}
		return seen
	}
	if seen.seen && same(beat, seen.beat) {
		return seen
	}
	seen.seen, seen.beat = true, beat
	if first {
		return seen
	}
	seen.changed, seen.heard, seen.fresh = in.Now, in.Now, true
	v.MemberUID = beat.MemberUID
	v.Reported, v.Stale, v.LastHeartbeat = true, false, in.Now
	return seen
}

func same(a, b v1alpha1.Heartbeat) bool {
	return a.Agent == b.Agent && a.Sequence == b.Sequence && a.MemberUID == b.MemberUID
}

// expire judges silence.
func expire(seen *Observation, v *v1alpha1.ClusterVerdict, now time.Time) {
	if v.Reported && now.Sub(seen.changed) > patience(seen.beat) {
		if !v.Stale {
			v.StaleSince = now
		}
		seen.fresh, v.Stale = false, true
	}
	if !seen.intruder.IsZero() && now.Sub(seen.intruder) > patience(seen.intruderBeat) {
		seen.intruder = time.Time{}
	}
}

// patience is how long a cluster may be silent.
func patience(beat v1alpha1.Heartbeat) time.Duration { return missedBeats * interval(beat) }

// interval is how often the agent says that it beats, within bounds.
func interval(beat v1alpha1.Heartbeat) time.Duration {
	d := beat.Interval.Duration
	if d <= 0 {
		d = defaultInterval
	}
	return min(max(d, minInterval), maxInterval)
}

func state(c v1alpha1.Cluster, v v1alpha1.ClusterVerdict, seen Observation) v1alpha1.ClusterState {
	_, conflict := seen.Conflict()
	switch {
	case c.Spec.Leaving != "":
		return v1alpha1.ClusterLeaving
	case c.Spec.Cordoned || c.Spec.Lost:
		return v1alpha1.ClusterCordoned
	case !v.Reported:
		return v1alpha1.ClusterNever
	case v.Stale:
		return v1alpha1.ClusterStale
	case conflict:
		return v1alpha1.ClusterNotReady
	case seen.seen && (!seen.beat.Healthy || seen.beat.Waiting != ""):
		return v1alpha1.ClusterNotReady
	case !seen.seen && v.State == v1alpha1.ClusterNotReady:
		return v1alpha1.ClusterNotReady
	}
	return v1alpha1.ClusterReady
}

// Recall makes verdicts of what was told of the clusters, for a leader whose
// predecessor's verdicts are lost: who has reported is not to count as new.
func Recall(told map[string]v1alpha1.ClusterStatus) map[string]v1alpha1.ClusterVerdict {
	verdicts := make(map[string]v1alpha1.ClusterVerdict, len(told))
	for name, st := range told {
		ready := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionReady)
		v := v1alpha1.ClusterVerdict{UID: st.UID, MemberUID: st.MemberUID, State: st.State, LastHeartbeat: st.LastHeartbeat.Time,
			Reported: !st.LastHeartbeat.IsZero(), Stale: ready != nil && ready.Reason == string(v1alpha1.ClusterStale)}
		// How often it fell silent is lost; that its share runs elsewhere is not.
		if over := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionFailedOver); over != nil && over.Status == metav1.ConditionTrue {
			v.Failed, v.Reason = true, over.Message
		}
		verdicts[name] = v
	}
	return verdicts
}

// Counts says whether a report is the bound member's own.
func Counts(r *v1alpha1.Report, c v1alpha1.Cluster, v v1alpha1.ClusterVerdict) bool {
	return r != nil && r.ClusterUID == c.UID && v.MemberUID != "" && r.MemberUID == v.MemberUID
}

// Frozen says whether so many clusters are silent at once that health is to
// change nothing: at least half, and at least two, of those that have ever
// reported and are not cordoned.
func Frozen(clusters []v1alpha1.Cluster, verdicts map[string]v1alpha1.ClusterVerdict) (silent, counted int, frozen bool) {
	for _, c := range clusters {
		v := verdicts[c.Name]
		if !considered(c, v) {
			continue
		}
		counted++
		if v.Stale {
			silent++
		}
	}
	return silent, counted, silent >= 2 && silent*2 >= counted
}

// considered says whether the cluster's silence counts for a freeze.
func considered(c v1alpha1.Cluster, v v1alpha1.ClusterVerdict) bool {
	return v.Reported && !c.Spec.Cordoned && !c.Spec.Drained && !c.Spec.Lost && v.UID == c.UID
}
