package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Reasons of a cluster's conditions. Users see them.
const (
	reasonBeating     = "Beating"
	reasonAnswers     = "Answers"
	reasonNoAnswer    = "NoAnswer"
	reasonNoHeartbeat = "NoHeartbeat"
	reasonOneMember   = "OneMember"
	reasonOtherMember = "AnotherMemberReports"
	reasonNoneRefused = "NoneRefused"
	reasonNotReported = "NotReported"
	reasonEnough      = "EnoughClustersReport"
	reasonTrusted     = "Trusted"
	reasonDead        = "TakenForDead"
	reasonLostCluster = "Lost"
	reasonSilence     = "Silent"
)

// ClusterStatusInput is what a cluster's status is made of.
type ClusterStatusInput struct {
	Cluster v1alpha1.Cluster
	Verdict v1alpha1.ClusterVerdict
	Seen    Observation
	// Report that counts, nil for none.
	Report *v1alpha1.Report
	// Revision is the newest planned, with so many objects and tombstones.
	Revision   int64
	Objects    int
	Tombstones int
	// Unread: the shard has not been read, so Revision, Objects, Tombstones and
	// Unhealthy say nothing.
	Unread bool
	// Unhealthy counts the shard's objects that Report does not call current.
	Unhealthy int64
	// Claim is a member that asks for the name in vain, nil for none.
	Claim    *v1alpha1.ClusterClaim
	Previous *v1alpha1.ClusterStatus
	Now      time.Time
}

// Cluster makes a cluster's status.
func Cluster(in ClusterStatusInput) v1alpha1.ClusterStatus {
	st := v1alpha1.ClusterStatus{Cluster: in.Cluster.Name, UID: in.Cluster.UID, State: in.Verdict.State, MemberUID: in.Verdict.MemberUID,
		Region: in.Cluster.Spec.Region, Zones: in.Cluster.Spec.Zones, Revision: in.Revision, Objects: int64(in.Objects)}
	if !in.Verdict.LastHeartbeat.IsZero() {
		st.LastHeartbeat = metav1.NewTime(in.Verdict.LastHeartbeat.UTC().Truncate(time.Second))
	}
	if in.Cluster.Spec.Leaving != "" {
		st.Remaining = int64(in.Objects + in.Tombstones)
	}
	if beat, ok := in.Seen.Beat(); ok {
		st.Applied = beat.Revision
	}
	if in.Report != nil {
		in.reported(&st)
	}
	var previous []metav1.Condition
	if in.Previous != nil && in.Previous.UID == in.Cluster.UID {
		previous = in.Previous.Conditions
		if in.Report == nil {
			keepReported(&st, in.Previous)
		}
		in.keep(&st)
	}
	if in.Unread && in.Cluster.Spec.Leaving != "" {
		st.Remaining = max(st.Remaining, 1) // nobody knows that it has left
	}
	st.Claim = in.claim()
	st.Conditions = setConditions(previous, append(in.conditions(), in.recovery()...), 0, in.Now)
	st.Events = in.events(previous, st.Conditions)
	return st
}

// events adds what was decided since the last status to what was told before.
func (in ClusterStatusInput) events(before, after []metav1.Condition) []v1alpha1.Event {
	var events []v1alpha1.Event
	if in.Previous != nil && in.Previous.UID == in.Cluster.UID {
		events = in.Previous.Events
	}
	old, now := meta.FindStatusCondition(before, v1alpha1.ConditionFailedOver), meta.FindStatusCondition(after, v1alpha1.ConditionFailedOver)
	if old == nil {
		old = &metav1.Condition{Status: metav1.ConditionFalse, Reason: reasonTrusted}
	}
	switch {
	case now.Status == metav1.ConditionTrue && old.Status != metav1.ConditionTrue:
		events = tell(events, "Warning", v1alpha1.EventFailedOver, now.Message, in.Now)
	case now.Reason == old.Reason:
	case now.Reason == v1alpha1.EventHolding:
		events = tell(events, "Normal", v1alpha1.EventHolding, now.Message, in.Now)
	case now.Reason == v1alpha1.EventKept:
		events = tell(events, "Warning", v1alpha1.EventKept, now.Message, in.Now)
	case now.Reason == reasonTrusted && (old.Status == metav1.ConditionTrue || old.Reason == v1alpha1.EventHolding):
		events = tell(events, "Normal", v1alpha1.EventReturned, "it has been back for long enough", in.Now)
	}
	return in.refusals(events)
}

// refusals tells of a refused revision that no status has told of. The leader
// goes on beyond it so soon that its condition may hold for a moment only.
func (in ClusterStatusInput) refusals(events []v1alpha1.Event) []v1alpha1.Event {
	if in.Report == nil || in.Previous == nil || len(in.Report.Refused) == 0 {
		return events
	}
	last := in.Report.Refused[len(in.Report.Refused)-1]
	message := refusal(last)
	told := slices.ContainsFunc(events, func(e v1alpha1.Event) bool { return e.Reason == last.Reason && e.Message == message })
	if told || last.Revision <= in.Previous.Applied {
		return events
	}
	return tell(events, "Warning", last.Reason, message, in.Now)
}

