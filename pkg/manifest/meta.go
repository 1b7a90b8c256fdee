package manifest

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// checkMeta checks name, namespace, labels and annotations as an API server
// would, and returns the first fault.
func checkMeta(kind kinds.Kind, u *unstructured.Unstructured) error {
	meta := field.NewPath("metadata")
	if _, ok := u.Object["metadata"].(map[string]any); !ok {
		return field.Required(meta.Child("name"), "name is required")
	}
	if u.GetName() == "" {
		if u.GetGenerateName() != "" {
			return field.Required(meta.Child("name"), "a federated object needs a name: generateName would differ from run to run")
		}
		return field.Required(meta.Child("name"), "name is required")
	}
	if msgs := nameRule(kind)(u.GetName(), false); len(msgs) > 0 {
		return field.Invalid(meta.Child("name"), u.GetName(), strings.Join(msgs, "; "))
	}
	if err := checkNamespace(kind, u, meta.Child("namespace")); err != nil {
		return err
	}
	errs := metav1validation.ValidateLabels(u.GetLabels(), meta.Child("labels"))
	errs = append(errs, validation.ValidateAnnotations(u.GetAnnotations(), meta.Child("annotations"))...)
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

func checkNamespace(kind kinds.Kind, u *unstructured.Unstructured, at *field.Path) error {
	ns := u.GetNamespace()
	switch {
	case ns == "":
		return nil
	case !kind.Namespaced:
		return field.Forbidden(at, fmt.Sprintf("%s is cluster-scoped", kind.Kind))
	}
	if msgs := validation.ValidateNamespaceName(ns, false); len(msgs) > 0 {
		return field.Invalid(at, ns, strings.Join(msgs, "; "))
	}
	return nil
}

// nameRule is what the kind's API server demands of a name.
func nameRule(kind kinds.Kind) validation.ValidateNameFunc {
	switch kind.GR().String() {
	case "namespaces":
		return validation.ValidateNamespaceName
	case "services":
		return validation.NameIsDNS1035Label
	case "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io",
		"clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io":
		return func(name string, _ bool) []string { return content.IsPathSegmentName(name) }
	default:
		return validation.NameIsDNSSubdomain
	}
}
