package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/duration"
)

const (
	none    = "<none>"
	pending = "<pending>"
	unset   = "<unset>"
	unknown = "<unknown>"
)

func (r row) text(path ...string) string {
	s, _, _ := unstructured.NestedString(r.Object, path...)
	return s
}

func (r row) num(path ...string) int64 {
	n, _, _ := unstructured.NestedInt64(r.Object, path...)
	return n
}

// items are the objects in a list; anything else in it is passed over.
func (r row) items(path ...string) []row {
	list, _, _ := unstructured.NestedSlice(r.Object, path...)
	var out []row
	for _, i := range list {
		if m, ok := i.(map[string]any); ok {
			out = append(out, row{&unstructured.Unstructured{Object: m}, r.now, r.copies})
		}
	}
	return out
}

func (r row) count(path ...string) int {
	switch v, _, _ := unstructured.NestedFieldNoCopy(r.Object, path...); v := v.(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return 0
}

func orNone(s string) string { return cmp.Or(s, none) }

func joined(list []string) string { return orNone(strings.Join(list, ",")) }

// since is how long ago a time was, as kubectl writes it.
func (r row) since(t metav1.Time) string {
	if t.IsZero() {
		return unknown
	}
	return duration.HumanDuration(r.now.Sub(t.Time))
}

func (r row) time(path ...string) metav1.Time {
	t, err := time.Parse(time.RFC3339, r.text(path...))
	if err != nil {
		return metav1.Time{}
	}
	return metav1.NewTime(t)
}

func named(name string, cell func(row) any) column { return column{name: name, cell: cell} }

func wide(name string, cell func(row) any) column { return column{name: name, wide: true, cell: cell} }

func nameColumn() column { return named("Name", func(r row) any { return r.GetName() }) }

func ageColumn() column {
	return named("Age", func(r row) any { return r.since(r.GetCreationTimestamp()) })
}

// textAt and numAt show a field; a missing text is <none>, a number 0.
func textAt(name string, path ...string) column {
	return named(name, func(r row) any { return orNone(r.text(path...)) })
}

func numAt(name string, path ...string) column {
	return named(name, func(r row) any { return r.num(path...) })
}

func boolAt(name string, path ...string) column {
	return named(name, func(r row) any {
		b, _, _ := unstructured.NestedBool(r.Object, path...)
		return fmt.Sprint(b)
	})
}

// anyAt shows a field that may be text or a number.
func anyAt(name, missing string, path ...string) column {
	return named(name, func(r row) any {
		v, found, _ := unstructured.NestedFieldNoCopy(r.Object, path...)
		if !found {
			return missing
		}
		return fmt.Sprint(v)
	})
}

// podColumns are what -o wide adds for a kind with a pod template.
func podColumns(template ...string) []column {
	containers := slices.Concat(template, []string{"spec", "containers"})
	each := func(field string) func(row) any {
		return func(r row) any {
			var list []string
			for _, c := range r.items(containers...) {
				list = append(list, c.text(field))
			}
			return joined(list)
		}
	}
	return []column{wide("Containers", each("name")), wide("Images", each("image"))}
}

func selectorColumn() column {
	return wide("Selector", func(r row) any {
		if s := selectorOf(r.Unstructured); s != "" {
			return s
		}
		return mapText(r, "spec", "selector")
	})
}

func mapText(r row, path ...string) string {
	m, _, err := unstructured.NestedStringMap(r.Object, path...)
	if err != nil {
		return none
	}
	var list []string
	for k, v := range m {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return joined(list)
}
