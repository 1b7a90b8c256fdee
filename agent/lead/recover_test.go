package lead

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// ask stores a request and rings.
func (b *bucket) ask(r v1alpha1.Request) {
	b.locked(func() { b.requests[r.ID] = r; b.ring(nil) })
}

func (b *bucket) asked() (n int) {
	b.locked(func() { n = len(b.requests) })
	return n
}

// edit changes a cluster's heartbeat, which counts as another one.
func (b *bucket) edit(name string, change func(*v1alpha1.Heartbeat)) {
	b.locked(func() {
		hb := b.beats[name]
		hb.Sequence++
		change(&hb)
		b.beats[name] = hb
	})
}

func (b *bucket) clusterStatus(name string) (st v1alpha1.ClusterStatus) {
	b.locked(func() { st = b.statuses[name] })
	return st
}

func conditionOf(st v1alpha1.ClusterStatus, kind string) metav1.Condition {
	if c := meta.FindStatusCondition(st.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func TestAcceptedRestoreLeapsOverWhatMembersHaveSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "silent")
		b.put(c1, "x", ringing)
		r := lead(t, b, "one", 1)
		pass(5 * time.Second)
		b.beat("a", "silent")
		pass(5 * time.Second)
		b.beat("a", "silent")
		pass(5 * time.Second)
		r.crash(t)
		ahead := func(h *v1alpha1.Heartbeat) { h.Revision, h.Epoch = 40, 7 }
		head, silent := b.newest("a").Revision, b.newest("silent").Revision
		// The bucket was restored. Too low an epoch ends the term.
		r = lead(t, b, "two", 2)
		b.edit("a", ahead)
		pass(5 * time.Second)
		b.edit("a", ahead)
		pass(5 * time.Second)
		equal(t, "halted", b.newest("a").Revision, head)
		b.ask(v1alpha1.Request{ID: "r", Type: v1alpha1.RequestAcceptRestore, Author: "me"})
		pass(5 * time.Second)
		equal(t, "not before the silent one is known to be silent", b.newest("a").Revision, head)
		b.edit("a", ahead)
		pass(20 * time.Second)
		b.edit("a", ahead)
		if err := <-r.done; !errors.Is(err, errRaised) {
			t.Fatalf("the term ended with %v", err)
		}
		equal(t, "raised above", r.lease.raised, 7)
		equal(t, "the request waits", b.asked(), 1)

		r = lead(t, b, "two", 9)
		for range 8 {
			pass(5 * time.Second)
			if b.newest("a").Revision == head {
				b.edit("a", ahead)
			}
		}
		newest := b.newest("a")
		equal(t, "a goes on at", newest.Revision, 41)
		equal(t, "epoch", newest.Epoch, 9)
		equal(t, "accepts", newest.Accept, v1alpha1.AcceptRestore)
		equal(t, "follows none", newest.Previous, "")
		equal(t, "what is in it", b.shard("a"), c1+" ")
		equal(t, "nobody knows how far this one was", b.newest("silent").Revision, silent+leap+1)
		equal(t, "answered", b.asked(), 0)
		b.beat("a", "silent")
		b.put(c2, "y", ringing)
		pass(5 * time.Second)
		equal(t, "planning goes on", b.shard("a"), c1+" "+c2+" ")
		equal(t, "accepted once", b.newest("a").Accept, v1alpha1.AcceptMode(""))
		equal(t, "planning", meta.IsStatusConditionTrue(b.fedStatus.Conditions, v1alpha1.ConditionPlanning), true)
		r.crash(t)
	})
}

func TestRequestsThatAreAboutNothingAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		before := b.newest("a").Revision
		for id, q := range map[string]v1alpha1.Request{
			"1": {Type: v1alpha1.RequestAcceptRestore},
			"2": {Type: v1alpha1.RequestAcceptMember, Cluster: "a"},
			"3": {Type: v1alpha1.RequestAcceptMember, Cluster: "nobody"},
			"4": {Type: v1alpha1.RequestRebind, Cluster: "nobody", MemberUID: "m"},
			"5": {Type: v1alpha1.RequestRebind, Cluster: "a"},
			"6": {Type: v1alpha1.RequestRebind, Cluster: "a", MemberUID: "m", UIDs: []types.UID{"an earlier life"}},
		} {
			q.ID = id
			b.ask(q)
		}
		pass(5 * time.Second)
		equal(t, "left", b.asked(), 0)
		equal(t, "revision", b.newest("a").Revision, before)
		equal(t, "bound to", b.clusterStatus("a").MemberUID, "member-a")
		r.crash(t)
	})
}

func TestRestoredMemberIsShownAndAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		wait := func(h *v1alpha1.Heartbeat) { h.Waiting = v1alpha1.ReasonMemberRestored }
		b.edit("a", wait)
		pass(5 * time.Second)
		st := b.clusterStatus("a")
		equal(t, "state", st.State, v1alpha1.ClusterNotReady)
		c := conditionOf(st, v1alpha1.ConditionMemberRestored)
		equal(t, "condition", c.Status, metav1.ConditionTrue)
		equal(t, "the way out", strings.Contains(c.Message, "kubectl fed recover cluster a --accept-member"), true)
		before := b.newest("a")
		b.ask(v1alpha1.Request{ID: "r", Type: v1alpha1.RequestAcceptMember, Cluster: "a"})
		pass(3 * time.Second)
		after := b.newest("a")
		equal(t, "revision", after.Revision, before.Revision+1)
		equal(t, "accepts", after.Accept, v1alpha1.AcceptMember)
		equal(t, "answered", b.asked(), 0)
		b.beat("a")
		pass(5 * time.Second)
		st = b.clusterStatus("a")
		equal(t, "state", st.State, v1alpha1.ClusterReady)
		equal(t, "condition", conditionOf(st, v1alpha1.ConditionMemberRestored), metav1.Condition{})
		b.put(c2, "y", ringing)
		pass(3 * time.Second)
		equal(t, "said once", b.newest("a").Accept, v1alpha1.AcceptMode(""))
		r.crash(t)
	})
}

func TestOneMemberUnderTwoNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "old", "new")
		b.locked(func() {
			hb := b.beats["new"]
			delete(b.beats, "new")
			_ = hb
		})
		r.crash(t)
		b.locked(func() {
			c := b.clusters["new"]
			c.UID = "joined anew"
			b.clusters["new"] = c
		})
		r = lead(t, b, "two", 2)
		pass(3 * time.Second)
		renamed := func() {
			for range 3 {
				b.locked(func() {
					hb := b.beats["old"]
					hb.Sequence += 100
					hb.Cluster, hb.ClusterUID = "new", "joined anew"
					hb.Sequence += b.beats["new"].Sequence
					b.beats["new"] = hb
				})
				pass(4 * time.Second)
			}
		}
		renamed()
		st := b.clusterStatus("new")
		equal(t, "bound to", st.MemberUID, "")
		c := conditionOf(st, v1alpha1.ConditionNameConflict)
		equal(t, "reason", c.Reason, v1alpha1.ReasonMemberBoundElsewhere)
		equal(t, "names the other", strings.Contains(c.Message, "as old"), true)
		if st.Claim == nil || st.Claim.MemberUID != "member-old" || st.Claim.BoundTo != "old" {
			t.Fatalf("claim %+v", st.Claim)
		}
		b.change("old", func(c *v1alpha1.Cluster) { c.Spec.Cordoned, c.Spec.Lost = true, true })
		b.ask(v1alpha1.Request{ID: "r", Type: v1alpha1.RequestRebind, Cluster: "new", MemberUID: "member-old"})
		pass(3 * time.Second)
		renamed()
		equal(t, "answered", b.asked(), 0)
		equal(t, "bound to", b.clusterStatus("new").MemberUID, "member-old")
		equal(t, "the old name", b.clusterStatus("old").MemberUID, "")
		equal(t, "conflict", conditionOf(b.clusterStatus("new"), v1alpha1.ConditionNameConflict).Status, metav1.ConditionFalse)
		// The old name's agent comes back: it is the one that is refused now.
		b.beat("old")
		pass(4 * time.Second)
		b.beat("old")
		pass(4 * time.Second)
		equal(t, "the old name", conditionOf(b.clusterStatus("old"), v1alpha1.ConditionNameConflict).Reason, v1alpha1.ReasonMemberBoundElsewhere)
		r.crash(t)
	})
}

func TestRebuiltClusterAsksForItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		claiming := func(n int64) {
			b.locked(func() {
				b.claims["a"] = v1alpha1.Heartbeat{Cluster: "a", ClusterUID: b.clusters["a"].UID, MemberUID: "rebuilt", Agent: "x", Sequence: n,
					Waiting: v1alpha1.ReasonNameTaken}
			})
			pass(10 * time.Second)
		}
		claiming(1)
		equal(t, "one that may be old", b.clusterStatus("a").Claim, nil)
		claiming(2)
		st := b.clusterStatus("a")
		if st.Claim == nil || st.Claim.MemberUID != "rebuilt" {
			t.Fatalf("claim %+v", st.Claim)
		}
		c := conditionOf(st, v1alpha1.ConditionNameConflict)
		equal(t, "the way out", strings.Contains(c.Message, "kubectl fed recover cluster a --rebind"), true)
		b.ask(v1alpha1.Request{ID: "r", Type: v1alpha1.RequestRebind, Cluster: "a", MemberUID: "rebuilt"})
		pass(5 * time.Second)
		equal(t, "answered", b.asked(), 0)
		equal(t, "kept for the next leader", b.verdicts.Clusters["a"].MemberUID, "rebuilt")
		equal(t, "conflict", conditionOf(b.clusterStatus("a"), v1alpha1.ConditionNameConflict).Status, metav1.ConditionFalse)
		r.crash(t)
	})
}

func TestForeignRevisionIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a")
		before := b.newest("a")
		b.locked(func() {
			foreign := before
			foreign.Revision, foreign.Epoch, foreign.FederationUID, foreign.Objects = before.Revision+1, 99, "another", nil
			b.shards["a"][foreign.Revision] = &foreign
			report := b.reports["a"]
			report.Refused = []v1alpha1.RefusedRevision{{Revision: foreign.Revision, Reason: v1alpha1.ReasonForeignRevision, Message: "it is of federation another"}}
			b.reports["a"] = report
			hb := b.beats["a"]
			hb.Sequence, hb.Report = hb.Sequence+1, "with a refusal"
			b.beats["a"] = hb
		})
		pass(8 * time.Second)
		equal(t, "reported", conditionOf(b.clusterStatus("a"), v1alpha1.ConditionRefused).Reason, v1alpha1.ReasonForeignRevision)
		after := b.newest("a")
		equal(t, "revision", after.Revision, before.Revision+2)
		equal(t, "epoch", after.Epoch, before.Epoch)
		equal(t, "what is in it", b.shard("a"), c1+" ")
		pass(2 * time.Minute)
		equal(t, "once", b.newest("a").Revision, before.Revision+2)
		r.crash(t)
	})
}

func TestBucketThatGoesBackUnderItsLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := settled(t, "a", "b")
		yesterday := map[string]v1alpha1.Shard{"a": b.newest("a"), "b": b.newest("b")}
		for range 3 {
			b.put(c2, time.Now().String(), ringing)
			pass(time.Second)
		}
		b.beat("a", "b")
		pass(2 * time.Second)
		seen := b.newest("a").Revision
		b.locked(func() {
			for name, s := range yesterday {
				for n := range b.shards[name] {
					if n > s.Revision {
						delete(b.shards[name], n)
					}
				}
			}
			b.beats["a"], b.beats["b"] = v1alpha1.Heartbeat{}, v1alpha1.Heartbeat{}
			delete(b.specs, key(c2))
			b.ring(nil)
		})
		if err := <-r.done; !errors.Is(err, errRewound) {
			t.Fatalf("the term ended with %v", err)
		}
		equal(t, "nothing was planned", b.newest("a").Revision, yesterday["a"].Revision)
		// The next term of the same process waits for who answers.
		b.locked(func() {
			for name := range yesterday {
				b.beats[name] = v1alpha1.Heartbeat{Cluster: name, ClusterUID: b.clusters[name].UID, MemberUID: "member-" + name, Agent: "agent",
					Sequence: 1, Revision: yesterday[name].Revision, Epoch: 1, Interval: metav1.Duration{Duration: 10 * time.Second}}
			}
		})
		next := newTerm(Config{Cluster: "a", Lock: r.lease, Snapshots: b, Store: b, Decode: decode}, 2)
		next.last.set("a", seen)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- next.run(ctx) }()
		pass(8 * time.Second)
		equal(t, "waits", b.newest("a").Revision, yesterday["a"].Revision)
		b.edit("a", func(h *v1alpha1.Heartbeat) { h.Revision = seen })
		b.edit("b", func(h *v1alpha1.Heartbeat) { h.Revision = seen })
		pass(20 * time.Second)
		equal(t, "halted", b.newest("a").Revision, yesterday["a"].Revision)
		equal(t, "reason", meta.FindStatusCondition(b.fedStatus.Conditions, v1alpha1.ConditionPlanning).Reason, v1alpha1.HaltRestored)
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}
