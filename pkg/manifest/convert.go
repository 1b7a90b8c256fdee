package manifest

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// conversion carries one old version's fields over to the current one.
type conversion struct {
	to    schema.GroupVersionKind
	apply func(u *unstructured.Unstructured) (warnings []string, err error)
}

// conversions are the versions that clusters no longer serve but manifests
// still carry. Fields are carried over; the current version's defaults hold.
var conversions = func() map[schema.GroupVersionKind]conversion {
	table := map[schema.GroupVersionKind]conversion{}
	add := func(from, to, kind string, apply func(*unstructured.Unstructured) ([]string, error)) {
		table[schema.FromAPIVersionAndKind(from, kind)] = conversion{schema.FromAPIVersionAndKind(to, kind), apply}
	}
	for _, old := range []string{"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"} {
		add(old, "apps/v1", "Deployment", convertWorkload)
		add(old, "apps/v1", "ReplicaSet", convertWorkload)
		add(old, "apps/v1", "DaemonSet", convertWorkload)
		add(old, "apps/v1", "StatefulSet", convertWorkload)
	}
	add("extensions/v1beta1", "networking.k8s.io/v1", "Ingress", convertIngress)
	add("networking.k8s.io/v1beta1", "networking.k8s.io/v1", "Ingress", convertIngress)
	add("extensions/v1beta1", "networking.k8s.io/v1", "NetworkPolicy", unchanged)
	add("batch/v1beta1", "batch/v1", "CronJob", unchanged)
	return table
}()

// OldVersions lists the kinds that Decode converts, for those who have to map
// them before they are decoded.
func OldVersions() map[schema.GroupVersionKind]schema.GroupVersionKind {
	old := map[schema.GroupVersionKind]schema.GroupVersionKind{}
	for from, c := range conversions {
		old[from] = c.to
	}
	return old
}

// convert returns the object in a version that current clusters serve.
func convert(u *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	from := u.GroupVersionKind()
	c, old := conversions[from]
	if !old {
		return u, nil, nil
	}
	out := u.DeepCopy()
	out.SetGroupVersionKind(c.to)
	lost, err := c.apply(out)
	if err != nil {
		return nil, nil, err
	}
	warnings := []string{fmt.Sprintf("%s %s %q: clusters no longer serve this version; stored as %s",
		from.GroupVersion(), from.Kind, u.GetName(), c.to.GroupVersion())}
	return out, append(warnings, lost...), nil
}

func unchanged(*unstructured.Unstructured) ([]string, error) { return nil, nil }

// convertWorkload fills in the selector, which the old versions took from the
// template's labels, and drops fields that are no more.
func convertWorkload(u *unstructured.Unstructured) ([]string, error) {
	var warnings []string
	for _, f := range []string{"rollbackTo", "templateGeneration"} {
		if _, found, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", f); found {
			unstructured.RemoveNestedField(u.Object, "spec", f)
			warnings = append(warnings, fmt.Sprintf("spec.%s is no more and was dropped", f))
		}
	}
	if _, found, _ := unstructured.NestedMap(u.Object, "spec", "selector"); found {
		return warnings, nil
	}
	labels, found, err := unstructured.NestedStringMap(u.Object, "spec", "template", "metadata", "labels")
	if err != nil || !found {
		return nil, fmt.Errorf("spec.selector is not set and spec.template.metadata.labels has nothing to take it from")
	}
	return warnings, unstructured.SetNestedStringMap(u.Object, labels, "spec", "selector", "matchLabels")
}

func convertIngress(u *unstructured.Unstructured) ([]string, error) {
	if backend, found, _ := unstructured.NestedMap(u.Object, "spec", "backend"); found {
		unstructured.RemoveNestedField(u.Object, "spec", "backend")
		if err := unstructured.SetNestedMap(u.Object, convertBackend(backend), "spec", "defaultBackend"); err != nil {
			return nil, err
		}
	}
	rules, found, err := unstructured.NestedSlice(u.Object, "spec", "rules")
	if err != nil || !found {
		return nil, err
	}
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		convertPaths(rule)
	}
	return nil, unstructured.SetNestedSlice(u.Object, rules, "spec", "rules")
}

func convertPaths(rule map[string]any) {
	http, _ := rule["http"].(map[string]any)
	paths, _ := http["paths"].([]any)
	for _, p := range paths {
		path, ok := p.(map[string]any)
		if !ok {
			continue
		}
		if backend, ok := path["backend"].(map[string]any); ok {
			path["backend"] = convertBackend(backend)
		}
		// What the old versions meant when they did not say.
		if path["pathType"] == nil {
			path["pathType"] = "ImplementationSpecific"
		}
	}
}

func convertBackend(old map[string]any) map[string]any {
	if resource, ok := old["resource"]; ok {
		return map[string]any{"resource": resource}
	}
	service := map[string]any{"name": old["serviceName"]}
	switch port := old["servicePort"].(type) {
	case string:
		service["port"] = map[string]any{"name": port}
	case nil:
	default:
		service["port"] = map[string]any{"number": port}
	}
	return map[string]any{"service": service}
}
