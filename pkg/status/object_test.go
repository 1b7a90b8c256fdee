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

var objectKey = v1alpha1.Key{Namespace: "default", Group: "apps", Resource: "deployments", Name: "web"}

func running(name string, asked, ready int64) Member {
	return Member{Cluster: name, Replicas: &asked, Generation: 3, Report: &v1alpha1.ObjectReport{Key: objectKey, UID: "u", Generation: 3,
		Health: v1alpha1.HealthCurrent, Counts: map[string]int64{"replicas": ready, "readyReplicas": ready, "observedGeneration": 7}}}
}

func input(members ...Member) ObjectInput {
	return ObjectInput{Key: objectKey, UID: "u", Created: t0, Generation: 2, SpecGeneration: 3, Members: members, Now: t0}
}

func TestObjectSumsUp(t *testing.T) {
	a, b := running("a", 5, 5), running("b", 5, 4)
	a.Report.Addresses, b.Report.Addresses = []string{"10.0.0.9", "10.0.0.1"}, []string{"10.0.0.1", "example.com"}
	st := Object(input(a, b))
	equal(t, "counts", fmt.Sprint(st.Counts), "map[readyReplicas:9 replicas:9]")
	equal(t, "addresses", strings.Join(st.Addresses, " "), "10.0.0.1 10.0.0.9 example.com")
	equal(t, "rows", len(st.Clusters), 2)
	equal(t, "available", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionAvailable), true)
	equal(t, "uid", st.UID, "u")
}

func TestReportsAreNotBelievedBlindly(t *testing.T) {
	liar := running("liar", 5, 500)
	liar.Report.Counts["unavailableReplicas"] = -3
	liar.Report.Message = strings.Repeat("x", 10_000)
	liar.Report.Addresses = []string{"192.0.2.1", "10.1.2.3", "example.com"}
	liar.Ranges = []string{"10.0.0.0/8"}
	st := Object(input(liar))
	equal(t, "clamped", fmt.Sprint(st.Counts), "map[readyReplicas:5 replicas:5]")
	equal(t, "addresses in range", strings.Join(st.Addresses, " "), "10.1.2.3")
	if n := len(st.Clusters[0].Message); n > maxMessage+8 {
		t.Errorf("a message of %d bytes", n)
	}
	for i := range 100 {
		liar.Report.Counts[fmt.Sprintf("count-%03d", i)] = 1
	}
	equal(t, "bounded", len(Object(input(liar)).Counts), maxCounts)
}

func TestReportOfAnotherUIDDoesNotCount(t *testing.T) {
	old := running("a", 5, 5)
	old.Report.UID = "the deleted one"
	st := Object(input(old))
	equal(t, "health", st.Clusters[0].Health, v1alpha1.HealthUnknown)
	equal(t, "counts", len(st.Counts), 0)
}

func TestAvailable(t *testing.T) {
	with := func(edit func(*Member)) Member { m := running("a", 1, 1); edit(&m); return m }
	cases := []struct {
		name    string
		members []Member
		status  metav1.ConditionStatus
		reason  string
	}{
		{"nowhere", nil, metav1.ConditionFalse, reasonNotRunning},
		{"current", []Member{running("a", 1, 1)}, metav1.ConditionTrue, reasonCurrent},
		{"not reported", []Member{with(func(m *Member) { m.Report = nil })}, metav1.ConditionFalse, reasonProgressing},
		{"older spec", []Member{with(func(m *Member) { m.Report.Generation = 2 })}, metav1.ConditionFalse, reasonProgressing},
		{"failed", []Member{with(func(m *Member) { m.Report.Health = v1alpha1.HealthFailed })}, metav1.ConditionFalse, reasonFailed},
		{"all silent", []Member{with(func(m *Member) { m.Stale = true })}, metav1.ConditionUnknown, reasonSilent},
		{"the silent one is not asked", []Member{running("b", 1, 1), with(func(m *Member) { m.Stale, m.Report.Health = true, v1alpha1.HealthFailed })},
			metav1.ConditionTrue, reasonCurrent},
	}
	for _, c := range cases {
		got := meta.FindStatusCondition(Object(input(c.members...)).Conditions, v1alpha1.ConditionAvailable)
		equal(t, c.name, fmt.Sprint(got.Status, got.Reason), fmt.Sprint(c.status, c.reason))
	}
}

