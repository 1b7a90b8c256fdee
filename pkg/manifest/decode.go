package manifest

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// Object is a decoded manifest in a version that current clusters serve.
type Object struct {
	Kind   kinds.Kind
	Object *unstructured.Unstructured
	// Source and Line of the document it came from.
	Source string
	Line   int
}

// Key names the object. A namespaced object without a namespace has an empty
// one until the caller fills it in.
func (o *Object) Key() v1alpha1.Key {
	return v1alpha1.Key{Namespace: o.Object.GetNamespace(), Group: o.Kind.Group, Resource: o.Kind.Resource, Name: o.Object.GetName()}
}

// Decode reads a document strictly: unknown and duplicate fields, wrong types
// and bad names are errors that name the line and the field. A List yields its
// items. Old versions are converted and said so in warnings.
func Decode(d Document, table *kinds.Table) (objects []*Object, warnings []string, err error) {
	raw, err := parse(d)
	if err != nil {
		return nil, nil, err
	}
	u := &unstructured.Unstructured{Object: raw}
	if err := checkType(u); err != nil {
		return nil, nil, d.fault(err)
	}
	if u.GetAPIVersion() == "v1" && u.GetKind() == "List" {
		return decodeList(d, u, table)
	}
	o, warnings, err := decodeOne(d, u, table)
	if err != nil {
		return nil, nil, err
	}
	return []*Object{o}, warnings, nil
}

func parse(d Document) (map[string]any, error) {
	if len(d.Raw) > MaxDocument {
		return nil, d.fault(errTooLarge)
	}
	var raw any
	j, err := yaml.YAMLToJSONStrict(d.Raw)
	if err != nil {
		return nil, yamlFault(d, err)
	}
	if err := unmarshalNumbers(j, &raw); err != nil {
		return nil, d.fault(err)
	}
	m, ok := raw.(map[string]any)
	if !ok {
		return nil, d.fault(errors.New("not a Kubernetes object: want a mapping with apiVersion and kind"))
	}
	return m, nil
}

func checkType(u *unstructured.Unstructured) error {
	for _, f := range []string{"apiVersion", "kind"} {
		if s, ok, err := unstructured.NestedString(u.Object, f); err != nil || !ok || s == "" {
			return fmt.Errorf("%s is not set", f)
		}
	}
	return nil
}

func decodeList(d Document, list *unstructured.Unstructured, table *kinds.Table) ([]*Object, []string, error) {
	items, _, err := unstructured.NestedSlice(list.Object, "items")
	if err != nil {
		return nil, nil, d.fault(err)
	}
	var objects []*Object
	var warnings []string
	for i, item := range items {
		at := d
		at.Line = lineOf(d, fmt.Sprintf("items[%d]", i))
		m, ok := item.(map[string]any)
		if !ok {
			return nil, nil, at.fault(fmt.Errorf("items[%d] is not an object", i))
		}
		u := &unstructured.Unstructured{Object: m}
		if err := checkType(u); err != nil {
			return nil, nil, at.fault(err)
		}
		o, w, err := decodeOne(Document{Source: at.Source, Line: at.Line}, u, table)
		if err != nil {
			return nil, nil, err
		}
		objects, warnings = append(objects, o), append(warnings, w...)
	}
	return objects, warnings, nil
}

func decodeOne(d Document, u *unstructured.Unstructured, table *kinds.Table) (*Object, []string, error) {
	if err := strict(d, u); err != nil {
		return nil, nil, err
	}
	current, warnings, err := convert(u)
	if err != nil {
		return nil, nil, d.fault(err)
	}
	kind, ok := table.ForKind(current.GroupVersionKind())
	if !ok {
		return nil, nil, d.fault(&NoKindError{GVK: current.GroupVersionKind()})
	}
	if err := checkMeta(kind, current); err != nil {
		return nil, nil, metaFault(d, err)
	}
	if err := checkIntent(d, current); err != nil {
		return nil, nil, err
	}
	return &Object{Kind: kind, Object: current, Source: d.Source, Line: d.Line}, warnings, nil
}

// NoKindError says that nothing is known of a kind.
type NoKindError struct{ GVK schema.GroupVersionKind }

func (e *NoKindError) Error() string {
	return fmt.Sprintf("no matches for kind %q in version %q: for a custom resource, submit its CustomResourceDefinition first",
		e.GVK.Kind, e.GVK.GroupVersion())
}

// DecodeSpec reads a stored spec. Path and content must agree; a namespace
// left out of the content is the path's.
func DecodeSpec(rec v1alpha1.SpecRecord, table *kinds.Table) (*Object, error) {
	docs, err := Documents(rec.Key.String()+".yaml", strings.NewReader(string(rec.Body)))
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, fmt.Errorf("%s.yaml: holds %d documents, want one", rec.Key, len(docs))
	}
	objects, _, err := Decode(docs[0], table)
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 {
		return nil, docs[0].fault(errors.New("a List cannot be one spec"))
	}
	o := objects[0]
	if o.Kind.Namespaced && o.Object.GetNamespace() == "" {
		o.Object.SetNamespace(rec.Key.Namespace)
	}
	if got := o.Key(); got != rec.Key {
		return nil, docs[0].fault(fmt.Errorf("the content is %s, which the path is not", got))
	}
	return o, nil
}

// Encode is how an object is stored as a spec.
func Encode(u *unstructured.Unstructured) ([]byte, error) {
	c := u.DeepCopy()
	v1alpha1.ForgetServerFields(c)
	return yaml.Marshal(c.Object)
}
