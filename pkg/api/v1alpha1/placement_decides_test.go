package v1alpha1_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func placement(name string, objects ...v1alpha1.ObjectSelector) *v1alpha1.Placement {
	return &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: v1alpha1.PlacementSpec{Objects: objects}}
}

func TestDecides(t *testing.T) {
	front := &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "front"}}
	kind := v1alpha1.ObjectSelector{Kind: "Deployment"}
	label := v1alpha1.ObjectSelector{Kind: "Deployment", LabelSelector: front}
	named := v1alpha1.ObjectSelector{Kind: "Deployment", Name: "web"}
	deleted := placement("a", named)
	deleted.DeletionTimestamp = &metav1.Time{}
	elsewhere := placement("a", named)
	elsewhere.Namespace = "other"
	type object struct{ group, kind, namespace, name string }
	web := object{"apps", "Deployment", "default", "web"}
	for what, test := range map[string]struct {
		placements []*v1alpha1.Placement
		object     object
		want       string
	}{
		"none":                                   {nil, web, ""},
		"a name over a label":                    {[]*v1alpha1.Placement{placement("a", label), placement("b", named)}, web, "b"},
		"a label over a kind":                    {[]*v1alpha1.Placement{placement("a", kind), placement("b", label)}, web, "b"},
		"the first by name":                      {[]*v1alpha1.Placement{placement("c", kind), placement("b", kind)}, web, "b"},
		"the closest entry of each":              {[]*v1alpha1.Placement{placement("a", kind), placement("b", kind, named)}, web, "b"},
		"one being deleted":                      {[]*v1alpha1.Placement{deleted, placement("b", kind)}, web, "b"},
		"one of another namespace":               {[]*v1alpha1.Placement{elsewhere}, web, ""},
		"another name":                           {[]*v1alpha1.Placement{placement("a", named)}, object{"apps", "Deployment", "default", "api"}, ""},
		"another kind":                           {[]*v1alpha1.Placement{placement("a", kind)}, object{"apps", "StatefulSet", "default", "web"}, ""},
		"a custom resource needs its group":      {[]*v1alpha1.Placement{placement("a", kind)}, object{"example.com", "Deployment", "default", "web"}, ""},
		"a custom resource with its group":       {[]*v1alpha1.Placement{placement("a", v1alpha1.ObjectSelector{APIGroup: "example.com", Kind: "Deployment"})}, object{"example.com", "Deployment", "default", "web"}, "a"},
		"the core kind is not another group's":   {[]*v1alpha1.Placement{placement("a", v1alpha1.ObjectSelector{Kind: "Event"})}, object{"events.k8s.io", "Event", "default", "web"}, ""},
		"a wrong group":                          {[]*v1alpha1.Placement{placement("a", v1alpha1.ObjectSelector{APIGroup: "batch", Kind: "Deployment"})}, web, ""},
		"cluster-scoped objects are not decided": {[]*v1alpha1.Placement{placement("a", v1alpha1.ObjectSelector{Kind: "Namespace"})}, object{"", "Namespace", "", "default"}, ""},
	} {
		got := ""
		if p := v1alpha1.Decides(test.placements, test.object.group, test.object.kind, test.object.namespace, test.object.name, map[string]string{"tier": "front"}); p != nil {
			got = p.Name
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", what, got, test.want)
		}
	}
}

func TestDecisionsDoNotAllocate(t *testing.T) {
	all := []*v1alpha1.Placement{placement("a", v1alpha1.ObjectSelector{Kind: "Deployment", LabelSelector: &metav1.LabelSelector{
		MatchLabels: map[string]string{"tier": "back"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Exists"}}}}),
		placement("b", v1alpha1.ObjectSelector{Kind: "Deployment"})}
	decisions, labels := v1alpha1.NewDecisions(all), map[string]string{"tier": "back"}
	if n := testing.AllocsPerRun(100, func() { decisions.For("apps", "Deployment", "default", "web", labels) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
