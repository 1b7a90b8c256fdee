package kinds

import (
	"errors"
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// FromDefinition reads the kinds that a CustomResourceDefinition declares, its
// storage version first.
func FromDefinition(crd *unstructured.Unstructured) ([]Kind, error) {
	d := apiextensionsv1.CustomResourceDefinition{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(crd.Object, &d); err != nil {
		return nil, fmt.Errorf("definition %s: %w", crd.GetName(), err)
	}
	if d.Spec.Group == "" || d.Spec.Names.Plural == "" || d.Spec.Names.Kind == "" {
		return nil, fmt.Errorf("definition %s: %w", crd.GetName(), errors.New("spec.group, spec.names.plural and spec.names.kind are required"))
	}
	var found []Kind
	for _, v := range d.Spec.Versions {
		if !v.Served {
			continue
		}
		k := fromVersion(&d, &v)
		if v.Storage {
			found = append([]Kind{k}, found...)
		} else {
			found = append(found, k)
		}
	}
	return found, nil
}

func fromVersion(d *apiextensionsv1.CustomResourceDefinition, v *apiextensionsv1.CustomResourceDefinitionVersion) Kind {
	singular := d.Spec.Names.Singular
	if singular == "" {
		singular = strings.ToLower(d.Spec.Names.Kind)
	}
	return Kind{
		Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind, Resource: d.Spec.Names.Plural, Singular: singular,
		Namespaced: d.Spec.Scope == apiextensionsv1.NamespaceScoped,
		ShortNames: d.Spec.Names.ShortNames, Categories: d.Spec.Names.Categories,
		Verbs: []string{"create", "delete", "get", "list", "patch", "update", "watch"},
		Scale: v.Subresources != nil && v.Subresources.Scale != nil,
	}
}
