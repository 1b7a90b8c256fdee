package rollout

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestAssign(t *testing.T) {
	part := func(text string) v1alpha1.Wave {
		v := intstr.Parse(text)
		return v1alpha1.Wave{Percentage: &v}
	}
	named := func(names ...string) v1alpha1.Wave {
		return v1alpha1.Wave{Clusters: &v1alpha1.ClusterSelector{Names: names}}
	}
	cases := []struct {
		name  string
		waves []v1alpha1.Wave
		want  []int // of the clusters a to f
	}{
		{"no policy", nil, []int{0, 0, 0, 0, 0, 0}},
		{"shares", []v1alpha1.Wave{part("10%"), part("50%"), part("100%")}, []int{0, 1, 1, 2, 2, 2}},
		{"the rest", []v1alpha1.Wave{part("50%")}, []int{0, 0, 0, 1, 1, 1}},
		{"a number is no percentage", []v1alpha1.Wave{part("2"), part("100%")}, []int{1, 1, 1, 1, 1, 1}},
		{"names first", []v1alpha1.Wave{named("e"), part("50%")}, []int{1, 1, 2, 2, 0, 2}},
		{"named twice", []v1alpha1.Wave{named("b", "c"), named("c", "d")}, []int{2, 0, 0, 1, 2, 2}},
		{"nobody", []v1alpha1.Wave{named("z"), part("0%"), {}}, []int{3, 3, 3, 3, 3, 3}},
		{"a smaller share than before", []v1alpha1.Wave{named("a", "b", "c", "d"), part("50%")}, []int{0, 0, 0, 0, 2, 2}},
		{"nonsense", []v1alpha1.Wave{part("half")}, []int{1, 1, 1, 1, 1, 1}},
	}
	for _, c := range cases {
		got := Assign(v1alpha1.Rollout{Waves: c.waves}, strings.Split("abcdef", ""),
			func(sel v1alpha1.ClusterSelector, name string) bool { return slices.Contains(sel.Names, name) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestHash(t *testing.T) {
	object := func(change func(o *unstructured.Unstructured)) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment",
			"metadata": map[string]any{"name": "web", "namespace": "default", "annotations": map[string]any{"note": "x"}},
			"spec":     map[string]any{"replicas": int64(3), "template": map[string]any{"image": "a"}}}}
		change(o)
		return o
	}
	set := func(v any, path ...string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			if err := unstructured.SetNestedField(o.Object, v, path...); err != nil {
				t.Fatal(err)
			}
		}
	}
	plain := Hash(object(func(*unstructured.Unstructured) {}))
	same := map[string]func(*unstructured.Unstructured){
		"replicas":         set(int64(9), "spec", "replicas"),
		"no replicas":      func(o *unstructured.Unstructured) { unstructured.RemoveNestedField(o.Object, "spec", "replicas") },
		"status":           set(int64(1), "status", "replicas"),
		"resource version": set("7", "metadata", "resourceVersion"),
		"pause":            set("true", "metadata", "annotations", v1alpha1.AnnotationRolloutPaused),
		"preferences":      set("{}", "metadata", "annotations", v1alpha1.AnnotationV1DeploymentPreferences),
		"last applied":     set("{}", "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
	}
	for name, change := range same {
		o := object(change)
		before := o.DeepCopy()
		if got := Hash(o); got != plain {
			t.Errorf("%s changes the hash", name)
		}
		if Hash(before) != Hash(o) {
			t.Errorf("%s: hashing changes the object", name)
		}
	}
	other := map[string]func(*unstructured.Unstructured){
		"image":      set("b", "spec", "template", "image"),
		"label":      set("b", "metadata", "labels", "tier"),
		"annotation": set("y", "metadata", "annotations", "note"),
		"restart":    set("now", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"),
		"data":       set("b", "data", "key"),
	}
	seen := map[string]string{plain: "nothing"}
	for name, change := range other {
		h := Hash(object(change))
		if was, ok := seen[h]; ok {
			t.Errorf("%s and %s have the same hash", name, was)
		}
		seen[h] = name
	}
	if Hash(object(set(int64(3), "spec", "replicas")), v1alpha1.Override{Image: &v1alpha1.ImageOverride{Tag: "2"}}) == plain {
		t.Error("overrides are no part of it")
	}
	hpa := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": map[string]any{"maxReplicas": int64(1)}}}
	bare := Hash(hpa)
	hpa.Object["spec"] = map[string]any{"maxReplicas": int64(5), "minReplicas": int64(2)}
	if Hash(hpa) != bare {
		t.Error("an autoscaler's bounds are content")
	}
}
