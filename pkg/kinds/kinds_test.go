package kinds_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

func TestBuiltinTable(t *testing.T) {
	for gvk, want := range map[schema.GroupVersionKind]struct {
		resource   string
		namespaced bool
		short      string
		scale      bool
	}{
		{Version: "v1", Kind: "ConfigMap"}:                                               {"configmaps", true, "cm", false},
		{Version: "v1", Kind: "Namespace"}:                                               {"namespaces", false, "ns", false},
		{Group: "apps", Version: "v1", Kind: "Deployment"}:                               {"deployments", true, "deploy", true},
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}:                     {"ingresses", true, "ing", false},
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}: {"customresourcedefinitions", false, "crd", false},
		{Group: "kubectl-fed.io", Version: "v1alpha1", Kind: "Placement"}:                {"placements", true, "pl", false},
	} {
		k, ok := kinds.Builtin().ForKind(gvk)
		if !ok || k.Resource != want.resource || k.Namespaced != want.namespaced || k.Scale != want.scale || len(k.ShortNames) == 0 || k.ShortNames[0] != want.short {
			t.Errorf("%v: %+v, %v", gvk, k, ok)
		}
	}
	if k, _ := kinds.Builtin().ForResource(schema.GroupResource{Group: "autoscaling", Resource: "horizontalpodautoscalers"}); k.Version != "v2" {
		t.Errorf("preferred version of horizontalpodautoscalers is %q, want v2", k.Version)
	}
}

func TestWithCannotRedefine(t *testing.T) {
	table := kinds.Builtin().With(kinds.Kind{Version: "v1", Kind: "ConfigMap", Resource: "evil"})
	if k, _ := table.ForKind(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}); k.Resource != "configmaps" {
		t.Errorf("a later entry replaced configmaps by %q", k.Resource)
	}
}