func refusal(r v1alpha1.RefusedRevision) string {
	return fmt.Sprintf("revision %d: %s", r.Revision, shorten(r.Message))
}

// reported takes over what only the agent knows. What join said of a place
// wins over what the agent sees.
func (in ClusterStatusInput) reported(st *v1alpha1.ClusterStatus) {
	r := in.Report
	st.AgentVersion, st.KubernetesVersion, st.Resources = shorten(r.AgentVersion), shorten(r.KubernetesVersion), r.Resources
	if st.Region == "" {
		st.Region = r.Region
	}
	if len(st.Zones) == 0 {
		st.Zones = r.Zones
	}
	st.Applied, st.Unhealthy = max(st.Applied, r.Revision), in.Unhealthy
}

// keep lets stand what was known of the shard until it has been read, and of
// a heartbeat when the verdict has forgotten it.
func (in ClusterStatusInput) keep(st *v1alpha1.ClusterStatus) {
	if in.Unread {
		st.Revision, st.Objects, st.Unhealthy = in.Previous.Revision, in.Previous.Objects, in.Previous.Unhealthy
		if in.Cluster.Spec.Leaving != "" {
			st.Remaining = in.Previous.Remaining
		}
	}
	if st.LastHeartbeat.IsZero() {
		st.LastHeartbeat = in.Previous.LastHeartbeat
	}
	// An agent that cannot list nodes just now has moved nothing: objects are
	// placed by where a cluster is.
	if st.Region == "" {
		st.Region = in.Previous.Region
	}
	if len(st.Zones) == 0 {
		st.Zones = in.Previous.Zones
	}
}

// keepReported lets the last known word stand until there is a new one.
func keepReported(st, previous *v1alpha1.ClusterStatus) {
	st.AgentVersion, st.KubernetesVersion, st.Resources = previous.AgentVersion, previous.KubernetesVersion, previous.Resources
	st.Applied, st.Unhealthy = max(st.Applied, previous.Applied), previous.Unhealthy
}

func (in ClusterStatusInput) conditions() []metav1.Condition {
	return []metav1.Condition{in.ready(), in.apiServer(), in.nameConflict(), in.refused(), in.failedOver()}
}

// failedOver tells of the cluster's standing: what becomes of its share.
func (in ClusterStatusInput) failedOver() metav1.Condition {
	v, reason := in.Verdict, reasonTrusted
	switch {
	case v.Holding:
		reason = v1alpha1.EventHolding
	case v.Failed && in.Cluster.Spec.Lost:
		reason = reasonLostCluster
	case v.Failed:
		reason = reasonDead
	case v.Stale && v.Probed == v1alpha1.ProbeAlive:
		reason = v1alpha1.EventKept
	case v.Stale:
		reason = reasonSilence
	}
	return condition(v1alpha1.ConditionFailedOver, v.Failed, reason, v.Reason)
}

func (in ClusterStatusInput) ready() metav1.Condition {
	_, conflict := in.Seen.Conflict()
	beat, seen := in.Seen.Beat()
	switch {
	case !in.Verdict.Reported:
		return condition(v1alpha1.ConditionReady, false, reasonNoHeartbeat, "no agent has reported yet")
	case in.Verdict.Stale:
		c := condition(v1alpha1.ConditionReady, false, string(v1alpha1.ClusterStale), cmp.Or(in.Verdict.Reason, "no heartbeat for three intervals"))
		c.Status = metav1.ConditionUnknown
		return c
	case conflict:
		return condition(v1alpha1.ConditionReady, false, reasonOtherMember, "another member reports under this name")
	case seen && !beat.Healthy:
		return condition(v1alpha1.ConditionReady, false, reasonNoAnswer, "the agent cannot reach its API server")
	case seen && beat.Waiting != "":
		return condition(v1alpha1.ConditionReady, false, v1alpha1.ReasonMemberRestored, in.restored())
	}
	return condition(v1alpha1.ConditionReady, true, reasonBeating, in.Verdict.Reason) // holding, if anything
}

func (in ClusterStatusInput) apiServer() metav1.Condition {
	beat, ok := in.Seen.Beat()
	switch {
	case !ok || in.Verdict.Stale:
		c := condition(v1alpha1.ConditionAPIServer, false, reasonNoHeartbeat, "")
		c.Status = metav1.ConditionUnknown
		return c
	case !beat.Healthy:
		return condition(v1alpha1.ConditionAPIServer, false, reasonNoAnswer, "the agent cannot reach its API server")
	}
	return condition(v1alpha1.ConditionAPIServer, true, reasonAnswers, "")
}

// refused tells of a revision at or past the newest the agent took over.
func (in ClusterStatusInput) refused() metav1.Condition {
	if in.Report == nil {
		return condition(v1alpha1.ConditionRefused, false, reasonNotReported, "")
	}
	if n := len(in.Report.Refused); n > 0 {
		if last := in.Report.Refused[n-1]; last.Revision > in.Report.Revision {
			return condition(v1alpha1.ConditionRefused, true, last.Reason, refusal(last))
		}
	}
	return condition(v1alpha1.ConditionRefused, false, reasonNoneRefused, "")
}
