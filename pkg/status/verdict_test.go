package status

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func cluster(name string) v1alpha1.Cluster {
	c := v1alpha1.Cluster{}
	c.Name, c.UID = name, "uid"
	return c
}

// watch is a leader that looks at one cluster.
type watch struct {
	cluster v1alpha1.Cluster
	verdict v1alpha1.ClusterVerdict
	seen    Observation
	beat    *v1alpha1.Heartbeat
	now     time.Time
	blind   bool
}

func newWatch() *watch { return &watch{cluster: cluster("a"), now: t0} }

// look judges after so many seconds and prints the state.
func (w *watch) look(seconds int) v1alpha1.ClusterState {
	w.now = w.now.Add(time.Duration(seconds) * time.Second)
	w.verdict, w.seen = Judge(ClusterInput{Cluster: w.cluster, Beat: w.beat, Seen: w.seen, Previous: w.verdict, Blind: w.blind, Now: w.now})
	w.blind = false
	return w.verdict.State
}

func (w *watch) beats(sequence int64, member string) {
	w.beat = &v1alpha1.Heartbeat{ClusterUID: "uid", MemberUID: member, Agent: "agent-of-" + member, Sequence: sequence, Healthy: true,
		Interval: metav1.Duration{Duration: 10 * time.Second}}
}

// newLeader forgets what was observed and keeps what was concluded.
func (w *watch) newLeader() { w.seen = Observation{} }

func TestFreshAndStale(t *testing.T) {
	w := newWatch()
	equal(t, "nothing yet", w.look(0), v1alpha1.ClusterNever)
	w.beats(1, "m")
	equal(t, "first heartbeat while we look", w.look(1), v1alpha1.ClusterReady)
	equal(t, "bound", w.verdict.MemberUID, "m")
	equal(t, "29 s later", w.look(29), v1alpha1.ClusterReady)
	equal(t, "31 s later", w.look(2), v1alpha1.ClusterStale)
	equal(t, "since", w.verdict.Since, w.now)
	w.beats(2, "m")
	equal(t, "back", w.look(60), v1alpha1.ClusterReady)
	w.beats(1, "m")
	w.beat.Agent = "restarted"
	equal(t, "a restarted agent counts", w.look(29), v1alpha1.ClusterReady)
	equal(t, "and from then", w.look(30), v1alpha1.ClusterReady)
}

func TestNewLeaderJudgesByWhatItSees(t *testing.T) {
	w := newWatch()
	w.beats(7, "m")
	equal(t, "an old heartbeat at first sight", w.look(0), v1alpha1.ClusterNever)
	equal(t, "not fresh", w.seen.Fresh(), false)
	w.beats(8, "m")
	equal(t, "it changes", w.look(5), v1alpha1.ClusterReady)

	w.newLeader()
	equal(t, "as the last leader left it", w.look(1), v1alpha1.ClusterReady)
	equal(t, "but not fresh", w.seen.Fresh(), false)
	equal(t, "until patience ends", w.look(31), v1alpha1.ClusterStale)
	w.newLeader()
	equal(t, "stale stays stale", w.look(1), v1alpha1.ClusterStale)
	w.beats(9, "m")
	equal(t, "until it changes", w.look(1), v1alpha1.ClusterReady)
	equal(t, "fresh", w.seen.Fresh(), true)
}

func TestBlindTimeIsNotSilence(t *testing.T) {
	w := newWatch()
	w.look(0)
	w.beats(1, "m")
	w.look(1)
	w.blind = true
	equal(t, "after an outage of the bucket", w.look(120), v1alpha1.ClusterReady)
	equal(t, "patience begins anew", w.look(29), v1alpha1.ClusterReady)
	equal(t, "and ends", w.look(2), v1alpha1.ClusterStale)
}

func TestNameConflict(t *testing.T) {
	w := newWatch()
	w.look(0)
	w.beats(1, "m")
	w.look(1)
	w.beats(1, "other")
	equal(t, "both beat", w.look(1), v1alpha1.ClusterNotReady)
	equal(t, "still bound to", w.verdict.MemberUID, "m")
	other, conflict := w.seen.Conflict()
	equal(t, "conflict", fmt.Sprint(conflict, " ", other.MemberUID), "true other")
	for i := range int64(4) {
		w.beats(2+i, "other")
		w.look(10)
	}
	equal(t, "only the other beats", w.verdict.State, v1alpha1.ClusterStale)
	w.beats(2, "m")
	equal(t, "the right one is back", w.look(1), v1alpha1.ClusterNotReady)
	w.beats(3, "m")
	w.look(20)
	w.beats(4, "m")
	equal(t, "the other was silenced", w.look(20), v1alpha1.ClusterReady)
	_, conflict = w.seen.Conflict()
	equal(t, "conflict", conflict, false)
}

