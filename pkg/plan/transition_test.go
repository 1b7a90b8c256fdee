package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// ready lets one cluster say how many replicas of web run.
func (w *world) ready(cluster string, n int64) {
	c := w.cluster(cluster)
	o, _ := c.Previous.Object(key(web))
	w.report(cluster)
	r := c.Reports[key(web)]
	r.Generation, r.Health = o.Generation, v1alpha1.HealthInProgress
	r.Counts = map[string]int64{"replicas": o.Replicas, "readyReplicas": n}
}

func (w *world) fail(cluster string) {
	c := w.cluster(cluster)
	c.Failed, c.Stale = true, true
}

func (w *world) back(cluster string) {
	c := w.cluster(cluster)
	c.Failed, c.Stale = false, false
}

func five(t *testing.T) *world {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.put(web, replicas(1000))
	w.settle()
	return w
}

func TestDrainGivesUpWhatOthersHaveReady(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(web, replicas(9))
	w.settle()
	w.cluster("a").Spec.Drained = true
	w.pass()
	equal(t, "others first", w.shares(web), "a=3 b=4 c=5")
	equal(t, "why", w.why(web, "a"), "drained: waits until 3 replicas are ready elsewhere")
	equal(t, "hold", w.places(web)[place3(w, "a")].Action, ActionHold)
	w.ready("a", 3)
	w.ready("b", 3)
	w.ready("c", 4)
	w.pass()
	equal(t, "one is ready elsewhere", w.shares(web), "a=2 b=4 c=5")
	w.ready("a", 2)
	w.ready("b", 4)
	w.ready("c", 4)
	w.pass()
	equal(t, "another", w.shares(web), "a=1 b=4 c=5")
	w.settle()
	equal(t, "all", w.shares(web), "b=4 c=5")
}

func place3(w *world, cluster string) int {
	for i, p := range w.places(web) {
		if p.Cluster == cluster {
			return i
		}
	}
	return -1
}

func TestWhatDoesNotRunIsGivenUpFirst(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(web, replicas(9))
	w.settle()
	w.cluster("a").Spec.Drained = true
	w.ready("a", 1)
	w.ready("b", 3)
	w.ready("c", 3)
	w.pass()
	equal(t, "two did not run", w.shares(web), "a=1 b=4 c=5")

	w = newWorld(t, "a", "b", "c")
	w.put(web, replicas(9))
	w.settle()
	w.ready("a", 0)
	w.ready("b", 3)
	w.ready("c", 3)
	w.put(web, replicas(6))
	w.pass()
	equal(t, "a user's scaling down is immediate", w.shares(web), "a=0 b=3 c=3")
}

func TestNothingIsGivenUpWithoutAWord(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(4))
	w.settle()
	for i := range w.clusters {
		w.clusters[i].Reports = nil // a new leader
	}
	w.cluster("a").Spec.Drained = true
	for range 3 {
		w.pass()
	}
	equal(t, "shares", w.shares(web), "a=2 b=4")
}

func TestFailover(t *testing.T) {
	w := five(t)
	w.fail("a")
	w.settle()
	equal(t, "run elsewhere", w.shares(web), "a=200 b=250 c=250 d=250 e=250")
	equal(t, "why", w.why(web, "a"), "taken for dead: keeps 200, run elsewhere")
	equal(t, "nothing unplaced", w.object(web).Unplaced, 0)
	w.put(web, replicas(1200), label("x"))
	w.settle()
	equal(t, "it stays as it was given", w.shares(web), "a=200 b=300 c=300 d=300 e=300")
	o, _ := w.cluster("a").Previous.Object(key(web))
	equal(t, "frozen", o.Generation < w.specs[key(web)].Generation, true)
}

func TestReturnImmediate(t *testing.T) {
	w := five(t)
	w.fail("a")
	w.settle()
	w.back("a")
	w.report(w.answering()...)
	w.ready("a", 0)
	w.pass()
	equal(t, "nothing runs there yet", w.shares(web), "a=200 b=250 c=250 d=250 e=250")
	equal(t, "why", w.why(web, "b")[:12], "weight 1 of ")
	w.ready("a", 80)
	w.pass()
	equal(t, "80 do", sumShares(w), 1120)
	w.settle()
	equal(t, "all do", w.shares(web), "a=200 b=200 c=200 d=200 e=200")
	equal(t, "forgotten", len(w.records[key(web)].Away), 0)
}

func sumShares(w *world) (n int64) {
	for _, c := range w.clusters {
		o, ok := c.Previous.Object(key(web))
		if ok {
			n += o.Replicas
		}
	}
	return n
}

