package lead

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
)

var errCorrupt = apierrors.NewInvalid(schema.GroupKind{Group: "test", Kind: "Object"}, "corrupt", nil)

// failing fails the calls that match.
func failing(err error, match func(call, about string) bool) func(call, about string) error {
	return func(call, about string) error {
		if match(call, about) {
			return err
		}
		return nil
	}
}

// settled is a bucket whose clusters hold one object and have reported it,
// under a leader that still runs.
func settled(t *testing.T, clusters ...string) (*bucket, *running) {
	t.Helper()
	b := newBucket(t, clusters...)
	b.put(c1, "x", ringing)
	r := lead(t, b, "one", 1)
	for range 4 {
		pass(10 * time.Second)
		b.beat(clusters...)
	}
	pass(2 * time.Second)
	return b, r
}

// unjoin strikes a cluster off once its status says that nothing remains.
func TestClusterHasNotLeftWhileItsShardIsUnread(t *testing.T) {
	for name, unreadable := range map[string]string{"revision": "Revision", "listing": "HeadRevision"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := settled(t, "a", "b")
				r.crash(t)
				before := b.statuses["b"]
				b.change("b", func(c *v1alpha1.Cluster) { c.Spec.Leaving = v1alpha1.LeavingDelete })
				b.setFail(failing(errAway, func(call, about string) bool { return call == unreadable && about[0] == 'b' }))
				r = lead(t, b, "two", 2)
				pass(3 * time.Second)
				st := b.statuses["b"]
				equal(t, "state", st.State, v1alpha1.ClusterLeaving)
				equal(t, "remaining", st.Remaining, 1)
				equal(t, "revision", st.Revision, before.Revision)
				equal(t, "objects", st.Objects, before.Objects)
				r.crash(t)
			})
		})
	}
}

func TestClusterThatCannotBeListedStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a", "b")
		r.crash(t)
		head := b.newest("b").Revision
		b.setFail(failing(errAway, func(call, about string) bool { return call == "HeadRevision" && about == "b" }))
		r = lead(t, b, "two", 2)
		pass(5 * time.Second)
		b.put(c2, "y", ringing)
		pass(5 * time.Second)
		equal(t, "a", b.shard("a"), c1+" "+c2+" ")
		equal(t, "b", b.newest("b").Revision, head)
		equal(t, "leader", b.fedStatus.Leader, "two")
		b.setFail(func(string, string) error { return nil })
		pass(time.Minute)
		equal(t, "b", b.shard("b"), c1+" "+c2+" ")
		r.crash(t)
	})
}

// A bucket that was put back must not be taken over because the first look at
// it failed.
func TestShardThatMayBeOlderIsNotTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		r.crash(t)
		head := b.newest("a").Revision
		b.locked(func() { hb := b.beats["a"]; hb.Revision += 5; b.beats["a"] = hb })
		failed := false
		b.setFail(failing(errAway, func(call, _ string) bool {
			first := call == "HeadRevision" && !failed
			failed = failed || first
			return first
		}))
		r = lead(t, b, "two", 2)
		pass(time.Minute)
		equal(t, "failed", failed, true)
		equal(t, "revision", b.newest("a").Revision, head)
		r.crash(t)
	})
}

// slowStore takes its time over a listing.
type slowStore struct{ *bucket }

func (s slowStore) HeadRevision(ctx context.Context, cluster string) (int64, error) {
	time.Sleep(100 * time.Millisecond)
	return s.bucket.HeadRevision(ctx, cluster)
}

func TestMembersAreCheckedSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b", "c", "d")
		a := newAggregator(newTerm(Config{Store: slowStore{b}, Snapshots: b, Lock: &lease{epoch: 1, left: time.Minute}}, 1))
		pl := planned{}
		for _, name := range []string{"a", "b", "c", "d"} {
			c := b.clusters[name]
			beat := &v1alpha1.Heartbeat{ClusterUID: c.UID, MemberUID: "m", Agent: "x", Revision: 1}
			_, seen := status.Judge(status.ClusterInput{Cluster: c, Beat: beat, Now: time.Now()})
			a.members[name] = &memberView{seen: seen}
			pl.clusters = append(pl.clusters, c)
		}
		start := time.Now()
		restored, unchecked := a.restored(t.Context(), pl)
		equal(t, "on the fake clock", time.Since(start), 100*time.Millisecond)
		equal(t, "restored", restored, "the agent of a has revision 1, the bucket's newest is 0: the bucket was restored from an earlier state")
		equal(t, "unchecked", len(unchecked), 0)
	})
}

// refuse lets a cluster's agent report its newest revision as corrupt.
func (b *bucket) refuse(name string) (revision int64) {
	b.locked(func() {
		revision = b.head(name).Revision
		report := b.reports[name]
		report.Refused = []v1alpha1.RefusedRevision{{Revision: revision, Reason: v1alpha1.ReasonCorruptRevision}}
		b.reports[name] = report
		hb := b.beats[name]
		hb.Report, hb.Sequence = fmt.Sprint("refused ", revision), hb.Sequence+1
		b.beats[name] = hb
	})
	return revision
}

func TestSupersedingACorruptRevisionIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a", "b")
		failed := false
		b.setFail(failing(errAway, func(call, _ string) bool {
			first := call == "AppendRevision" && !failed
			failed = failed || first
			return first
		}))
		head := b.refuse("a")
		b.locked(func() { clear(b.calls) })
		pass(5 * time.Second)
		equal(t, "failed", failed, true)
		equal(t, "revision", b.newest("a").Revision, head+1)

		// A second one has to wait, and costs nothing meanwhile.
		b.setFail(func(string, string) error { return nil })
		b.beat("a")
		pass(2 * time.Second)
		equal(t, "second", b.refuse("a"), head+1)
		pass(2 * time.Second)
		b.locked(func() { clear(b.calls) })
		pass(20 * time.Second)
		b.locked(func() {
			if n := b.calls["Snapshot"]; n > 2 {
				t.Errorf("%d passes in 20 s", n)
			}
		})
		equal(t, "waits", b.newest("a").Revision, head+1)
		pass(time.Minute + snapshotEvery)
		equal(t, "superseded", b.newest("a").Revision, head+2)
		r.crash(t)
	})
}

func TestAcknowledgementsDoNotShortenThePauseAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		b.put(c1, "deleted", ringing)
		pass(time.Second)
		b.setFail(failing(errAway, func(call, _ string) bool { return call == "AppendRevision" }))
		b.beat("a") // acknowledges the tombstone, which is to go now
		b.locked(func() { clear(b.calls) })
		pass(time.Minute)
		b.locked(func() {
			if n := b.calls["Snapshot"]; n > 12 {
				t.Errorf("%d passes in a minute", n)
			}
		})
		before := b.calls["AppendRevision"]
		b.put(c2, "y", ringing)
		pass(time.Second)
		equal(t, "the bell is heard", b.calls["AppendRevision"] > before, true)
		b.setFail(func(string, string) error { return nil })
		pass(lastPause)
		equal(t, "goes on", b.shard("a"), c2+" ")
		r.crash(t)
	})
}

func TestUselessReportIsReadOncePerHeartbeat(t *testing.T) {
	another := func(b *bucket) { r := b.reports["a"]; r.MemberUID = "other"; b.reports["a"] = r }
	for name, c := range map[string]struct {
		err   error
		spoil func(*bucket)
		want  int
	}{
		"corrupt":   {err: errCorrupt, want: 1},
		"too large": {err: apierrors.NewRequestEntityTooLargeError("report"), want: 1},
		"foreign":   {spoil: another, want: 1},
		"away":      {err: errAway, want: 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := settled(t, "a")
				b.put(c2, "y", ringing)
				pass(2 * time.Second)
				b.setFail(failing(c.err, func(call, _ string) bool { return call == "Report" }))
				b.beat("a")
				b.locked(func() {
					clear(b.calls)
					if c.spoil != nil {
						c.spoil(b)
					}
				})
				pass(5 * time.Second)
				equal(t, "reads", b.calls["Report"], c.want)
				b.setFail(func(string, string) error { return nil })
				b.beat("a")
				pass(3 * time.Second)
				st, _ := b.status(c2)
				equal(t, "put right", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionAvailable), true)
				r.crash(t)
			})
		})
	}
}

// A file that nobody can repair by hand must not stop planning, nor make
// every cluster a new one.
func TestCorruptVerdictsAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a", "b")
		r.crash(t)
		head := b.newest("a").Revision
		b.setFail(failing(errCorrupt, func(call, _ string) bool { return call == "Verdicts" }))
		r = lead(t, b, "two", 2)
		pass(2 * time.Second)
		equal(t, "still placed", b.shard("a"), c1+" ")
		equal(t, "only taken over", b.newest("a").Revision, head+1)
		equal(t, "bound", b.verdicts.Clusters["a"].MemberUID, "member-a")
		equal(t, "reported", b.verdicts.Clusters["a"].Reported, true)
		b.put(c2, "y", ringing)
		pass(2 * time.Second)
		equal(t, "planned", b.shard("a"), c1+" "+c2+" ")
		r.crash(t)
	})
}

func TestTermThatCannotBeginSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		r.crash(t)
		b.locked(func() { b.fedStatus.Held = []v1alpha1.HeldSpec{{Path: "p"}} })
		b.setFail(failing(errAway, func(call, _ string) bool { return call == "ObjectStatuses" }))
		r = lead(t, b, "two", 2)
		pass(5 * time.Second)
		planning := meta.FindStatusCondition(b.fedStatus.Conditions, v1alpha1.ConditionPlanning)
		equal(t, "reason", planning.Reason, v1alpha1.HaltBucket)
		equal(t, "message", planning.Message, "read object statuses: the bucket is away")
		equal(t, "held", len(b.fedStatus.Held), 1)
		b.setFail(func(string, string) error { return nil })
		pass(lastPause)
		equal(t, "planning", meta.IsStatusConditionTrue(b.fedStatus.Conditions, v1alpha1.ConditionPlanning), true)
		equal(t, "held", len(b.fedStatus.Held), 0)
		r.crash(t)
	})
}