func TestTransitionTimesAreKept(t *testing.T) {
	in := input(running("a", 1, 1))
	in.Conditions = []metav1.Condition{condition(v1alpha1.ConditionPlaced, true, "Placed", "in 1")}
	first := Object(in)
	in.Previous, in.Now = &first, t0.Add(time.Hour)
	if second := Object(in); !equality.Semantic.DeepEqual(first, second) {
		t.Errorf("nothing changed, but\n%+v\nbecame\n%+v", first, second)
	}
	in.Members[0].Report.Health = v1alpha1.HealthInProgress
	third := Object(in)
	equal(t, "available", meta.FindStatusCondition(third.Conditions, v1alpha1.ConditionAvailable).LastTransitionTime.Time, in.Now)
	equal(t, "placed", meta.FindStatusCondition(third.Conditions, v1alpha1.ConditionPlaced).LastTransitionTime.Time, t0)

	in.UID, in.Members = "another", nil
	fourth := Object(in)
	equal(t, "another object starts anew", meta.FindStatusCondition(fourth.Conditions, v1alpha1.ConditionPlaced).LastTransitionTime.Time, in.Now)
}

func TestEvents(t *testing.T) {
	event := func(reason string, at time.Duration) v1alpha1.Event {
		return v1alpha1.Event{Type: "Normal", Reason: reason, Last: metav1.NewTime(t0.Add(at)), Count: 1}
	}
	a := running("a", 1, 1)
	a.Report.Events = []v1alpha1.Event{event("Applied", time.Second)}
	in := input(a)
	in.Conditions = []metav1.Condition{condition(v1alpha1.ConditionHeld, true, v1alpha1.HeldCorrupt, "line 3")}
	first := Object(in)
	equal(t, "events", reasons(first), "SpecInvalid@ Applied@a ")

	// The agent's newest list replaces its older one; the leader's own and
	// those of a cluster that says nothing now stay.
	in.Previous, in.Now = &first, t0.Add(time.Minute)
	a.Report.Events = []v1alpha1.Event{event("DriftRepaired", 2*time.Second)}
	in.Conditions[0] = condition(v1alpha1.ConditionHeld, false, "Followed", "")
	second := Object(in)
	equal(t, "events", reasons(second), "SpecInvalid@ DriftRepaired@a Released@ ")
	in.Previous, in.Members = &second, []Member{{Cluster: "a"}}
	equal(t, "silent cluster", reasons(Object(in)), "SpecInvalid@ DriftRepaired@a Released@ ")

	a.Report.Events = nil
	for i := range 50 {
		a.Report.Events = append(a.Report.Events, event(fmt.Sprint("E", i), time.Duration(i)*time.Minute))
	}
	in = input(a)
	st := Object(in)
	equal(t, "bounded", len(st.Events), maxEvents)
	equal(t, "the newest", st.Events[maxEvents-1].Reason, "E49")
}

func reasons(st v1alpha1.ObjectStatus) (s string) {
	for _, e := range st.Events {
		s += e.Reason + "@" + e.Cluster + " "
	}
	return s
}

func TestRepeatedEventIsCounted(t *testing.T) {
	e := v1alpha1.Event{Reason: "SpecVanished", Message: "m", Count: 1, Last: metav1.NewTime(t0)}
	again := e
	again.Last = metav1.NewTime(t0.Add(time.Minute))
	events := repeat([]v1alpha1.Event{e}, again)
	equal(t, "one event", len(events), 1)
	equal(t, "count", events[0].Count, 2)
	equal(t, "last", events[0].Last, again.Last)
}

// A plan tells why only of what it changed: what was said before stands.
func TestWhyIsKept(t *testing.T) {
	a := running("a", 5, 5)
	a.Why = "weight 1 of 2"
	in := input(a)
	in.Placement = "web"
	first := Object(in)
	equal(t, "said", first.Clusters[0].Why+" "+first.Placement, "weight 1 of 2 web")
	in.Members[0].Why, in.Previous = "", &first
	equal(t, "kept", Object(in).Clusters[0].Why, "weight 1 of 2")
	in.UID = "another"
	equal(t, "not for another object", Object(in).Clusters[0].Why, "")
}