func TestReturnGradual(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.put(web, replicas(1000))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"failover":{"return":"Gradual"}}`)
	w.settle()
	w.fail("a")
	w.settle()
	w.back("a")
	w.settle()
	equal(t, "a tenth", sumShares(w), 1100)
	equal(t, "again", w.out.Again, w.now.Add(time.Minute))
	w.now = w.now.Add(time.Minute)
	w.settle()
	equal(t, "the rest", w.shares(web), "a=200 b=200 c=200 d=200 e=200")
}

func TestReturnNever(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.put(web, replicas(1000))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"failover":{"return":"Never"}}`)
	w.settle()
	w.fail("a")
	w.settle()
	w.back("a")
	w.settle()
	equal(t, "stays where it runs", w.shares(web), "a=0 b=250 c=250 d=250 e=250")
	equal(t, "no removal", len(w.removals), 0)
	w.requests = []v1alpha1.Request{{ID: "r", Type: v1alpha1.RequestRebalance, Keys: []v1alpha1.Key{key(web)}}}
	w.settle()
	equal(t, "until somebody says so", w.shares(web), "a=200 b=200 c=200 d=200 e=200")
}

func TestNotMoved(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(10))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"failover":{"move":false}}`)
	w.settle()
	w.fail("a")
	w.put(web, replicas(12))
	w.settle()
	equal(t, "shares", w.shares(web), "a=5 b=7")
	equal(t, "why", w.why(web, "a"), "taken for dead: keeps 5, not moved")
}

func TestLostEvenWhileFrozen(t *testing.T) {
	w := five(t)
	w.cluster("a").Stale = true
	w.settle()
	equal(t, "frozen", w.shares(web), "a=200 b=200 c=200 d=200 e=200")
	w.cluster("a").Spec.Lost = true
	w.settle()
	equal(t, "lost", w.shares(web), "a=200 b=250 c=250 d=250 e=250")
	equal(t, "why", w.why(web, "a"), "lost: keeps 200, run elsewhere")
}

func TestHoldingIsGivenNothingNew(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(10))
	w.settle()
	w.cluster("a").Holding = true
	w.put(web, replicas(20))
	w.settle()
	equal(t, "shares", w.shares(web), "a=5 b=15")
	equal(t, "why", w.why(web, "a"), "back, but not trusted yet: keeps 5")
}

func TestRebalance(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(10))
	w.settle()
	w.join("c")
	w.settle()
	equal(t, "a new cluster is given nothing", w.shares(web), "a=5 b=5 c=0")
	w.requests = []v1alpha1.Request{{ID: "r", Type: v1alpha1.RequestRebalance, Keys: []v1alpha1.Key{key(web), key(cm)}}}
	w.report(w.answering()...)
	w.pass()
	equal(t, "open while it moves", len(w.requests), 1)
	equal(t, "moved", w.object(web).Moved > 0, true)
	w.settle()
	equal(t, "answered", len(w.requests), 0)
	c, _ := w.cluster("c").Previous.Object(key(web))
	equal(t, "moved once", c.Replicas >= 3, true)
}

func TestCapacity(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(20))
	w.settle()
	w.cluster("a").Capacity = map[v1alpha1.Key]int64{key(web): 4}
	w.ready("a", 4)
	w.ready("b", 10)
	w.pass()
	equal(t, "what finds no room moves at once", w.shares(web), "a=4 b=16")
	equal(t, "why", w.why(web, "a"), "weight 1 of 2, room for 4")
	w.cluster("b").Capacity = map[v1alpha1.Key]int64{key(web): 10}
	w.ready("a", 4)
	w.ready("b", 10)
	w.pass()
	equal(t, "unplaced", w.object(web).Unplaced, 6)
	placed := w.object(web).Conditions()[0]
	equal(t, "said", fmt.Sprint(placed.Status, " ", placed.Reason, " ", placed.Message), "False ReplicasUnplaced 6 of 20 replicas have no cluster")
	w.cluster("a").Capacity = nil
	w.settle()
	equal(t, "tried again", w.shares(web), "a=10 b=10")
}

func TestProbes(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.cluster("b").Published = []string{"1:1", "1:2", "1:3", "1:4", "1:5"}
	w.cluster("e").Published = []string{"5:1"}
	w.pass()
	see := func(name string) (s string) {
		for _, p := range w.cluster(name).Previous.Probes {
			s += fmt.Sprint(p.Cluster, p.Addresses, " ")
		}
		return s
	}
	equal(t, "a", see("a"), "e[5:1] ")
	equal(t, "b", see("b"), "e[5:1] ")
	equal(t, "c", see("c"), "b[1:1 1:2 1:3 1:4] e[5:1] ")
	equal(t, "d", see("d"), "b[1:1 1:2 1:3 1:4] ")
	equal(t, "e", see("e"), "b[1:1 1:2 1:3 1:4] ")
	for _, c := range w.pass().Clusters {
		equal(t, "changed again", c.Changed, false)
	}
	w.fail("b")
	for _, c := range w.pass().Clusters {
		equal(t, "changed by silence", c.Changed, false)
	}
	w.cluster("e").Published = []string{"5:2"}
	equal(t, "reason", w.pass().Clusters[0].Reason, "probes changed")
}
