package plan

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func taint(key, effect string) []v1alpha1.Taint {
	return []v1alpha1.Taint{{Key: key, Value: "yes", Effect: effect}}
}

// approve lets all that is held go.
func (w *world) approve() {
	w.requests = append(w.requests, v1alpha1.Request{ID: fmt.Sprint("approve", w.gen), Type: v1alpha1.RequestApprove})
}

func TestSelection(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.cluster("a").Labels = map[string]string{"tier": "gold"}
	w.cluster("b").Labels = map[string]string{"tier": "silver"}
	w.put(cm, annotate(v1alpha1.AnnotationV1ClusterSelector, `[{"key":"tier","operator":"in","values":["gold"]}]`))
	w.put("_cluster/clusterroles.rbac.authorization.k8s.io/r", annotate(v1alpha1.AnnotationV1ClusterSelector, `[{"key":"tier","operator":"exists"}]`))
	w.put(web, replicas(6))
	w.place("web", `{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"labelSelector":{"matchExpressions":[{"key":"tier","operator":"In","values":["gold","silver"]}]}}}`)
	w.settle()
	equal(t, "annotation", w.shares(cm), "a")
	equal(t, "cluster-scoped", w.shares("_cluster/clusterroles.rbac.authorization.k8s.io/r"), "a b")
	equal(t, "placement", w.shares(web), "a=3 b=3")
	equal(t, "why there", w.why(cm, "a"), "a copy in every selected cluster")
	equal(t, "why not", w.why(cm, "b"), "not selected: label tier is not gold")
	equal(t, "why not", w.why(web, "c"), "not selected: label tier is not gold or silver")
	equal(t, "why so many", w.why(web, "a"), "weight 1 of 2, keeps 3")
	equal(t, "which", w.object(web).Placement, "web")
	equal(t, "not in members", w.shares("default/placements.kubectl-fed.io/web"), "")
}

func TestPlacementWinsOverAnnotation(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(6), annotate(v1alpha1.AnnotationV1DeploymentPreferences, `{"clusters":{"a":{"weight":1}}}`))
	w.settle()
	equal(t, "annotation", w.shares(web), "a=6")
	w.place("p", `{"objects":[{"kind":"Deployment"}],"strategy":"Divide"}`)
	w.settle()
	equal(t, "the Placement says nothing of it", w.shares(web), "a=6")
	w.place("p", `{"objects":[{"kind":"Deployment"}],"replicas":{"rebalance":true}}`)
	w.settle()
	equal(t, "it does", w.shares(web), "a=3 b=3")
}

func TestInvalidPlacement(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(6))
	w.put(cm)
	w.settle()
	w.place("p", `{"objects":[{"kind":"Deployment"}],"strategy":"Sideways"}`)
	w.put(web, replicas(8))
	w.put(cm, label("x"))
	w.settle()
	equal(t, "itself", w.held("default/placements.kubectl-fed.io/p"), v1alpha1.HeldPlacement)
	equal(t, "what it selects", w.held(web), v1alpha1.HeldPlacement)
	equal(t, "keeps what it has", w.shares(web), "a=3 b=3")
	equal(t, "others go on", w.held(cm), "")
	w.place("p", `{"objects":[{"kind":"Deployment"}],"clusters":{"names":["a"]}}`)
	w.settle()
	equal(t, "repaired", w.shares(web), "a=8")

	w.broken = []Broken{{Key: key("default/placements.kubectl-fed.io/p"), Generation: 99}}
	delete(w.specs, key("default/placements.kubectl-fed.io/p"))
	w.put("default/deployments.apps/new", replicas(2))
	w.put(web, replicas(10))
	w.settle()
	equal(t, "unread: what follows it", w.shares(web)+w.held(web), "a=8")
	equal(t, "unread: what is new waits", w.shares("default/deployments.apps/new"), "")
	w.broken = nil
	w.settle()
	equal(t, "vanished: itself", w.held("default/placements.kubectl-fed.io/p"), v1alpha1.HeldVanished)
	equal(t, "vanished: what follows it", w.shares(web)+" "+w.held(web), "a=8 "+v1alpha1.HeldPlacement)
	w.requests = []v1alpha1.Request{{ID: "gone", Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key("default/placements.kubectl-fed.io/p")}}}
	w.settle()
	equal(t, "confirmed", w.shares(web), "a=8 b=2")
	equal(t, "answered", len(w.requests), 0)
	equal(t, "nothing held", len(w.out.Held), 0)
}

