package lead

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// unready lets a cluster report so many ready endpoints from now on.
func (b *bucket) unready(cluster string, ready int64) {
	b.locked(func() { b.ready[cluster] = ready })
	b.beat(cluster)
}

func TestNothingReadyIsOutOfTrafficAfterAWhileAndBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		b.unready("b", 0)
		b.live(10*time.Second, "a", "b")
		equal(t, "not yet", backend(b.doc()), both)
		b.live(10*time.Second, "a", "b")
		equal(t, "out", backend(b.doc()), "a Serving 192.0.2.1:80; b Out 192.0.2.2:80")
		b.unready("b", 2)
		b.live(5*time.Second, "a", "b")
		equal(t, "back", backend(b.doc()), both)
		r.crash(t)
	})
}

func TestASilentClusterIsKeptUntilItIsTakenForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b", "c")
		b.live(50*time.Second, "a", "c")
		equal(t, "silent", strings.Contains(backend(b.doc()), "b Kept 192.0.2.2:80"), true)
		b.live(2*time.Minute, "a", "c")
		equal(t, "dead", strings.Contains(backend(b.doc()), "b Out 192.0.2.2:80"), true)
		equal(t, "a", strings.Contains(backend(b.doc()), "a Serving"), true)
		r.crash(t)
	})
}

func TestAReportThatIsNotReadKeepsWhatWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		r.crash(t)
		b.setFail(failing(errAway, func(call, about string) bool { return call == "Report" && about == "b" }))
		b.unready("b", 0) // which nobody gets to know
		r = lead(t, b, "two", 2)
		b.live(40*time.Second, "a", "b")
		equal(t, "epoch", b.doc().Epoch, 2)
		equal(t, "kept", backend(b.doc()), both)
		r.crash(t)
	})
}

func TestAShardThatIsNotReadKeepsWhatWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		r.crash(t)
		b.setFail(failing(errAway, func(call, about string) bool { return call == "HeadRevision" && about == "b" }))
		r = lead(t, b, "two", 2)
		b.live(40*time.Second, "a", "b")
		equal(t, "epoch", b.doc().Epoch, 2)
		equal(t, "kept", backend(b.doc()), both)
		r.crash(t)
	})
}

func TestTheBucketIsAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		before := b.doc()
		away := errors.New("connection refused")
		for name, err := range map[string]error{"away": away, "refused": apierrors.NewForbidden(res, "x", away)} {
			b.setFail(func(string, string) error { return err })
			b.live(5*time.Minute, "a", "b")
			equal(t, name, b.doc().Serial, before.Serial)
		}
		b.setFail(func(string, string) error { return nil })
		b.live(time.Minute, "a", "b")
		equal(t, "back", backend(b.doc()), both)
		equal(t, "frontends", len(b.doc().Frontends), 1)
		r.crash(t)
	})
}

// What a user did not delete is served on: a spec that vanished, one that
// became unreadable, and both under a leader that never saw it.
func TestWhatIsHeldIsServedAsItWas(t *testing.T) {
	for name, harm := range map[string]func(*bucket){
		"vanished": func(b *bucket) {
			b.locked(func() { delete(b.specs, key(shop)); delete(b.specs, key(front)); b.ring(nil) })
		},
		"corrupt": func(b *bucket) { b.put(shop, "corrupt", ringing); b.put(front, "corrupt", ringing) },
		"unread": func(b *bucket) {
			b.setFail(failing(errAway, func(call, about string) bool { return call == "Spec" && (about == shop || about == front) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := serving(t, "a", "b")
				harm(b)
				for epoch, leader := range []string{"one", "two"} {
					if epoch > 0 {
						r = lead(t, b, leader, 2)
					}
					b.live(40*time.Second, "a", "b")
					doc := b.doc()
					equal(t, "epoch", doc.Epoch, int64(epoch+1))
					if len(doc.Frontends) != 1 || doc.Frontends[0].Rules[0].Host != "shop.example.com" {
						t.Errorf("under leader %s: %+v", leader, doc.Frontends)
					}
					equal(t, "under leader "+leader, backend(doc), both)
					st, _ := b.status(shop)
					equal(t, "addresses", strings.Join(st.Addresses, " "), "203.0.113.1")
					r.crash(t)
				}
			})
		})
	}
}

// A leader that finds neither a spec nor a shard that has it does not know what
// is to be served, and leaves the document as it is.
func TestWhatNobodyKnowsIsServedAsItWas(t *testing.T) {
	for name, harm := range map[string]func(*bucket) func(call, about string) bool{
		"unread": func(*bucket) func(call, about string) bool {
			return func(call, about string) bool {
				return call == "HeadRevision" || call == "Spec" && (about == shop || about == front)
			}
		},
		"corrupt": func(b *bucket) func(call, about string) bool {
			b.put(shop, "corrupt", ringing)
			return func(call, _ string) bool { return call == "HeadRevision" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := serving(t, "a", "b")
				before := b.doc()
				r.crash(t)
				b.setFail(failing(errAway, harm(b)))
				r = lead(t, b, "two", 2)
				b.live(40*time.Second, "a", "b")
				equal(t, "serial", b.doc().Serial, before.Serial)
				b.setFail(func(string, string) error { return nil })
				b.live(time.Minute, "a", "b")
				equal(t, "epoch", b.doc().Epoch, 2)
				equal(t, "frontends", len(b.doc().Frontends), 1)
				equal(t, "backend", backend(b.doc()), both)
				r.crash(t)
			})
		})
	}
}

func TestADeletedIngressGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		b.put(shop, "deleted", ringing)
		pass(2 * time.Second)
		equal(t, "frontends", len(b.doc().Frontends), 0)
		r.crash(t)
	})
}

func TestEntriesThatAreMissingFromTheRosterAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		b.locked(func() { delete(b.clusters, "b"); b.ring(nil) })
		b.live(time.Minute, "a")
		equal(t, "kept", backend(b.doc()), both)
		r.crash(t)
		r = lead(t, b, "two", 2)
		b.live(time.Minute, "a")
		equal(t, "kept by another leader", backend(b.doc()), both)
		b.live(departedAfter, "a")
		equal(t, "gone", backend(b.doc()), "a Serving 192.0.2.1:80")
		b.locked(func() { clear(b.clusters); b.ring(nil) })
		b.live(departedAfter+time.Minute, "a")
		equal(t, "an empty roster says nothing", backend(b.doc()), "a Serving 192.0.2.1:80")
		r.crash(t)
	})
}

func TestAClusterThatWasDrainedOrLeavesIsGivenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		none := int64(0)
		b.change("b", func(c *v1alpha1.Cluster) { c.Spec.TrafficWeight = &none })
		b.locked(func() { b.ring(nil) })
		pass(2 * time.Second)
		drained := "a Serving 192.0.2.1:80; b Drained 192.0.2.2:80"
		equal(t, "drained", backend(b.doc()), drained)
		r.crash(t)
		// Another leader, to which the entry is missing, gives it nothing either.
		b.locked(func() { delete(b.clusters, "b"); b.ring(nil) })
		r = lead(t, b, "two", 2)
		b.live(time.Minute, "a")
		equal(t, "still", backend(b.doc()), drained)
		r.crash(t)
	})
}

func TestReasonsAreToldOfAnIngress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		before, _ := b.status(shop)
		b.put(shop, strings.Replace(ingressSpec("shop.example.com", ""), `"front"`, `"nowhere"`, 1), ringing)
		b.live(20*time.Second, "a", "b")
		st, _ := b.status(shop)
		c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionServed)
		if c == nil || c.Reason != v1alpha1.ServedNoService || c.LastTransitionTime.IsZero() {
			t.Errorf("condition %+v", c)
		}
		told := func(what string) int {
			return strings.Count(events(st.Events), what) - strings.Count(events(before.Events), what)
		}
		equal(t, "told", told(v1alpha1.ServedNoService), 1)
		// Nothing is written, and nothing told twice, while it stays so; nor by the
		// next leader.
		equal(t, "writes", b.quiet(2*time.Minute, "a", "b"), 0)
		r.crash(t)
		r = lead(t, b, "two", 2)
		b.live(40*time.Second, "a", "b")
		next, _ := b.status(shop)
		equal(t, "events", events(next.Events), events(st.Events))
		b.put(shop, ingressSpec("shop.example.com", ""), ringing)
		b.live(5*time.Second, "a", "b")
		st, _ = b.status(shop)
		equal(t, "well again", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionServed), true)
		equal(t, "told last", st.Events[len(st.Events)-1].Reason, v1alpha1.ServedAll)
		r.crash(t)
	})
}

// An address that is added, or an edge that is unregistered, is news for all
// shards; one that only falls silent is none.
func TestAddressesFollowTheRegisteredEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		b.register("america", "198.51.100.1")
		b.live(15*time.Second, "a", "b")
		const two = "198.51.100.1 203.0.113.1"
		addresses := func() string {
			st, _ := b.status(shop)
			named := b.newest("a").Addresses
			if len(named) != 1 || strings.Join(named[0].Addresses, " ") != strings.Join(st.Addresses, " ") {
				t.Errorf("status %v, shard %v", st.Addresses, named)
			}
			return strings.Join(st.Addresses, " ")
		}
		equal(t, "registered", addresses(), two)
		b.live(10*time.Minute, "a", "b")
		equal(t, "silent", addresses(), two)
		b.locked(func() { delete(b.edges, "europe") })
		b.live(15*time.Second, "a", "b")
		equal(t, "unregistered", addresses(), "198.51.100.1")
		r.crash(t)
	})
}

// Many changes at once cost one document a second.
func TestTheDocumentIsWrittenOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		b.locked(func() { clear(b.calls) })
		for i := range 50 {
			host := string(rune('a'+i%26)) + ".example.com"
			b.put(shop, ingressSpec(host, ""), ringing)
			pass(200 * time.Millisecond)
		}
		b.locked(func() {
			if n := b.calls["PutTraffic"]; n < 8 || n > 12 {
				t.Errorf("%d documents in 10 seconds", n)
			}
		})
		pass(2 * time.Second)
		equal(t, "the last", b.doc().Frontends[0].Rules[0].Host, "x.example.com")
		r.crash(t)
	})
}
