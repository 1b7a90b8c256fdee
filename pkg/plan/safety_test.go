package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// having lists the clusters that have an object.
func (w *world) having(k string) (names string) {
	for _, c := range w.clusters {
		if _, ok := c.Previous.Object(key(k)); ok {
			names += c.Name
		}
	}
	return names
}

// What runs elsewhere is not given up for a cluster that is not trusted yet,
// and not at all where nothing is to go back.
func TestReturnOfTheOne(t *testing.T) {
	cases := map[v1alpha1.ReturnPolicy]string{
		v1alpha1.ReturnImmediate: "a ac ac a",
		v1alpha1.ReturnGradual:   "a ac ac a",
		v1alpha1.ReturnNever:     "a ac c c",
	}
	for policy, want := range cases {
		w := newWorld(t, "a", "b", "c")
		w.put(tick)
		w.place("p", fmt.Sprintf(`{"objects":[{"kind":"CronJob"}],"failover":{"return":%q}}`, policy))
		w.settle()
		got := w.having(tick)
		w.fail("a")
		w.settle()
		got += " " + w.having(tick)
		w.back("a")
		w.cluster("a").Holding = true
		w.settle()
		got += " " + w.having(tick)
		w.cluster("a").Holding = false
		w.settle()
		equal(t, string(policy), got+" "+w.having(tick), want)
		equal(t, "forgotten", len(w.records[key(tick)].Away), 0)
		equal(t, "no removal", len(w.removals), 0)
	}
}

func TestReturnAndFailAgain(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(tick)
	w.settle()
	for range 5 {
		w.fail("a")
		w.settle()
		equal(t, "dead", w.having(tick), "ac")
		w.back("a")
		w.cluster("a").Holding = true
		w.settle()
	}
	equal(t, "never a third", w.having(tick), "ac")
	w.fail("c")
	w.settle()
	equal(t, "the one that is left, though not trusted", w.having(tick), "ac")
}

func TestRebalanceOfTheOne(t *testing.T) {
	w := newWorld(t, "b", "c")
	var keys []v1alpha1.Key
	for i := range 20 {
		k := fmt.Sprintf("default/cronjobs.batch/t%d", i)
		w.put(k)
		keys = append(keys, key(k))
	}
	w.settle()
	w.join("a")
	w.settle()
	w.requests = []v1alpha1.Request{{ID: "r", Type: v1alpha1.RequestRebalance, Keys: keys}}
	w.settle()
	equal(t, "answered", len(w.requests), 0)
	equal(t, "nothing held", len(w.out.Held)+len(w.removals), 0)
	n := 0
	for _, c := range w.clusters {
		n += len(c.Previous.Objects)
	}
	equal(t, "once each", n, 20)
}

// A strategy written by mistake does not take what runs in most clusters away.
func TestCopiesDoNotBecomeOneUnasked(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.put(db, replicas(3))
	w.settle()
	w.place("p", `{"objects":[{"kind":"StatefulSet"}],"strategy":"One"}`)
	w.settle()
	equal(t, "held", w.held(db), v1alpha1.HeldBudget)
	equal(t, "there", w.having(db), "abcde")
	w.approve()
	w.settle()
	equal(t, "approved", len(w.having(db)), 1)
}

// What has no room anywhere in a cluster is not kept there by the budget.
func TestNoRoomAtAll(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	full := map[v1alpha1.Key]int64{}
	for i := range 20 {
		k := fmt.Sprintf("default/deployments.apps/w%d", i)
		w.put(k, replicas(9))
		full[key(k)] = 0
	}
	w.settle()
	w.cluster("a").Capacity = full
	for k := range full {
		w.cluster("a").Reports[k].Counts["readyReplicas"] = 0
	}
	w.pass()
	equal(t, "nothing held", len(w.out.Held), 0)
	equal(t, "run elsewhere", w.shares("default/deployments.apps/w7"), "a=0 b=5 c=4")
}

func TestScalingDownTakesNoSteps(t *testing.T) {
	w := gradual(t)
	w.put(web, replicas(100))
	w.settle()
	equal(t, "no more than what came back is left to go in steps", sumShares(w) <= 300, true)
}

func TestStepsThatWaitAskForNoTime(t *testing.T) {
	w := gradual(t)
	w.now = w.now.Add(10 * stepEvery)
	for range 2 {
		w.ready("a", 0)
		w.pass()
	}
	equal(t, "waits for replicas, not for time", w.out.Again, time.Time{})
}

