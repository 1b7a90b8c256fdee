package override

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// podSpecPath is where a kind keeps the spec of its pods. Kinds that are not
// listed, custom resources among them, have it where workloads do, if at all.
func podSpecPath(o *unstructured.Unstructured) []string {
	gvk := o.GroupVersionKind()
	switch gvk.Group + "/" + gvk.Kind {
	case "/Pod":
		return []string{"spec"}
	case "/PodTemplate":
		return []string{"template", "spec"}
	case "batch/CronJob":
		return []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return []string{"spec", "template", "spec"}
}

// eachContainer hands the containers and init containers of that name, all for
// the empty name, to change. That there are none is an error.
func (t *target) eachContainer(name string, change func(name string, c map[string]any) error) error {
	spec, found, err := unstructured.NestedFieldNoCopy(t.object.Object, podSpecPath(t.object)...)
	pod, ok := spec.(map[string]any)
	if err != nil || !found || !ok {
		return fmt.Errorf("%s has no pod template; select it by a Placement without this override", t)
	}
	var names []string
	changed := false
	for _, list := range []string{"containers", "initContainers"} {
		items, _ := pod[list].([]any)
		for _, item := range items {
			c, _ := item.(map[string]any)
			own, _ := c["name"].(string)
			if c == nil {
				return fmt.Errorf("%s: %s holds what is no container", t, list)
			}
			names = append(names, strconv.Quote(own))
			if name != "" && name != own {
				continue
			}
			if err := change(own, c); err != nil {
				return err
			}
			changed = true
		}
	}
	switch {
	case changed:
		return nil
	case len(names) == 0:
		return fmt.Errorf("%s has no containers", t)
	}
	return fmt.Errorf("container %q does not exist in %s (it has %s)", name, t, and(names))
}

// and lists words: a, b and c.
func and(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

func (t *target) env(o *v1alpha1.EnvOverride) error {
	return t.eachContainer(o.Container, func(name string, c map[string]any) error {
		list, ok := c["env"].([]any)
		if !ok && c["env"] != nil {
			return fmt.Errorf("env of container %q of %s is no list", name, t)
		}
		set := false
		for _, item := range list {
			if v, ok := item.(map[string]any); ok && v["name"] == o.Name {
				v["value"], set = o.Value, true
				delete(v, "valueFrom")
			}
		}
		if !set {
			list = append(list, map[string]any{"name": o.Name, "value": o.Value})
		}
		c["env"] = list
		return nil
	})
}

func (t *target) resources(o *v1alpha1.ResourcesOverride) error {
	return t.eachContainer(o.Container, func(name string, c map[string]any) error {
		all, err := part(c, "resources")
		if err != nil {
			return fmt.Errorf("container %q of %s: %w", name, t, err)
		}
		if err := errors.Join(setQuantities(all, "requests", o.Requests), setQuantities(all, "limits", o.Limits)); err != nil {
			return fmt.Errorf("container %q of %s: %w", name, t, err)
		}
		if what := overLimit(all); what != "" {
			return fmt.Errorf("container %q of %s would request more %s than its limit; override both", name, t, what)
		}
		return nil
	})
}

// part is a map in a map, which it makes if there is none.
func part(m map[string]any, name string) (map[string]any, error) {
	sub, ok := m[name].(map[string]any)
	if !ok && m[name] != nil {
		return nil, fmt.Errorf("%s is no mapping", name)
	}
	if sub == nil {
		sub = map[string]any{}
		m[name] = sub
	}
	return sub, nil
}

func setQuantities(resources map[string]any, list string, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	m, err := part(resources, list)
	if err != nil {
		return err
	}
	for name, v := range values {
		m[name] = v
	}
	return nil
}

// overLimit names a resource of which more is requested than allowed; a member
// would refuse the pod.
func overLimit(resources map[string]any) string {
	requests, _ := resources["requests"].(map[string]any)
	limits, _ := resources["limits"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		request, err := resource.ParseQuantity(fmt.Sprint(requests[name]))
		limit, ok := limits[name]
		if err != nil || !ok {
			continue
		}
		if most, err := resource.ParseQuantity(fmt.Sprint(limit)); err == nil && request.Cmp(most) > 0 {
			return name
		}
	}
	return ""
}
