package server_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var placements = gvr("kubectl-fed.io", "v1alpha1", "placements")

// placed is a Placement with that spec.
func placed(name, spec string) string {
	return "{apiVersion: kubectl-fed.io/v1alpha1, kind: Placement, metadata: {name: " + name + "}, spec: " + spec + "}"
}

func (w *world) create(t *testing.T, u *unstructured.Unstructured, dry ...string) error {
	t.Helper()
	resource := deployments
	switch u.GetKind() {
	case "Placement":
		resource = placements
	case "ConfigMap":
		resource = configMaps
	}
	_, err := w.client.Resource(resource).Namespace("default").Create(t.Context(), u, metav1.CreateOptions{DryRun: dry})
	return err
}

func TestPlacementIsKeptBesideTheObjects(t *testing.T) {
	w := newWorld(t)
	if err := w.create(t, object(t, placed("p", "{objects: [{kind: Deployment, name: web}], clusters: {names: [a]}}"))); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Specs[key("default/placements.kubectl-fed.io/p")]; !ok || len(w.Specs) != 1 {
		t.Fatalf("%v", w.Specs)
	}
	pl := w.client.Resource(placements).Namespace("default")
	if _, err := pl.Patch(t.Context(), "p", types.MergePatchType, []byte(`{"spec":{"strategy":"Copy"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := pl.Patch(t.Context(), "p", types.MergePatchType, []byte(`{"spec":{"strategy":"Spread"}}`), metav1.PatchOptions{}); !apierrors.IsInvalid(err) ||
		!strings.Contains(err.Error(), `spec.strategy: Unsupported value: "Spread": supported values: "Divide", "Copy", "One"`) {
		t.Fatal(err)
	}
	got, err := pl.Get(t.Context(), "p", metav1.GetOptions{})
	if s, _, _ := unstructured.NestedString(got.Object, "spec", "strategy"); err != nil || s != "Copy" {
		t.Fatalf("%q, %v", s, err)
	}
	if err := pl.Delete(t.Context(), "p", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestPlacementRefused(t *testing.T) {
	for spec, want := range map[string]string{
		"{}": "spec.objects: Required value: which objects",
		"{objects: [{kind: Deployment}], cluster: {}}":                                                                    "spec.cluster: Invalid value: unknown field",
		"{objects: [{name: web}]}":                                                                                        "spec.objects[0].kind: Required value",
		"{objects: [{kind: Deploiment}]}":                                                                                 `spec.objects[0].kind: Invalid value: "Deploiment": is no kind of Kubernetes; for a custom resource say its apiGroup`,
		"{objects: [{kind: Namespace}]}":                                                                                  `is cluster-scoped, and a Placement is about objects of its namespace`,
		"{objects: [{kind: Job, apiGroup: apps}]}":                                                                        `is no kind of the group apps`,
		"{objects: [{kind: Deployment, apiGroup: extensions}]}":                                                           `is no kind of the group extensions`,
		"{objects: [{kind: Deployment}], rollout: {waves: [{percentage: 10}]}}":                                           `spec.rollout.waves[0].percentage: Invalid value: "10": want a percentage from 1% to 100%`,
		"{objects: [{kind: Deployment}], rollout: {deadline: soon, waves: []}}":                                           `spec.rollout.deadline: Invalid value: "soon": want a duration, such as 30s or 5m`,
		"{objects: [{kind: Deployment}], overrides: [{image: {container: nope, tag: v2}}]}":                               `spec.overrides[0].image: Invalid value: container "nope" does not exist in Deployment default/web (it has "web")`,
		"{objects: [{kind: Deployment}], overrides: [{}, {patch: [{op: add, path: /spec/template/spec/foo, value: 1}]}]}": "spec.overrides[0]: Required value",
		"{objects: [{kind: Deployment, name: web}], overrides: [{clusters: {names: [b]}, patch: [{op: add, path: /spec/template/spec/foo, value: 1}]}]}":          "for cluster b, they make Deployment web invalid: spec.template.spec.foo: unknown field",
		"{objects: [{kind: Deployment}], overrides: [{patch: [{op: replace, path: /spec/replicas, value: 1}]}]}":                                                  "spec.replicas of Deployment default/web is divided over the clusters",
		"{objects: [{kind: Deployment, labelSelector: {matchLabels: {app: web}}}], overrides: [{clusters: {names: [later]}, image: {container: nope, tag: v2}}]}": `container "nope" does not exist`,
	} {
		for _, dry := range [][]string{nil, {metav1.DryRunAll}} {
			w := newWorld(t)
			for _, name := range []string{"a", "b"} {
				w.Members[name] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
			}
			w.Put(key("default/deployments.apps/web"), strings.Replace(web, "{name: web}", "{name: web, labels: {app: web}}", 1))
			err := w.create(t, object(t, placed("p", spec)), dry...)
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", spec, err, want)
			}
			if len(w.Specs) != 1 || len(w.written) > 0 {
				t.Errorf("%s: something was written", spec)
			}
		}
	}
}

func TestPlacementThatFits(t *testing.T) {
	for what, spec := range map[string]string{
		"another decides the object":        "{objects: [{kind: Deployment}], overrides: [{image: {container: nope, tag: v2}}]}",
		"one that is copied":                "{objects: [{kind: Deployment, name: web}], strategy: Copy, overrides: [{patch: [{op: replace, path: /spec/replicas, value: 1}]}]}",
		"each override in its cluster":      "{objects: [{kind: Deployment, name: web}], overrides: [{clusters: {names: [a]}, patch: [{op: add, path: /metadata/annotations, value: {}}]}, {clusters: {names: [b]}, image: {tag: v2}}]}",
		"one that builds on another":        "{objects: [{kind: Deployment, name: web}], overrides: [{patch: [{op: add, path: /metadata/annotations, value: {}}]}, {clusters: {regions: [eu]}, patch: [{op: add, path: /metadata/annotations/a, value: b}]}]}",
		"a custom resource that is to come": "{objects: [{apiGroup: example.com, kind: Widget}], overrides: [{image: {tag: v2}}]}",
	} {
		w := newWorld(t)
		w.Members["a"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
		w.Put(key("default/deployments.apps/web"), web)
		w.Put(key("default/placements.kubectl-fed.io/closer"), placed("closer", "{objects: [{kind: Deployment, name: web}]}"))
		if err := w.create(t, object(t, placed("a-first", spec))); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestObjectThatItsPlacementDoesNotFit(t *testing.T) {
	w := newWorld(t)
	image := "{objects: [{kind: Deployment, name: web}], overrides: [{image: {container: main, tag: v2}}]}"
	if err := w.create(t, object(t, placed("p", image))); err != nil {
		t.Fatal(err)
	}
	want := `Deployment.apps "web" is invalid: spec: Invalid value: Placement p does not fit it: spec.overrides[0].image: container "main" does not exist in Deployment default/web (it has "web"); change the one or the other`
	for _, dry := range [][]string{nil, {metav1.DryRunAll}} {
		if err := w.create(t, object(t, web), dry...); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	other := object(t, web)
	other.SetName("other")
	if err := w.create(t, other); err != nil {
		t.Errorf("one that is not selected: %v", err)
	}
	// What this command wrote counts at once.
	if err := w.client.Resource(placements).Namespace("default").Delete(t.Context(), "p", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.create(t, object(t, web)); err != nil {
		t.Errorf("after its Placement was deleted: %v", err)
	}
}

func TestAnnotationsOfV1AreRead(t *testing.T) {
	for annotation, want := range map[string]string{
		`federation.kubernetes.io/deployment-preferences: '{"clusters": {"*": {"weight": "1"}}}'`: `metadata.annotations[federation.kubernetes.io/deployment-preferences]: Invalid value: line 1, column 31: clusters[*].weight: want a whole number, not "1"`,
		`federation.alpha.kubernetes.io/cluster-selector: '[{"key": "a", "operator": "is"}]'`:     `line 1, column 27: [0].operator: unknown operator "is"`,
	} {
		w := newWorld(t)
		bad := object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: cc, annotations: {"+annotation+"}}}")
		if err := w.create(t, bad); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		// On a cluster-scoped object, too.
		bad.SetKind("Namespace")
		if _, err := w.client.Resource(namespaces).Create(t.Context(), bad, metav1.CreateOptions{}); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	w := newWorld(t)
	good := object(t, `{apiVersion: v1, kind: Namespace, metadata: {name: nn, annotations: {federation.alpha.kubernetes.io/cluster-selector: '[{"key": "a", "operator": "exists"}]'}}}`)
	if _, err := w.client.Resource(namespaces).Create(t.Context(), good, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}
