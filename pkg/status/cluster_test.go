package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// statusOf makes the status of what a watch sees.
func statusOf(w *watch, edit func(*ClusterStatusInput)) v1alpha1.ClusterStatus {
	in := ClusterStatusInput{Cluster: w.cluster, Verdict: w.verdict, Seen: w.seen, Revision: 9, Objects: 4, Tombstones: 2, Now: w.now}
	if edit != nil {
		edit(&in)
	}
	return Cluster(in)
}

func conditionOf(st v1alpha1.ClusterStatus, kind string) string {
	c := meta.FindStatusCondition(st.Conditions, kind)
	return fmt.Sprintf("%s %s", c.Status, c.Reason)
}

func TestClusterStatus(t *testing.T) {
	w := newWatch()
	w.look(0)
	equal(t, "never", conditionOf(statusOf(w, nil), v1alpha1.ConditionReady), "False NoHeartbeat")
	w.beats(1, "m")
	w.beat.Revision = 8
	w.look(1)
	report := &v1alpha1.Report{Region: "r1", Zones: []string{"z1"}, KubernetesVersion: "v1.36.3", Revision: 8,
		Refused: []v1alpha1.RefusedRevision{{Revision: 9, Reason: v1alpha1.ReasonCorruptRevision, Message: "not JSON"}}}
	st := statusOf(w, func(in *ClusterStatusInput) { in.Report, in.Unhealthy = report, 1 })
	equal(t, "ready", conditionOf(st, v1alpha1.ConditionReady), "True Beating")
	equal(t, "refused", conditionOf(st, v1alpha1.ConditionRefused), "True CorruptRevision")
	equal(t, "place", st.Region+strings.Join(st.Zones, ""), "r1z1")
	equal(t, "numbers", fmt.Sprint(st.Revision, st.Applied, st.Objects, st.Unhealthy, st.Remaining), "9 8 4 1 0")

	// A new leader has not read the report yet: the last word stands.
	later := statusOf(w, func(in *ClusterStatusInput) { in.Previous = &st })
	equal(t, "kept", later.Region+later.KubernetesVersion+fmt.Sprint(later.Unhealthy), "r1v1.36.31")

	report.Revision = 10
	past := statusOf(w, func(in *ClusterStatusInput) { in.Report = report })
	equal(t, "passed over", conditionOf(past, v1alpha1.ConditionRefused), "False NoneRefused")

	w.cluster.Spec.Leaving = v1alpha1.LeavingDelete
	w.cluster.Spec.Region = "said at join"
	w.look(1)
	leaving := statusOf(w, func(in *ClusterStatusInput) { in.Report, in.Objects = report, 0 })
	equal(t, "remaining", leaving.Remaining, 2)
	equal(t, "region", leaving.Region, "said at join")

	w.look(60)
	equal(t, "stale", conditionOf(statusOf(w, nil), v1alpha1.ConditionReady), "Unknown Stale")
}

// A leader that has not read the shard must not say that a cluster has left.
func TestUnreadShardKeepsWhatWasKnown(t *testing.T) {
	w := newWatch()
	w.look(0)
	w.beats(1, "m")
	w.look(1)
	unread := func(in *ClusterStatusInput) { in.Unread, in.Revision, in.Objects, in.Tombstones = true, 0, 0, 0 }
	before := statusOf(w, func(in *ClusterStatusInput) { in.Report, in.Unhealthy = &v1alpha1.Report{}, 1 })
	w.cluster.Spec.Leaving = v1alpha1.LeavingDelete
	first := statusOf(w, unread)
	equal(t, "nothing known", fmt.Sprint(first.Revision, first.Objects, first.Remaining), "0 0 1")
	w.verdict.LastHeartbeat = time.Time{}
	st := statusOf(w, func(in *ClusterStatusInput) { unread(in); in.Previous = &before })
	equal(t, "kept", fmt.Sprint(st.Revision, st.Objects, st.Unhealthy, st.Remaining), "9 4 1 1")
	equal(t, "heartbeat", st.LastHeartbeat.Equal(&before.LastHeartbeat), true)
	st.Remaining = 3
	st = statusOf(w, func(in *ClusterStatusInput) { unread(in); in.Previous = &st })
	equal(t, "remaining", st.Remaining, 3)
}

func TestNameConflictIsTold(t *testing.T) {
	w := newWatch()
	w.look(0)
	w.beats(1, "m")
	w.look(1)
	w.beats(1, "other")
	w.look(1)
	st := statusOf(w, nil)
	equal(t, "conflict", conditionOf(st, v1alpha1.ConditionNameConflict), "True AnotherMemberReports")
	message := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionNameConflict).Message
	if !strings.Contains(message, "member m,") || !strings.Contains(message, "member other ") {
		t.Errorf("the message names not both: %s", message)
	}
}

