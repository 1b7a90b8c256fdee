package override

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Matching are the overrides for a cluster that matches tells of, in order. Those
// for others are left empty rather than out, so that an error of Apply names an
// override as its Placement counts it. None at all is nil.
func Matching(overrides []v1alpha1.Override, matches func(v1alpha1.ClusterSelector) bool) []v1alpha1.Override {
	var matching []v1alpha1.Override
	for i := range overrides {
		if s := overrides[i].Clusters; s != nil && !matches(*s) {
			continue
		}
		if matching == nil {
			matching = make([]v1alpha1.Override, len(overrides))
		}
		matching[i] = overrides[i]
	}
	return matching
}

// Apply changes the object by all overrides, in order; on error it is
// unchanged. Divided are JSON pointers of the fields that are divided over the
// clusters (v1alpha1.DividedFields), which no override may change.
func Apply(o *unstructured.Unstructured, overrides []v1alpha1.Override, divided ...string) error {
	if len(overrides) == 0 {
		return nil
	}
	t := target{object: o.DeepCopy(), divided: divided}
	for i := range overrides {
		if err := t.apply(&overrides[i]); err != nil {
			return fmt.Errorf("overrides[%d].%w", i, err)
		}
	}
	o.Object = t.object.Object
	return nil
}

// target is the copy that is being changed.
type target struct {
	object  *unstructured.Unstructured
	divided []string
}

// String names the object: "Deployment default/web".
func (t *target) String() string {
	name := t.object.GetName()
	if ns := t.object.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return t.object.GetKind() + " " + name
}

func (t *target) apply(o *v1alpha1.Override) error {
	if o.Image != nil {
		if err := t.image(o.Image); err != nil {
			return fmt.Errorf("image: %w", err)
		}
	}
	for i := range o.Env {
		if err := t.env(&o.Env[i]); err != nil {
			return fmt.Errorf("env[%d]: %w", i, err)
		}
	}
	if o.Resources != nil {
		if err := t.resources(o.Resources); err != nil {
			return fmt.Errorf("resources: %w", err)
		}
	}
	return t.patch(o.Patch)
}
