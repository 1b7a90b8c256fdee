package plan

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/rollout"
)

const (
	db   = "default/statefulsets.apps/db"
	job  = "default/jobs.batch/j"
	tick = "default/cronjobs.batch/tick"
	hpa  = "default/horizontalpodautoscalers.autoscaling/web"
)

func spec(fields string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(fields), &m); err != nil {
			panic(err)
		}
		for k, v := range m {
			if f, ok := v.(float64); ok {
				m[k] = int64(f)
			}
		}
		o.Object["spec"] = m
	}
}

// specs prints a field of spec in every cluster that has the object.
func (w *world) field(k string, name string) string {
	s := ""
	for _, c := range w.clusters {
		o, ok := c.Previous.Object(key(k))
		if !ok {
			continue
		}
		var m struct{ Spec map[string]any }
		_ = json.Unmarshal(o.Manifest, &m)
		s += fmt.Sprintf("%s=%v ", c.Name, m.Spec[name])
	}
	return s
}

func TestStatefulSet(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(db, replicas(3))
	w.settle()
	equal(t, "whole", w.shares(db), "a=3 b=3")
	equal(t, "not divided", w.object(db).Wanted, 0)
	w.place("p", `{"objects":[{"kind":"StatefulSet"}],"strategy":"Divide"}`)
	w.settle()
	equal(t, "divided", w.shares(db), "a=1 b=2")
	w.place("p", `{"objects":[{"kind":"StatefulSet"}],"strategy":"One"}`)
	w.settle()
	equal(t, "held: it leaves one of two", w.held(db), "")
	w.settle()
	equal(t, "one", len(w.object(db).Clusters), 1)
	w.place("p", `{"objects":[{"kind":"StatefulSet"}],"strategy":"Copy"}`)
	w.settle()
	equal(t, "whole again", w.shares(db), "a=3 b=3")
}

func TestJob(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(job, spec(`{"parallelism":2,"completions":10}`))
	w.settle()
	equal(t, "parallelism to two", len(w.object(job).Clusters), 2)
	equal(t, "none without work", w.field(job, "completions"), map[string]string{
		"a=1 b=1 ": "a=5 b=5 ", "a=1 c=1 ": "a=5 c=5 ", "b=1 c=1 ": "b=5 c=5 "}[w.field(job, "parallelism")])

	w = newWorld(t, "a", "b", "c")
	w.put(job, spec(`{"parallelism":6,"completions":9}`))
	w.settle()
	equal(t, "parallelism", w.shares(job), "a=2 b=2 c=2")
	equal(t, "completions", w.field(job, "completions"), "a=3 b=3 c=3 ")
	w.put(job, spec(`{"parallelism":12,"completions":9}`))
	w.settle()
	equal(t, "bounded by completions", w.shares(job), "a=3 b=3 c=3")
	w.put(job, spec(`{"parallelism":1,"completions":30}`))
	w.settle()
	equal(t, "completions stay", w.field(job, "completions"), "a=3 b=3 c=3 ")
	w.join("d")
	w.settle()
	equal(t, "not to those that come later", len(w.object(job).Clusters), 3)
	w.cluster("a").Failed, w.cluster("a").Stale = true, true
	w.settle()
	equal(t, "not moved", w.field(job, "completions"), "a=3 b=3 c=3 ")

	w = newWorld(t, "a", "b")
	w.put(job, spec(`{"parallelism":4}`))
	w.settle()
	equal(t, "a queue", w.shares(job)+w.field(job, "completions"), "a=2 b=2a=<nil> b=<nil> ")
}

func TestCronJob(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(tick)
	w.settle()
	first := w.shares(tick)
	equal(t, "one", len(first), 1)
	equal(t, "why", w.why(tick, first), "the one cluster that runs it")
	w.cluster(first).Failed, w.cluster(first).Stale = true, true
	w.settle()
	equal(t, "moved when it dies", len(w.shares(tick)), 3)
	equal(t, "why", w.why(tick, first), "taken for dead: left as it is, run elsewhere")
	w.cluster(first).Failed, w.cluster(first).Stale = false, false
	w.settle()
	equal(t, "one again", len(w.shares(tick)), 1)
	w.cluster(w.shares(tick)).Spec.Cordoned = true
	w.settle()
	equal(t, "cordoned keeps it", len(w.shares(tick)), 1)
}