func TestFederationStatus(t *testing.T) {
	in := FederationInput{Leader: "l", Epoch: 3, Now: t0}
	first := Federation(in)
	equal(t, "planning", meta.IsStatusConditionTrue(first.Conditions, v1alpha1.ConditionPlanning), true)
	equal(t, "frozen", meta.IsStatusConditionFalse(first.Conditions, v1alpha1.ConditionFrozen), true)
	in.Previous, in.Now = &first, t0.Add(time.Hour)
	second := Federation(in)
	second.Time = first.Time
	equal(t, "only time moved", equality.Semantic.DeepEqual(first, second), true)

	in.Halted, in.HaltMessage = v1alpha1.HaltRestored, "the agent of a has revision 9"
	in.Held = []v1alpha1.HeldSpec{{Path: "p", Reason: v1alpha1.HeldVanished}}
	for _, name := range []string{"a", "b"} {
		c := cluster(name)
		in.Clusters = append(in.Clusters, c)
		if in.Verdicts == nil {
			in.Verdicts = map[string]v1alpha1.ClusterVerdict{}
		}
		in.Verdicts[name] = v1alpha1.ClusterVerdict{UID: c.UID, Reported: true, Stale: true}
	}
	third := Federation(in)
	planning := meta.FindStatusCondition(third.Conditions, v1alpha1.ConditionPlanning)
	equal(t, "planning", fmt.Sprint(planning.Status, " ", planning.Reason, " ", planning.LastTransitionTime.Time.Equal(in.Now)), "False BucketRestored true")
	frozen := meta.FindStatusCondition(third.Conditions, v1alpha1.ConditionFrozen)
	equal(t, "frozen", frozen.Message, "2 of 2 clusters are stale at once: health moves nothing until they are back or cordoned as lost")
	equal(t, "held", third.Held[0].Path, "p")
}

func told(events []v1alpha1.Event) (s string) {
	for _, e := range events {
		s += e.Type + " " + e.Reason + ";"
	}
	return s
}

func TestStandingIsTold(t *testing.T) {
	f := newFleet(3)
	var st v1alpha1.ClusterStatus
	tell := func() v1alpha1.ClusterStatus {
		next := Cluster(ClusterStatusInput{Cluster: f.clusters[1], Verdict: f.verdicts["b"], Seen: f.seen["b"], Previous: &st, Now: f.now})
		st = next
		return next
	}
	equal(t, "at first", conditionOf(tell(), v1alpha1.ConditionFailedOver), "False Trusted")
	f.silence("b")
	f.probed("b", alive)
	f.pass(45 * time.Second)
	equal(t, "kept", conditionOf(tell(), v1alpha1.ConditionFailedOver), "False KeptThoughSilent")
	equal(t, "ready", meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionReady).Message,
		"no heartbeat, but its services answer 2 of 2 probers: replicas stay")
	f.probed("b", dead)
	f.pass(time.Minute)
	equal(t, "failed", conditionOf(tell(), v1alpha1.ConditionFailedOver), "True TakenForDead")
	f.revive("b")
	f.pass(15 * time.Second)
	equal(t, "holding", conditionOf(tell(), v1alpha1.ConditionFailedOver), "True Holding")
	if m := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionReady).Message; !strings.HasPrefix(m, "back, and given nothing new until 2026-") {
		t.Error(m)
	}
	f.pass(time.Minute)
	equal(t, "trusted", conditionOf(tell(), v1alpha1.ConditionFailedOver), "False Trusted")
	equal(t, "all told", told(st.Events), "Warning KeptThoughSilent;Warning FailedOver;Normal Holding;Normal Returned;")
	before := st
	equal(t, "and once", equality.Semantic.DeepEqual(tell(), before), true)
	f.edit("b", func(s *v1alpha1.ClusterSpec) { s.Lost = true })
	f.pass(time.Second)
	equal(t, "lost", conditionOf(tell(), v1alpha1.ConditionFailedOver), "True Lost")
}

func TestFreezeIsTold(t *testing.T) {
	f := newFleet(4)
	var st v1alpha1.FederationStatus
	tell := func() {
		st = Federation(FederationInput{Clusters: f.clusters, Verdicts: f.verdicts, Previous: &st, Now: f.now})
	}
	tell()
	equal(t, "nothing", told(st.Events), "")
	f.silence("a", "b")
	f.pass(time.Minute)
	tell()
	tell()
	f.revive("a", "b")
	f.pass(time.Minute)
	tell()
	equal(t, "told", told(st.Events), "Warning Frozen;Normal Thawed;")
}

// The leader goes on beyond a refused revision within moments: that it was
// refused is told all the same, and once.
func TestRefusedRevisionIsTold(t *testing.T) {
	in := ClusterStatusInput{Cluster: v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "u"}}, Now: time.Unix(1000, 0),
		Previous: &v1alpha1.ClusterStatus{UID: "u", Applied: 7},
		Report:   &v1alpha1.Report{Revision: 9, Refused: []v1alpha1.RefusedRevision{{Revision: 8, Reason: v1alpha1.ReasonCorruptRevision, Message: "garbage"}}}}
	for range 3 {
		st := Cluster(in)
		if len(st.Events) != 1 || st.Events[0].Reason != v1alpha1.ReasonCorruptRevision || st.Events[0].Message != "revision 8: garbage" || st.Events[0].Count != 1 {
			t.Fatalf("told %+v", st.Events)
		}
		in.Previous = &st
	}
}