func TestBadAnnotationIsHeld(t *testing.T) {
	w := newWorld(t, "a")
	w.put(web, replicas(6), annotate(v1alpha1.AnnotationV1DeploymentPreferences, `{"clusters":{"a":{"weight":-1}}}`))
	w.put(cm, annotate(v1alpha1.AnnotationV1ClusterSelector, `[{"key":"a","operator":"like"}]`))
	w.settle()
	equal(t, "held", w.held(web)+w.held(cm), v1alpha1.HeldPlacement+v1alpha1.HeldPlacement)
}

func TestTaints(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.cluster("b").Spec.Taints = taint("maintenance", v1alpha1.TaintNoSchedule)
	w.put(web, replicas(6))
	w.put(cm)
	w.settle()
	equal(t, "nothing new", w.shares(web)+" "+w.shares(cm), "a=3 c=3 a c")
	equal(t, "why", w.why(web, "b"), "taint maintenance=yes:NoSchedule is not tolerated")
	w.place("p", `{"objects":[{"kind":"Deployment"}],"tolerations":[{"key":"maintenance","operator":"Exists"}]}`)
	w.put(web, replicas(9))
	w.settle()
	equal(t, "tolerated", w.shares(web), "a=3 b=3 c=3")
	w.place("p", `{"objects":[{"kind":"Deployment"}]}`)
	w.put(web, replicas(12))
	w.settle()
	equal(t, "keeps what it has", w.shares(web), "a=5 b=3 c=4")
	equal(t, "why", w.why(web, "b"), "taint maintenance=yes:NoSchedule is not tolerated: keeps 3")
	w.cluster("b").Spec.Taints = taint("maintenance", v1alpha1.TaintNoExecute)
	w.settle()
	equal(t, "moved away", w.shares(web), "a=6 c=6")
	equal(t, "why", w.why(web, "b"), "taint maintenance=yes:NoExecute is not tolerated")
}

func TestDrain(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(6))
	w.put(cm)
	w.put("default/statefulsets.apps/db", replicas(3))
	w.put("default/cronjobs.batch/tick")
	w.settle()
	tick := w.shares("default/cronjobs.batch/tick")
	w.cluster(tick).Spec.Drained = true
	other := map[string]string{"a": "b", "b": "a"}[tick]
	w.settle()
	equal(t, "replicas", w.shares(web), other+"=6")
	equal(t, "one", w.shares("default/cronjobs.batch/tick"), other)
	equal(t, "copies stay", w.shares(cm)+" "+w.shares("default/statefulsets.apps/db"), "a b a=3 b=3")
	equal(t, "no budget", len(w.removals), 0)
	equal(t, "why", w.why(cm, tick), "drained: keeps what it has")
	w.put("default/configmaps/new")
	w.settle()
	equal(t, "nothing new", w.shares("default/configmaps/new"), other)
	equal(t, "said", fmt.Sprint(w.object("default/configmaps/new").Skipped), "["+tick+"]")
}

func TestSpread(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d")
	for name, zone := range map[string]string{"a": "z1", "b": "z1", "c": "z2", "d": "z2"} {
		w.cluster(name).Spec.Zones = []string{zone}
	}
	w.cluster("a").Spec.Region, w.cluster("b").Spec.Region, w.cluster("c").Spec.Region, w.cluster("d").Spec.Region = "r", "r", "r", "r"
	w.put(web, replicas(12))
	w.place("p", `{"objects":[{"kind":"Deployment"}],"spread":[{"topology":"zone","maxReplicas":4},{"topology":"region","maxReplicas":7}]}`)
	w.settle()
	var sum int64
	zones := map[string]int64{}
	for _, c := range w.clusters {
		o, _ := c.Previous.Object(key(web))
		zones[c.Spec.Zones[0]] += o.Replicas
		sum += o.Replicas
	}
	equal(t, "region", sum, 7)
	equal(t, "zones", max(zones["z1"], zones["z2"]), 4)
	equal(t, "unplaced", w.object(web).Unplaced, 5)

	w.put(cm)
	w.place("q", `{"objects":[{"kind":"ConfigMap"}],"spread":[{"topology":"zone","maxClusters":1}]}`)
	w.settle()
	got := w.shares(cm)
	if len(got) != 3 { // "a c"
		t.Fatalf("one of each zone: %s", got)
	}
	w.join("0")
	w.cluster("0").Spec.Zones = []string{"z1"}
	w.settle()
	equal(t, "who has it keeps it", w.shares(cm), got)
	equal(t, "why", w.why(cm, "0"), "zone z1 has its 1 already")

	w.place("p", `{"objects":[{"kind":"Deployment"}],"spread":[{"topology":"zone","maxReplicas":4},{"topology":"rack","maxReplicas":7}]}`)
	w.cluster("a").Labels, w.cluster("c").Labels = map[string]string{"rack": "1"}, map[string]string{"rack": "1"}
	w.settle()
	equal(t, "domains that cross", w.held(web), v1alpha1.HeldPlacement)
}

