package manifest

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var placements = v1alpha1.GroupVersion.WithKind(v1alpha1.KindPlacement)

// checkIntent checks what is addressed to the federation: a Placement, and
// Federation v1's annotations on anything.
func checkIntent(d Document, u *unstructured.Unstructured) error {
	faults := v1alpha1.ValidateAnnotations(u.GetAnnotations())
	if u.GroupVersionKind() == placements {
		p, err := v1alpha1.PlacementOf(u.Object)
		if err != nil {
			return d.fault(err)
		}
		faults = append(faults, p.Validate()...)
	}
	all := make([]error, len(faults))
	for i, f := range faults {
		all[i] = metaFault(d, f)
	}
	return errors.Join(all...)
}

// badDuration names the field of a Placement that is no duration, which the
// decoder's own error does not.
func badDuration(u *unstructured.Unstructured) *field.Error {
	if u.GroupVersionKind() != placements {
		return nil
	}
	at := field.NewPath("spec", "rollout")
	rollout, _, _ := unstructured.NestedMap(u.Object, "spec", "rollout")
	for _, name := range []string{"minHealthyTime", "deadline"} {
		if err := durationFault(rollout[name], at.Child(name)); err != nil {
			return err
		}
	}
	waves, _ := rollout["waves"].([]any)
	for i, item := range waves {
		wave, _ := item.(map[string]any)
		if err := durationFault(wave["pause"], at.Child("waves").Index(i).Child("pause")); err != nil {
			return err
		}
	}
	return nil
}

func durationFault(v any, at *field.Path) *field.Error {
	text, ok := v.(string)
	if v == nil {
		return nil
	}
	if _, err := time.ParseDuration(text); !ok || err != nil {
		return field.Invalid(at, fmt.Sprint(v), "want a duration, such as 30s or 5m")
	}
	return nil
}
