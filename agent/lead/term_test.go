package lead

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	c1 = "default/configmaps/one"
	c2 = "default/configmaps/two"
)

// running is a term that runs in the background.
type running struct {
	lease *lease
	stop  context.CancelFunc
	done  chan error
}

func lead(t *testing.T, b *bucket, identity string, epoch int64) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{lease: &lease{identity: identity, epoch: epoch, left: 15 * time.Second}, stop: cancel, done: make(chan error, 1)}
	cfg := Config{Cluster: "a", Lock: r.lease, Snapshots: b, Store: b, Decode: decode}
	go func() { r.done <- newTerm(cfg, epoch).run(ctx) }()
	return r
}

// crash ends the term as a killed process would: at once.
func (r *running) crash(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("term ended: %v", err)
	}
}

// pass lets so much time pass on the fake clock.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func TestSpecReachesEveryShardAndItsStatusComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b")
		r := lead(t, b, "one", 1)
		pass(time.Second)
		b.put(c1, "x", ringing)
		pass(300 * time.Millisecond)
		equal(t, "a", b.shard("a"), c1+" ")
		equal(t, "b", b.shard("b"), c1+" ")
		b.beat("a", "b")
		pass(1200 * time.Millisecond)
		st, _ := b.status(c1)
		equal(t, "available", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionAvailable), true)
		equal(t, "uid", st.UID, b.newest("a").Objects[0].UID)
		equal(t, "cluster", b.statuses["a"].State, v1alpha1.ClusterReady)
		equal(t, "bound", b.statuses["a"].MemberUID, "member-a")
		equal(t, "previous", b.newest("a").Previous, "sha-a-1")
		equal(t, "leader", b.fedStatus.Leader, "one")
		r.crash(t)
	})
}

func TestIdleLeaderWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		for range 6 {
			b.beat("a")
			pass(10 * time.Second)
		}
		b.locked(func() { clear(b.calls) })
		for range 3 {
			pass(10 * time.Second)
			b.beat("a")
		}
		b.locked(func() {
			for _, call := range []string{"AppendRevision", "PutObjectStatus", "PutVerdicts", "PutFederationStatus", "Report"} {
				equal(t, call, b.calls[call], 0)
			}
			if b.calls["Snapshot"] > 2 {
				t.Errorf("%d snapshots in half a minute", b.calls["Snapshot"])
			}
		})
		r.crash(t)
	})
}

func TestYoungSpecWaitsUnlessTheBellNamesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		r := lead(t, b, "one", 1)
		pass(time.Second)
		b.put(c1, "copied", silently)
		b.put(c2, "named", ringing)
		pass(300 * time.Millisecond)
		equal(t, "only the named", b.shard("a"), c2+" ")
		pass(2 * time.Second)
		equal(t, "both", b.shard("a"), c1+" "+c2+" ")
		b.put(c1, "changed", silently)
		b.locked(func() { b.ring(nil) })
		pass(300 * time.Millisecond)
		equal(t, "as it was", string(b.newest("a").Objects[0].Manifest),
			`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"labels":{"body":"copied"},"name":"one","namespace":"default"}}`)
		equal(t, "nothing is held", len(b.fedStatus.Held), 0)
		pass(2 * time.Second)
		equal(t, "followed", string(b.newest("a").Objects[0].Manifest),
			`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"labels":{"body":"changed"},"name":"one","namespace":"default"}}`)
		r.crash(t)
	})
}

func TestBucketClockAheadDelaysNoMoreThanTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		r := lead(t, b, "one", 1)
		pass(time.Second)
		b.put(c1, "x", silently)
		b.locked(func() {
			s := b.specs[key(c1)]
			s.Updated = time.Now().Add(time.Hour)
			b.specs[key(c1)] = s
			b.ring(nil)
		})
		pass(2500 * time.Millisecond)
		equal(t, "shard", b.shard("a"), c1+" ")
		r.crash(t)
	})
}

// A leader that dies between a shard and the status leaves the uid in the
// shard; one that dies before any shard leaves it to be derived again.
func TestCrashKeepsUIDs(t *testing.T) {
	for name, failing := range map[string]string{"before the status": "PutObjectStatus", "before the second shard": "b"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBucket(t, "a", "b")
				b.setFail(func(call, about string) error {
					if call == failing || call == "AppendRevision" && about == failing {
						return errAway
					}
					return nil
				})
				r := lead(t, b, "one", 1)
				pass(time.Second)
				b.put(c1, "x", ringing)
				pass(time.Second)
				uid := b.newest("a").Objects[0].UID
				r.crash(t)
				b.setFail(func(string, string) error { return nil })
				b.put(c1, "edited meanwhile", ringing)
				r = lead(t, b, "two", 2)
				pass(5 * time.Second)
				equal(t, "a", b.newest("a").Objects[0].UID, uid)
				equal(t, "b", b.newest("b").Objects[0].UID, uid)
				st, _ := b.status(c1)
				equal(t, "status", st.UID, uid)
				r.crash(t)
			})
		})
	}
}

func TestNewLeaderSupersedesEveryHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		pass(5 * time.Second)
		before := b.newest("a").Revision
		r.crash(t)
		r = lead(t, b, "two", 2)
		pass(time.Second)
		for _, c := range []string{"a", "b"} {
			head := b.newest(c)
			equal(t, "epoch", head.Epoch, 2)
			equal(t, "revision", head.Revision, before+1)
			equal(t, "same objects", b.shard(c), c1+" ")
		}
		r.crash(t)
	})
}

// A leader that was stopped past its lease and goes on loses its append and
// ends its term.
func TestStaleLeaderLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		b.put(c1, "x", ringing)
		stale := lead(t, b, "one", 1)
		pass(5 * time.Second)
		other := lead(t, b, "two", 2)
		pass(time.Second)
		head := b.newest("a").Revision
		b.put(c2, "y", ringing) // both see it; both believe in their lease
		pass(10 * time.Second)
		select {
		case err := <-stale.done:
			equal(t, "reason", errors.Is(err, errSuperseded), true)
		default:
			t.Error("the stale leader goes on")
		}
		equal(t, "epoch", b.newest("a").Epoch, 2)
		equal(t, "objects", b.shard("a"), c1+" "+c2+" ")
		equal(t, "revisions", b.newest("a").Revision, head+1)
		other.crash(t)
	})
}

func TestNothingIsWrittenWithoutTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		r := lead(t, b, "one", 1)
		pass(3 * time.Second)
		r.lease.lose()
		b.locked(func() { clear(b.calls) })
		b.put(c1, "x", ringing)
		b.beat("a")
		pass(10 * time.Second)
		b.locked(func() {
			for _, call := range []string{"AppendRevision", "PutObjectStatus", "PutClusterStatus", "PutVerdicts", "PutFederationStatus"} {
				equal(t, call, b.calls[call], 0)
			}
		})
		r.crash(t)
	})
}

func TestFailingBucketDeletesNothing(t *testing.T) {
	forbidden := apierrors.NewForbidden(res, "", errors.New("403"))
	for name, failure := range map[string]error{"away": errAway, "forbidden": forbidden} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBucket(t, "a", "b")
				b.put(c1, "x", ringing)
				r := lead(t, b, "one", 1)
				b.beat("a", "b")
				pass(2 * time.Second)
				b.beat("a", "b")
				pass(2 * time.Second)
				before := b.newest("a").Revision
				b.setFail(func(call, _ string) error {
					if call == "Snapshot" || call == "Heartbeats" || call == "Listen" {
						return failure
					}
					return nil
				})
				pass(45 * time.Second)
				equal(t, "shard", b.shard("a"), c1+" ")
				equal(t, "planning", meta.FindStatusCondition(b.fedStatus.Conditions, v1alpha1.ConditionPlanning).Reason, v1alpha1.HaltBucket)
				b.setFail(func(string, string) error { return nil })
				pass(20 * time.Second)
				equal(t, "revision", b.newest("a").Revision, before)
				equal(t, "no cluster is found silent", b.statuses["a"].State, v1alpha1.ClusterReady)
				b.beat("a", "b")
				b.put(c2, "y", ringing)
				pass(35 * time.Second)
				equal(t, "goes on", b.shard("a"), c1+" "+c2+" ")
				equal(t, "planning", meta.IsStatusConditionTrue(b.fedStatus.Conditions, v1alpha1.ConditionPlanning), true)
				r.crash(t)
			})
		})
	}
}

func TestUnreadSpecStaysPlaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		b.put(c1, "x", ringing)
		b.put(c2, "y", ringing)
		r := lead(t, b, "one", 1)
		pass(5 * time.Second)
		b.setFail(func(call, about string) error {
			if call == "Spec" && about == c1 {
				return errAway
			}
			return nil
		})
		b.put(c2, "z", ringing)
		pass(time.Second)
		equal(t, "shard", b.shard("a"), c1+" "+c2+" ")
		equal(t, "nothing held", len(b.fedStatus.Held), 0)
		r.crash(t)
	})
}

func TestCorruptAndVanishedSpecsAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		b.put(c1, "x", ringing)
		b.put(c2, "y", ringing)
		r := lead(t, b, "one", 1)
		pass(5 * time.Second)
		head := b.newest("a").Revision
		b.put(c1, "corrupt", ringing)
		b.locked(func() { delete(b.specs, key(c2)) })
		pass(3 * time.Second)
		equal(t, "revision", b.newest("a").Revision, head)
		equal(t, "held", len(b.fedStatus.Held), 2)
		equal(t, "corrupt", b.fedStatus.Held[0].Reason, v1alpha1.HeldCorrupt)
		equal(t, "vanished", b.fedStatus.Held[1].Reason, v1alpha1.HeldVanished)
		st, _ := b.status(c2)
		equal(t, "condition", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionHeld), true)

		b.locked(func() {
			b.requests["r"] = v1alpha1.Request{ID: "r", Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key(c2)}}
			b.ring(nil)
		})
		b.beat("a")
		pass(2 * time.Second)
		equal(t, "confirmed", b.shard("a"), c1+" -"+c2+" ")
		b.beat("a")
		pass(2 * time.Second)
		equal(t, "gone", b.shard("a"), c1+" ")
		equal(t, "answered", len(b.requests), 0)
		_, there := b.status(c2)
		equal(t, "status", there, false)
		r.crash(t)
	})
}

func TestDeleteRunsItsCourse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		for range 3 {
			b.beat("a", "b")
			pass(2 * time.Second)
		}
		old := b.newest("a").Objects[0].UID
		b.put(c1, "deleted", ringing)
		pass(time.Second)
		equal(t, "tombstone", b.shard("a"), "-"+c1+" ")
		b.beat("a")
		pass(2 * time.Second)
		equal(t, "acknowledged", b.shard("a"), "")
		equal(t, "spec stays", len(b.specs), 1)
		st, _ := b.status(c1)
		equal(t, "deleting", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionDeleting), true)
		b.beat("b")
		pass(4 * time.Second)
		equal(t, "spec goes", len(b.specs), 0)
		_, there := b.status(c1)
		equal(t, "status goes", there, false)
		b.put(c1, "again", ringing)
		pass(2 * time.Second)
		equal(t, "created again", b.shard("a"), c1+" ")
		equal(t, "another uid", b.newest("a").Objects[0].UID != old, true)
		st, _ = b.status(c1)
		equal(t, "status uid", st.UID, b.newest("a").Objects[0].UID)
		equal(t, "status generation", st.Generation, 1)
		r.crash(t)
	})
}

// An acknowledgement that an agent repeats from before says nothing of a
// tombstone that came later.
func TestOldAcknowledgementDoesNotCount(t *testing.T) {
	h := head{revision: 9, buried: 8}
	a := acknowledged{revision: 7, objects: map[v1alpha1.GoneObject]bool{{Key: key(c1), UID: "u"}: true}}
	equal(t, "before", len(h.acknowledgedBy(a)), 0)
	a.revision = 8
	equal(t, "since", len(h.acknowledgedBy(a)), 1)
}

func TestOneClusterThatCannotBeWrittenBlocksNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b")
		r := lead(t, b, "one", 1)
		pass(3 * time.Second)
		b.setFail(func(call, about string) error {
			if call == "AppendRevision" && about == "a" {
				return apierrors.NewForbidden(res, about, errors.New("403"))
			}
			return nil
		})
		b.put(c1, "x", ringing)
		pass(2 * time.Second)
		equal(t, "b", b.shard("b"), c1+" ")
		equal(t, "a", b.shard("a"), "")
		b.setFail(func(string, string) error { return nil })
		pass(time.Minute)
		equal(t, "a", b.shard("a"), c1+" ")
		r.crash(t)
	})
}

func TestCorruptHeadIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		pass(5 * time.Second)
		b.put(c2, "y", ringing)
		pass(time.Second)
		bad := b.newest("a").Revision
		r.crash(t)
		b.setFail(func(call, about string) error {
			if call == "Revision" && about == fmt.Sprintf("a/%d", bad) {
				return apierrors.NewInvalid(res.WithVersion("v1").GroupVersion().WithKind("Shard").GroupKind(), about, nil)
			}
			return nil
		})
		r = lead(t, b, "two", 2)
		pass(3 * time.Second)
		equal(t, "shard", b.shard("a"), c1+" "+c2+" ")
		equal(t, "no predecessor is named that cannot be read", b.shards["a"][bad+1].Previous, "")
		r.crash(t)
	})
}