func TestNamespaceLimitsItsObjects(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.cluster("a").Labels = map[string]string{"tier": "gold"}
	w.put("_cluster/namespaces/n", annotate(v1alpha1.AnnotationV1ClusterSelector, `[{"key":"tier","operator":"exists"}]`))
	w.put("n/deployments.apps/y", replicas(4))
	w.put("n/configmaps/x")
	w.settle()
	equal(t, "a", w.objects("a"), "_cluster/namespaces/n n/configmaps/x n/deployments.apps/y=4 ")
	equal(t, "b", w.objects("b"), "")
	equal(t, "why", w.why("n/configmaps/x", "b"), "namespace n is not for it")
	// It leaves no cluster before what is in it.
	w.cluster("a").Labels, w.cluster("b").Labels = nil, w.cluster("a").Labels
	w.approve()
	w.report("a", "b")
	w.pass()
	equal(t, "a waits", w.objects("a"), "_cluster/namespaces/n n/configmaps/x n/deployments.apps/y=4 ")
	equal(t, "b", w.objects("b"), "_cluster/namespaces/n n/configmaps/x n/deployments.apps/y=4 ")
	w.settle()
	equal(t, "a in the end", w.objects("a"), "")
}

func podSpec(spec map[string]any) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		_ = unstructured.SetNestedMap(o.Object, spec, "spec", "template", "spec")
	}
}

func TestDependenciesFollow(t *testing.T) {
	w := newWorld(t, "a", "b")
	named := []string{"default/configmaps/env", "default/configmaps/vol", "default/configmaps/proj", "default/serviceaccounts/sa", "default/configmaps/key"}
	for _, k := range named {
		w.put(k)
	}
	w.put(cm)
	w.put(web, replicas(4), podSpec(map[string]any{
		"serviceAccountName": "sa",
		"volumes": []any{map[string]any{"configMap": map[string]any{"name": "vol"}},
			map[string]any{"projected": map[string]any{"sources": []any{map[string]any{"configMap": map[string]any{"name": "proj"}}}}}},
		"containers": []any{map[string]any{"envFrom": []any{map[string]any{"configMapRef": map[string]any{"name": "env"}}},
			"env": []any{map[string]any{"valueFrom": map[string]any{"configMapKeyRef": map[string]any{"name": "key"}}}}}},
	}))
	w.place("p", `{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"names":["b"]},"dependencies":"Follow"}`)
	w.settle()
	for _, k := range named {
		equal(t, k, w.shares(k), "b")
	}
	equal(t, "not named", w.shares(cm), "a b")
	equal(t, "why", w.why(named[0], "b"), "goes along with Deployment web")
	equal(t, "why not", w.why(named[0], "a"), "nothing that takes it along runs there")
	w.place("own", `{"objects":[{"kind":"ConfigMap","name":"env"}]}`)
	w.settle()
	equal(t, "a Placement of its own", w.shares(named[0]), "a b")

	w.place("p", `{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"names":["a"]},"dependencies":"Follow"}`)
	w.report("a", "b")
	w.approve()
	w.pass()
	equal(t, "goes ahead of it, and stays as long as it runs", w.shares(named[1])+" "+w.shares(web), "a b a=4 b=4")
	w.settle()
	equal(t, "follows it", w.shares(named[1])+" "+w.shares(web), "a a=4")
}