func TestAutoscaler(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(web, replicas(9))
	w.settle()
	w.put(hpa, spec(`{"scaleTargetRef":{"kind":"Deployment","name":"web"},"minReplicas":2,"maxReplicas":10}`))
	w.settle()
	equal(t, "max", w.field(hpa, "maxReplicas"), map[bool]string{true: w.field(hpa, "maxReplicas")}[w.object(hpa).Wanted == 10])
	var most, least int64
	for _, c := range w.clusters {
		o, _ := c.Previous.Object(key(hpa))
		a := storedAmount(&o.ShardObject)
		most, least = most+a.n, least+a.other
		equal(t, "at least one", a.other >= 1 && a.other <= a.n, true)
	}
	equal(t, "max in all", most, 10)
	equal(t, "min in all", least, 3)
	equal(t, "its workload leaves replicas to it", w.field(web, "replicas"), "a=<nil> b=<nil> c=<nil> ")
	equal(t, "why", w.why(web, "a"), "scaled by HorizontalPodAutoscaler web, which runs there")

	w.put(hpa, spec(`{"scaleTargetRef":{"kind":"Deployment","name":"web"},"maxReplicas":2}`))
	w.approve()
	w.settle()
	equal(t, "none where its share is none", len(w.object(hpa).Clusters), 2)
	equal(t, "the workload goes where it goes", fmt.Sprint(w.object(web).Clusters), fmt.Sprint(w.object(hpa).Clusters))

	w.place("p", `{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"names":["a"]}}`)
	w.approve()
	w.settle()
	equal(t, "placed as what it scales", w.shares(hpa)+" "+w.shares(web), "a=2 a")
	w.put(hpa, deleted(""))
	w.settle()
	for _, c := range w.answering() {
		w.ack(c)
	}
	w.settle()
	equal(t, "divided again", w.shares(web), "a=9")
}

func TestCustomResource(t *testing.T) {
	const k = "default/widgets.example.com/w"
	w := newWorld(t, "a", "b")
	kinds["widgets"] = "Widget"
	w.put(k, replicas(4))
	w.settle()
	equal(t, "a copy", w.shares(k), "a=4 b=4")
	w.place("p", `{"objects":[{"kind":"Widget","apiGroup":"example.com"}],"strategy":"Divide"}`)
	w.settle()
	equal(t, "divided", w.shares(k), "a=2 b=2")
	w.put(k, spec(`{"size":"big"}`))
	w.settle()
	equal(t, "without the field", w.shares(k), "a b")
}

func TestPreferredComeFirst(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.cluster("b").Labels = map[string]string{"tier": "gold"}
	w.put(web, replicas(1))
	w.put(tick)
	w.place("p", `{"objects":[{"kind":"Deployment"},{"kind":"CronJob"}],"preferred":[{"weight":5,"clusters":{"labelSelector":{"matchLabels":{"tier":"gold"}}}}]}`)
	w.settle()
	equal(t, "the odd one", w.shares(web), "a=0 b=1 c=0")
	equal(t, "one", w.shares(tick), "b")
	equal(t, "order", w.places(web)[0].Cluster, "b")
}

// The annotations that speak to the federation change nothing in members.
func TestAnnotationsAreNotRendered(t *testing.T) {
	w := newWorld(t, "a")
	w.put(web, replicas(2))
	w.settle()
	for _, a := range []string{v1alpha1.AnnotationRolloutPaused, v1alpha1.AnnotationRolloutApproved} {
		w.put(web, annotate(a, "true"))
	}
	w.put(web, annotate(v1alpha1.AnnotationV1DeploymentPreferences, `{}`))
	equal(t, "changed", w.pass().Clusters[0].Changed, false)
	o := w.specs[key(web)].Object
	equal(t, "content", rollout.Hash(o), rollout.Hash(w.specs[key(web)].Object))
}

