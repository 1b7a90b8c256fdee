package server

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// catalog is what discovery tells: the table of kinds, our own, and the old
// versions that are accepted and converted. It is immutable.
type catalog struct {
	table *kinds.Table
	// served in the order of discovery: groups as the table has them, old
	// groups last, so that a bare "ingresses" means the current one.
	served []kinds.Kind
	// current is what an object under that path is kept as.
	current map[schema.GroupVersionResource]kinds.Kind
}

func newCatalog(table *kinds.Table) *catalog {
	table = table.With(ownKinds()...)
	c := &catalog{table: table, current: map[schema.GroupVersionResource]kinds.Kind{}}
	for _, k := range table.All() {
		c.add(k, k)
	}
	old := manifest.OldVersions()
	from := make([]schema.GroupVersionKind, 0, len(old))
	for gvk := range old {
		from = append(from, gvk)
	}
	slices.SortFunc(from, func(a, b schema.GroupVersionKind) int { return compareText(a.String(), b.String()) })
	for _, gvk := range from {
		now, ok := table.ForKind(old[gvk])
		if _, served := table.ForKind(gvk); !ok || served {
			continue
		}
		k := now
		k.Group, k.Version, k.Kind, k.ShortNames, k.Categories = gvk.Group, gvk.Version, gvk.Kind, nil, nil
		c.add(k, now)
	}
	return c
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (c *catalog) add(k, current kinds.Kind) {
	c.served = append(c.served, k)
	c.current[k.GVR()] = current
}

// ownKinds are the federation's, not its members'.
func ownKinds() []kinds.Kind {
	return []kinds.Kind{
		{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: "Cluster", Resource: clustersResource, Singular: "cluster"},
		{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: "Federation", Resource: federationsResource, Singular: "federation"},
	}
}

const (
	clustersResource    = "clusters"
	federationsResource = "federations"
)

// keyOf names an object of a kind.
func keyOf(k kinds.Kind, namespace, name string) v1alpha1.Key {
	if !k.Namespaced {
		namespace = ""
	}
	return v1alpha1.Key{Namespace: namespace, Resource: k.Resource, Group: k.Group, Name: name}
}