func TestCorruptRevisionReportedByAnAgentIsSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		b.beat("a")
		pass(5 * time.Second)
		b.beat("a")
		pass(2 * time.Second)
		head := b.newest("a").Revision
		b.locked(func() {
			rep := b.reports["a"]
			rep.Refused = []v1alpha1.RefusedRevision{{Revision: head, Reason: v1alpha1.ReasonCorruptRevision}}
			b.reports["a"] = rep
			hb := b.beats["a"]
			hb.Report, hb.Sequence = "refused", hb.Sequence+1
			b.beats["a"] = hb
		})
		pass(3 * time.Second)
		equal(t, "revision", b.newest("a").Revision, head+1)
		equal(t, "objects", b.shard("a"), c1+" ")
		pass(3 * time.Minute)
		equal(t, "once", b.newest("a").Revision, head+1)
		r.crash(t)
	})
}

func TestRestoredBucketStopsPlanning(t *testing.T) {
	for name, ahead := range map[string]func(*v1alpha1.Heartbeat){
		"revision": func(h *v1alpha1.Heartbeat) { h.Revision += 5 },
		"epoch":    func(h *v1alpha1.Heartbeat) { h.Epoch += 5 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBucket(t, "a")
				b.put(c1, "x", ringing)
				r := lead(t, b, "one", 1)
				pass(5 * time.Second)
				b.beat("a")
				pass(2 * time.Second)
				r.crash(t)
				head := b.newest("a").Revision
				b.locked(func() { hb := b.beats["a"]; ahead(&hb); b.beats["a"] = hb })
				r = lead(t, b, "two", 2)
				b.put(c2, "y", ringing)
				pass(40 * time.Second)
				equal(t, "nothing is appended", b.newest("a").Revision, head)
				planning := meta.FindStatusCondition(b.fedStatus.Conditions, v1alpha1.ConditionPlanning)
				equal(t, "planning", planning.Reason, v1alpha1.HaltRestored)
				equal(t, "what to do", strings.Contains(planning.Message, "until the newer objects under shards/<cluster>/ are brought back"), true)
				equal(t, "names the command", strings.Contains(planning.Message, "kubectl fed recover --accept-restore"), true)
				b.beat("a") // back to what the bucket knows
				pass(5 * time.Second)
				equal(t, "goes on", b.shard("a"), c1+" "+c2+" ")
				r.crash(t)
			})
		})
	}
}

func TestPruning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a")
		r := lead(t, b, "one", 1)
		pass(time.Second)
		for i := range 12 {
			b.put(c1, time.Duration(i).String(), ringing)
			pass(time.Second)
		}
		b.locked(func() {
			if n := len(b.shards["a"]); n < 4 || n > 6 {
				t.Errorf("%d revisions are left", n)
			}
		})
		r.crash(t)
	})
}

func TestDepartedClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "left", "lost")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		b.beat("a", "left", "lost")
		pass(3 * time.Second)
		b.change("left", func(c *v1alpha1.Cluster) { c.Spec.Leaving = v1alpha1.LeavingOrphan })
		b.locked(func() { b.ring(nil) })
		pass(2 * time.Second)
		b.beat("left")
		pass(2 * time.Second)
		equal(t, "remaining", b.statuses["left"].Remaining, 0)
		b.locked(func() {
			delete(b.clusters, "left")
			delete(b.clusters, "lost")
			b.ring(nil)
		})
		pass(time.Second)
		equal(t, "unjoined", b.shard("left"), "none")
		equal(t, "merely missing", b.shard("lost"), c1+" ")
		pass(12 * time.Minute)
		equal(t, "missing for long", b.shard("lost"), "none")
		b.locked(func() { delete(b.clusters, "a"); b.ring(nil) })
		pass(30 * time.Minute)
		equal(t, "an empty roster says nothing", b.shard("a"), c1+" ")
		r.crash(t)
	})
}

func TestStaleClusterAndNameConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		for range 4 {
			pass(5 * time.Second)
			b.beat("a", "b")
		}
		for range 8 {
			pass(5 * time.Second)
			b.beat("a")
		}
		equal(t, "b", b.statuses["b"].State, v1alpha1.ClusterStale)
		equal(t, "a", b.statuses["a"].State, v1alpha1.ClusterReady)
		st, _ := b.status(c1)
		equal(t, "rows", st.Clusters[1].Stale, true)
		b.locked(func() {
			hb := b.beats["a"]
			hb.MemberUID, hb.Agent = "somebody else", "another agent"
			b.beats["a"] = hb
			b.reports["a"] = v1alpha1.Report{Cluster: "a", ClusterUID: "uid-of-a", MemberUID: "somebody else"}
		})
		pass(2 * time.Second)
		equal(t, "conflict", meta.IsStatusConditionTrue(b.statuses["a"].Conditions, v1alpha1.ConditionNameConflict), true)
		equal(t, "state", b.statuses["a"].State, v1alpha1.ClusterNotReady)
		st, _ = b.status(c1)
		equal(t, "its report does not count", st.Clusters[0].Health, v1alpha1.HealthCurrent)
		r.crash(t)
	})
}