// Draining is a user's word, also for what goes along.
func TestDrainOfWhatIsScaled(t *testing.T) {
	w := newWorld(t, "a", "b")
	for i := range 6 {
		name := fmt.Sprint("w", i)
		w.put("default/deployments.apps/"+name, replicas(4), podSpec(map[string]any{"serviceAccountName": name}))
		w.put("default/serviceaccounts/" + name)
		w.put("default/horizontalpodautoscalers.autoscaling/"+name, spec(`{"scaleTargetRef":{"kind":"Deployment","name":"`+name+`"},"maxReplicas":10}`))
	}
	w.place("p", `{"objects":[{"kind":"Deployment"}],"dependencies":"Follow"}`)
	w.settle()
	w.cluster("a").Spec.Drained = true
	w.settle()
	equal(t, "nothing is left", w.objects("a"), "")
	equal(t, "nothing held", len(w.out.Held)+len(w.removals), 0)
	equal(t, "all elsewhere", w.shares("default/horizontalpodautoscalers.autoscaling/w3"), "b=10")
}

// What ran elsewhere meanwhile is given up without a word: it runs.
func TestManyCronJobsComeBack(t *testing.T) {
	w := newWorld(t, "a", "b")
	for i := range 20 {
		w.put(fmt.Sprintf("default/cronjobs.batch/t%d", i))
	}
	w.settle()
	w.fail("a")
	w.settle()
	equal(t, "all there", len(w.cluster("b").Previous.Objects), 20)
	w.back("a")
	w.settle()
	equal(t, "once each", len(w.cluster("a").Previous.Objects)+len(w.cluster("b").Previous.Objects), 20)
	equal(t, "nothing held", len(w.out.Held), 0)
}

// What an autoscaler inherits from its target's Placement is where and how
// many, not the changes to its pods.
func TestAutoscalerInheritsNoOverrides(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(9), image("nginx:1"))
	w.place("p", `{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"names":["b"]},"overrides":[{"image":{"tag":"2"}}]}`)
	w.put(hpa, spec(`{"scaleTargetRef":{"kind":"Deployment","name":"web"},"maxReplicas":10}`))
	w.settle()
	equal(t, "held", len(w.out.Held), 0)
	equal(t, "shares", w.shares(hpa), "b=10")
}

// A spec that cannot be read for a moment changes nothing for what goes along
// with it.
func TestUnreadSpecsHoldWhatGoesAlong(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(cm)
	w.put(web, replicas(1), podSpec(map[string]any{"volumes": []any{map[string]any{"configMap": map[string]any{"name": "c"}}}}))
	w.place("p", `{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"names":["b"]},"dependencies":"Follow"}`)
	w.put(hpa, spec(`{"scaleTargetRef":{"kind":"Deployment","name":"web"},"maxReplicas":10}`))
	w.settle()
	state := func() string { return w.shares(hpa) + " " + w.shares(web) + " " + w.shares(cm) }
	equal(t, "at first", state(), "b=10 b b")
	for _, k := range []string{hpa, web, "default/placements.kubectl-fed.io/p"} {
		s := w.specs[key(k)]
		delete(w.specs, key(k))
		for _, message := range []string{"", "not YAML"} {
			w.broken = []Broken{{Key: key(k), Generation: s.Generation, Message: message}}
			w.settle()
			equal(t, k+" is unread", state(), "b=10 b b")
		}
		w.broken = nil
		w.settle()
		equal(t, k+" vanished", state(), "b=10 b b")
		w.specs[key(k)] = s
		w.settle()
		equal(t, k+" is back", state(), "b=10 b b")
		equal(t, "nothing held", len(w.out.Held), 0)
	}
}
