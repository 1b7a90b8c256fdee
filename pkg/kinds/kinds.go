// Package kinds is what resource types there are: the embedded table of a
// current API server's discovery and our Placement, plus the custom resources
// whose definitions the federation holds.
//
// In goes a group, version, kind or resource; out come plural, scope, short
// names. It asks no server.
package kinds

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is one resource type in one version.
type Kind struct {
	Group      string   `json:"group,omitempty"`
	Version    string   `json:"version"`
	Kind       string   `json:"kind"`
	Resource   string   `json:"resource"` // lower-case plural
	Singular   string   `json:"singular,omitempty"`
	Namespaced bool     `json:"namespaced,omitempty"`
	ShortNames []string `json:"shortNames,omitempty"`
	Categories []string `json:"categories,omitempty"`
	Verbs      []string `json:"verbs,omitempty"`
	Scale      bool     `json:"scale,omitempty"` // has a scale subresource
}

// GVK is the kind's group, version and kind.
func (k Kind) GVK() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind}
}

// GVR is the kind's group, version and resource.
func (k Kind) GVR() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}
}

// GR is the kind's group and resource.
func (k Kind) GR() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.Resource}
}

// Table is an immutable set of kinds. Of several versions of one resource the
// one added first is preferred.
type Table struct {
	all        []Kind
	byKind     map[schema.GroupVersionKind]int
	byResource map[schema.GroupResource]int
}

//go:embed builtin.json
var builtinJSON []byte

// Builtin is the table of a current Kubernetes API server, and Placement.
var Builtin = sync.OnceValue(func() *Table {
	var all []Kind
	if err := json.Unmarshal(builtinJSON, &all); err != nil {
		panic(fmt.Sprintf("kinds: embedded table: %v", err)) // generated; a test reads it
	}
	return New(append(all, placement()))
})

// New returns a table of these kinds. A version seen twice keeps its first entry.
func New(all []Kind) *Table {
	t := &Table{byKind: map[schema.GroupVersionKind]int{}, byResource: map[schema.GroupResource]int{}}
	for _, k := range all {
		if _, dup := t.byKind[k.GVK()]; dup {
			continue
		}
		t.byKind[k.GVK()] = len(t.all)
		if _, known := t.byResource[k.GR()]; !known {
			t.byResource[k.GR()] = len(t.all)
		}
		t.all = append(t.all, k)
	}
	return t
}

// With returns a table that has the additional kinds too. What the table
// already knows cannot be redefined.
func (t *Table) With(more ...Kind) *Table {
	if len(more) == 0 {
		return t
	}
	return New(slices.Concat(t.all, more))
}

// ForKind finds the kind in exactly that version.
func (t *Table) ForKind(gvk schema.GroupVersionKind) (Kind, bool) {
	i, ok := t.byKind[gvk]
	if !ok {
		return Kind{}, false
	}
	return t.all[i], true
}

// ForResource finds a resource in its preferred version.
func (t *Table) ForResource(gr schema.GroupResource) (Kind, bool) {
	i, ok := t.byResource[gr]
	if !ok {
		return Kind{}, false
	}
	return t.all[i], true
}

// All lists the kinds, preferred versions first within a resource. The caller
// must not change the slice.
func (t *Table) All() []Kind { return t.all }