func TestFormerMemberOfTheNameDoesNotCount(t *testing.T) {
	w := newWatch()
	w.look(0)
	w.beats(1, "m")
	w.look(1)
	w.cluster.UID = "joined anew"
	w.seen = Observation{}
	w.beats(2, "m")
	equal(t, "state", w.look(5), v1alpha1.ClusterNever)
	equal(t, "binding", w.verdict.MemberUID, "")
}

func TestJoinBindsTheMember(t *testing.T) {
	w := newWatch()
	w.cluster.Spec.MemberUID = "m"
	w.look(0)
	w.beats(1, "another")
	equal(t, "another's heartbeat", w.look(1), v1alpha1.ClusterNever)
	w.beats(1, "m")
	equal(t, "its own", w.look(1), v1alpha1.ClusterNotReady) // the other has only just beaten
}

func TestStatePrecedence(t *testing.T) {
	w := newWatch()
	w.look(0)
	w.beats(1, "m")
	w.beat.Healthy = false
	equal(t, "API server away", w.look(1), v1alpha1.ClusterNotReady)
	equal(t, "stale before not ready", w.look(31), v1alpha1.ClusterStale)
	w.cluster.Spec.Cordoned = true
	equal(t, "cordoned before stale", w.look(1), v1alpha1.ClusterCordoned)
	equal(t, "and stale all the same", w.verdict.Stale, true)
	w.cluster.Spec.Leaving = v1alpha1.LeavingDelete
	equal(t, "leaving before cordoned", w.look(1), v1alpha1.ClusterLeaving)
}

func TestIntervalIsBounded(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Millisecond: 3 * time.Second,
		time.Hour: 90 * time.Second, 5 * time.Second: 15 * time.Second, -time.Second: 30 * time.Second} {
		got := patience(v1alpha1.Heartbeat{Interval: metav1.Duration{Duration: interval}})
		equal(t, interval.String(), got, want)
	}
}

func TestCounts(t *testing.T) {
	c, v := cluster("a"), v1alpha1.ClusterVerdict{MemberUID: "m"}
	for _, x := range []struct {
		report *v1alpha1.Report
		want   bool
	}{
		{nil, false},
		{&v1alpha1.Report{ClusterUID: "uid", MemberUID: "m"}, true},
		{&v1alpha1.Report{ClusterUID: "uid", MemberUID: "other"}, false},
		{&v1alpha1.Report{ClusterUID: "other", MemberUID: "m"}, false},
	} {
		equal(t, fmt.Sprintf("%+v", x.report), Counts(x.report, c, v), x.want)
	}
	equal(t, "unbound", Counts(&v1alpha1.Report{ClusterUID: "uid"}, c, v1alpha1.ClusterVerdict{}), false)
}

func TestFrozen(t *testing.T) {
	cases := []struct {
		stale, fresh, never, lost int
		want                      bool
	}{
		{0, 5, 0, 0, false},
		{1, 1, 0, 0, false}, // half, but only one
		{2, 2, 0, 0, true},
		{2, 3, 0, 0, false},
		{3, 2, 0, 0, true},
		{2, 2, 5, 0, true}, // who never reported does not count
		{2, 3, 0, 3, false},
		{2, 0, 0, 0, true},
	}
	for _, c := range cases {
		var clusters []v1alpha1.Cluster
		verdicts := map[string]v1alpha1.ClusterVerdict{}
		add := func(n int, v v1alpha1.ClusterVerdict, lost bool) {
			for range n {
				x := cluster(fmt.Sprint(len(clusters)))
				x.Spec.Lost = lost
				v.UID = x.UID
				clusters, verdicts[x.Name] = append(clusters, x), v
			}
		}
		add(c.stale, v1alpha1.ClusterVerdict{Reported: true, Stale: true}, false)
		add(c.fresh, v1alpha1.ClusterVerdict{Reported: true}, false)
		add(c.never, v1alpha1.ClusterVerdict{}, false)
		add(c.lost, v1alpha1.ClusterVerdict{Reported: true, Stale: true}, true)
		if _, _, got := Frozen(clusters, verdicts); got != c.want {
			t.Errorf("%+v: frozen %v", c, got)
		}
	}
}

func TestRecall(t *testing.T) {
	w := newWatch()
	w.look(0)
	equal(t, "never", Recall(map[string]v1alpha1.ClusterStatus{"c": statusOf(w, nil)})["c"].Reported, false)
	w.beats(1, "m")
	w.look(1)
	for _, seconds := range []int{0, 60} {
		w.look(seconds)
		v := Recall(map[string]v1alpha1.ClusterStatus{"c": statusOf(w, nil)})["c"]
		equal(t, "uid", v.UID, w.verdict.UID)
		equal(t, "member", v.MemberUID, "m")
		equal(t, "state", v.State, w.verdict.State)
		equal(t, "reported", v.Reported, true)
		equal(t, "stale", v.Stale, seconds == 60)
	}
}
