package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/rollout"
)

func image(name string) func(*unstructured.Unstructured) {
	return podSpec(map[string]any{"containers": []any{map[string]any{"name": "c", "image": name}}})
}

// images prints what every cluster runs of web.
func (w *world) images() (s string) {
	for _, c := range w.clusters {
		o, ok := c.Previous.Object(key(web))
		if !ok {
			continue
		}
		_, after, _ := strings.Cut(string(o.Manifest), `"image":"`)
		name, _, _ := strings.Cut(after, `"`)
		s += c.Name + "=" + name + " "
	}
	return s
}

func TestOverrides(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.cluster("c").Spec.Region = "eu"
	w.put(web, replicas(6), image("nginx:1"))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"overrides":[
		{"clusters":{"regions":["eu"]},"image":{"registry":"eu.example.com"}},
		{"clusters":{"names":["b","c"]},"patch":[{"op":"add","path":"/metadata/labels","value":{"o":"x"}}]}]}`)
	w.settle()
	equal(t, "images", w.images(), "a=nginx:1 b=nginx:1 c=eu.example.com/nginx:1 ")
	b, _ := w.cluster("b").Previous.Object(key(web))
	equal(t, "patched", strings.Contains(string(b.Manifest), `"labels":{"o":"x"}`), true)
	equal(t, "shares", w.shares(web), "a=2 b=2 c=2")

	w.place("p", `{"objects":[{"kind":"Deployment"}],"overrides":[{"clusters":{"names":["b"]},"patch":[{"op":"remove","path":"/spec/none"}]}]}`)
	w.put(web, replicas(9))
	w.settle()
	equal(t, "held", w.held(web), v1alpha1.HeldOverride)
	equal(t, "names cluster and path", strings.HasPrefix(w.object(web).Message, "cluster b: Placement p: spec.overrides[0].patch[0]"), true)
	equal(t, "keeps what it has everywhere", w.shares(web)+" "+w.images(), "a=2 b=2 c=2 a=nginx:1 b=nginx:1 c=eu.example.com/nginx:1 ")
}

func TestSameOverridesShareARendering(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d")
	w.cache = NewCache()
	w.put(cm)
	w.place("p", `{"objects":[{"kind":"ConfigMap"}],"overrides":[{"clusters":{"names":["c","d"]},"patch":[{"op":"add","path":"/data","value":{"k":"v"}}]}]}`)
	w.settle()
	equal(t, "renders", w.cache.renders, 2)
}

const inWaves = `{"objects":[{"kind":"Deployment"}],"rollout":{"waves":[{"clusters":{"names":["a"]}},{"clusters":{"names":["b"]},"approval":true}],"onFailure":"Undo"}}`

func TestRollout(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.place("p", inWaves)
	w.put(web, replicas(6), image("v1"))
	w.settle()
	equal(t, "first everywhere", w.images(), "a=v1 b=v1 c=v1 ")
	equal(t, "complete", w.object(web).Record.Rollout.Phase, v1alpha1.RolloutComplete)
	base := w.specs[key(web)].Generation

	w.put(web, image("v2"), replicas(9))
	w.report(w.answering()...)
	w.pass()
	equal(t, "a wave", w.images(), "a=v2 b=v1 c=v1 ")
	equal(t, "replicas at once", w.shares(web), "a=3 b=3 c=3")
	equal(t, "why", w.why(web, "b"), "weight 1 of 3, keeps 3; waits for wave 2 of 3")
	r := w.object(web).Record.Rollout
	equal(t, "base", fmt.Sprint(r.Phase, r.Base), fmt.Sprint("Progressing", base))
	w.settle()
	equal(t, "waits for approval", w.images()+string(w.object(web).Record.Rollout.Phase), "a=v2 b=v1 c=v1 Waiting")
	conditions := w.object(web).Conditions()
	equal(t, "condition", conditions[len(conditions)-1].Type+string(conditions[len(conditions)-1].Status), "RolledOutFalse")
	hash := rollout.Hash(w.specs[key(web)].Object)
	w.put(web, annotate(v1alpha1.AnnotationRolloutApproved, rollout.Approval(1, hash)))
	w.settle()
	equal(t, "everywhere", w.images()+string(w.object(web).Record.Rollout.Phase), "a=v2 b=v2 c=v2 Complete")
	equal(t, "content generation", w.object(web).Record.Rollout.Base, w.specs[key(web)].Generation)

	w.place("p", `{"objects":[{"kind":"Deployment"}]}`)
	w.settle()
	equal(t, "cleared", w.object(web).Record.Rollout == nil, true)
}

func TestRolloutUndo(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.place("p", inWaves)
	w.put(web, replicas(6), image("v1"))
	w.settle()
	old := w.specs[key(web)]
	w.put(web, image("bad"))
	w.report(w.answering()...)
	w.pass()
	equal(t, "a wave", w.images(), "a=bad b=v1 c=v1 ")
	w.report(w.answering()...)
	w.cluster("a").Reports[key(web)].Health = v1alpha1.HealthFailed
	w.pass()
	equal(t, "stops: the base is not at hand", w.images()+string(w.object(web).Record.Rollout.Phase), "a=bad b=v1 c=v1 Stopped")
	s := w.specs[key(web)]
	s.Base = old.Object
	w.specs[key(web)] = s
	w.pass()
	equal(t, "undone", w.images()+string(w.object(web).Record.Rollout.Phase), "a=v1 b=v1 c=v1 Undone")
	a, _ := w.cluster("a").Previous.Object(key(web))
	equal(t, "of the base's generation", a.Generation, old.Generation)
	w.join("d")
	w.put(web, replicas(8))
	s.Generation, s.Object = w.specs[key(web)].Generation, w.specs[key(web)].Object
	w.specs[key(web)] = s
	w.settle()
	equal(t, "new clusters get the base", w.images(), "a=v1 b=v1 c=v1 d=v1 ")
	w.put(web, image("v3"))
	w.settle()
	equal(t, "another change is another rollout", w.images(), "a=v3 b=v1 c=v1 d=v1 ")
}

func TestRolloutPausedAndNewClusters(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.place("p", inWaves)
	w.put(web, replicas(6), image("v1"))
	w.settle()
	w.put(web, image("v2"), annotate(v1alpha1.AnnotationRolloutPaused, "true"))
	w.join("d")
	w.settle()
	equal(t, "nothing new", w.images(), "a=v1 b=v1 c=v1 ")
	equal(t, "why", w.why(web, "a"), "weight 1 of 4, keeps 2; the rollout is paused")
	w.now = w.now.Add(time.Hour)
	w.fail("b")
	w.settle()
	equal(t, "replicas go on", w.shares(web), "a=3 b=2 c=3")
}

// A held removal, approved, waits for its replacement; and where nothing is to
// replace it, for nothing.
func TestApprovedRemoval(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(web, replicas(9))
	w.settle()
	w.restrict(web, "a")
	w.settle()
	equal(t, "held", w.held(web), v1alpha1.HeldBudget)
	w.approve()
	w.report(w.answering()...)
	w.pass()
	equal(t, "waits", w.shares(web), "a=9 b=3 c=3")
	equal(t, "open", len(w.requests), 1)
	w.settle()
	equal(t, "done", w.shares(web), "a=9")
	equal(t, "answered", len(w.requests), 0)

	w.join("d")
	w.restrict(web, "nowhere")
	w.settle()
	equal(t, "stays: no other cluster has it ready", w.shares(web), "a=9")
	w.approve()
	w.settle()
	equal(t, "gone", w.shares(web), "")
	equal(t, "answered", len(w.requests), 0)
}

func TestAssumed(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(web, replicas(50), image("nginx"))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"overrides":[{"clusters":{"names":["a"]},"image":{"tag":"2"}}]}`)
	w.give(web, map[string]int64{"a": 30, "b": 10})
	got := ""
	for _, p := range w.places(web) {
		got += fmt.Sprint(p.Cluster, " ", p.Action, " ", p.Replicas, " ", p.Current, "; ")
	}
	for _, want := range []string{"a none 30 30;", "b none 10 10;", "c create 10 0;"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}

// Where one cluster has the object, a rollout keeps no other from taking over.
func TestRolloutOfOne(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(tick, label("1"))
	w.place("p", `{"objects":[{"kind":"CronJob"}],"rollout":{"waves":[{"clusters":{"names":["a"]},"pause":"10m0s"},{"clusters":{"names":["b"]},"approval":true}]}}`)
	w.settle()
	first := w.shares(tick)
	w.put(tick, label("2"))
	w.settle()
	w.fail(first)
	w.settle()
	equal(t, "taken over", len(w.object(tick).Clusters), 2)
}