// gradual is a federation of five in which one has just returned.
func gradual(t *testing.T) *world {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.put(web, replicas(1000))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"failover":{"return":"Gradual"}}`)
	w.settle()
	w.fail("a")
	w.settle()
	w.back("a")
	w.settle()
	return w
}

// scaled is a Deployment without replicas that an autoscaler has brought to 8
// in each of three clusters.
func scaled(t *testing.T) *world {
	w := newWorld(t, "a", "b", "c")
	w.put(web, podSpec(map[string]any{}))
	w.put(hpa, spec(`{"scaleTargetRef":{"kind":"Deployment","name":"web"},"minReplicas":3,"maxReplicas":30}`))
	w.settle()
	for i := range w.clusters {
		w.clusters[i].Reports[key(web)].Counts = map[string]int64{"replicas": 8, "readyReplicas": 8}
	}
	return w
}

// Who deletes an autoscaler means to keep what it scaled.
func TestReplicasOutliveTheirAutoscaler(t *testing.T) {
	w := scaled(t)
	w.put(hpa, deleted(""))
	w.pass()
	equal(t, "as they are", w.shares(web), "a=8 b=8 c=8")
	w.settle()
	w.put(web, label("x"))
	w.settle()
	equal(t, "as they are", w.shares(web), "a=8 b=8 c=8")
	w.put(web, replicas(3))
	w.settle()
	equal(t, "as is said", w.shares(web), "a=1 b=1 c=1")
	w.put(web, unsaid)
	w.settle()
	equal(t, "no more said", w.shares(web), "a=1 b=1 c=1")
}

func unsaid(o *unstructured.Unstructured) {
	unstructured.RemoveNestedField(o.Object, "spec", "replicas")
}

func TestReplicasThatNobodyToldOf(t *testing.T) {
	w := scaled(t)
	heard := w.cluster("b").Reports
	w.cluster("b").Reports = nil // a new leader
	w.put(hpa, deleted(""))
	w.pass()
	equal(t, "left alone", w.field(web, "replicas"), "a=8 b=<nil> c=8 ")
	w.cluster("b").Reports = heard
	w.pass()
	equal(t, "as they are", w.shares(web), "a=8 b=8 c=8")
}

// A rollout that waits keeps nothing from running elsewhere: with the content
// that was good, where that can be had.
func TestFailoverDuringRollout(t *testing.T) {
	for _, base := range []bool{true, false} {
		w := newWorld(t, "a", "b", "c")
		w.put(tick, label("1"))
		w.place("p", `{"objects":[{"kind":"CronJob"}],"rollout":{"waves":[{"clusters":{"names":["a"]}},{"percentage":"100%","approval":true}]}}`)
		w.settle()
		old := w.specs[key(tick)].Object
		w.put(tick, label("2"), annotate(v1alpha1.AnnotationRolloutPaused, "true"))
		if base {
			s := w.specs[key(tick)]
			s.Base = old
			w.specs[key(tick)] = s
		}
		w.settle()
		w.fail("a")
		w.settle()
		equal(t, "elsewhere", w.having(tick), "ac")
		c, _ := w.cluster("c").Previous.Object(key(tick))
		equal(t, "the old content", strings.Contains(string(c.Manifest), `"l":"1"`), base)
	}
}

func TestFailoverOfReplicasDuringRollout(t *testing.T) {
	w := newWorld(t, "a")
	w.put(web, replicas(4))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"rollout":{"waves":[{"clusters":{"names":["a"]}},{"percentage":"100%","approval":true}]}}`)
	w.settle()
	w.join("b")
	w.put(web, label("2"), annotate(v1alpha1.AnnotationRolloutPaused, "true"))
	w.settle()
	w.fail("a")
	w.settle()
	equal(t, "elsewhere", w.shares(web), "a=4 b=4")
}

// succeeded lets a cluster tell how much of the Job is done.
func (w *world) succeeded(cluster string, n int64) {
	w.cluster(cluster).Reports[key(job)].Counts["succeeded"] = n
}

// A part of a Job that has nothing to run with goes on once another is done.
func TestNoPartOfAJobWaitsForEver(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(job, spec(`{"parallelism":4,"completions":4}`))
	w.settle()
	w.put(job, spec(`{"parallelism":1,"completions":4}`))
	w.settle()
	first := w.shares(job)
	equal(t, "one after the other", first == "a=1 b=0" || first == "a=0 b=1", true)
	equal(t, "waits for reports", w.object(job).Waits, true)
	w.succeeded(map[string]string{"a=1 b=0": "a", "a=0 b=1": "b"}[first], 2)
	w.pass()
	equal(t, "both", w.shares(job), "a=1 b=1")
}

// What a dead cluster had done of a Job is not done again.
func TestDoneIsDone(t *testing.T) {
	for done, want := range map[int64]string{0: "a=3 b=3 c=3 d=3 ", 2: "a=3 b=3 c=3 d=1 ", 3: "a=3 b=3 c=3 "} {
		w := newWorld(t, "a", "b", "c")
		w.put(job, spec(`{"parallelism":9,"completions":9}`))
		w.place("p", `{"objects":[{"kind":"Job"}],"failover":{"move":true}}`)
		w.settle()
		w.join("d")
		w.settle()
		w.succeeded("a", done)
		w.fail("a")
		w.settle()
		equal(t, fmt.Sprint(done, " of 3"), w.field(job, "completions"), want)
	}
}
