package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// catalogs keeps the catalog of what every cluster serves, and for a moment
// the one that also has the federation's custom resources.
type catalogs struct {
	builtin *catalog

	mu   sync.Mutex
	full *catalog
	read time.Time
}

const catalogFor = 5 * time.Second

var definitions = v1alpha1.Key{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}

// catalog answers with the builtin one if that knows the resource; the bucket
// is only read for what it does not.
func (s *Server) catalogFor(ctx context.Context, gvr schema.GroupVersionResource) (*catalog, error) {
	if _, ok := s.catalogs.builtin.current[gvr]; ok {
		return s.catalogs.builtin, nil
	}
	return s.fullCatalog(ctx)
}

// fullCatalog has the custom resources that are defined in specs/ or that a
// member reports to serve.
func (s *Server) fullCatalog(ctx context.Context) (*catalog, error) {
	s.catalogs.mu.Lock()
	defer s.catalogs.mu.Unlock()
	if s.catalogs.full != nil && s.Now().Sub(s.catalogs.read) < catalogFor {
		return s.catalogs.full, nil
	}
	custom, err := CustomKinds(ctx, s.Specs, s.Statuses, s.Table)
	if err != nil {
		return nil, err
	}
	s.catalogs.full = newCatalog(s.Table.With(custom...))
	s.catalogs.read = s.Now()
	return s.catalogs.full, nil
}

// forgetCatalog makes the next lookup read again.
func (s *Server) forgetCatalog() {
	s.catalogs.mu.Lock()
	defer s.catalogs.mu.Unlock()
	s.catalogs.full = nil
}

// CustomKinds are those a federation defines in its specs, and those its
// members report.
func CustomKinds(ctx context.Context, specs Specs, statuses Statuses, table *kinds.Table) ([]kinds.Kind, error) {
	defined, err := definedKinds(ctx, specs, table)
	if err != nil {
		return nil, err
	}
	reported, err := reportedKinds(ctx, statuses)
	if err != nil {
		return nil, err
	}
	return slices.Concat(defined, reported), nil
}

func definedKinds(ctx context.Context, specs Specs, table *kinds.Table) ([]kinds.Kind, error) {
	prefix := v1alpha1.ClusterScope + "/" + definitions.GroupResource().String() + "/"
	listed, _, err := specs.ListSpecs(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list the custom resources: %w", err)
	}
	read, failed := specs.ReadSpecs(ctx, listed)
	for key, err := range failed {
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
	}
	var list []kinds.Kind
	for _, rec := range read {
		o, err := manifest.DecodeSpec(rec, table)
		if err != nil {
			continue // the leader reports it; it defines nothing
		}
		if found, err := kinds.FromDefinition(o.Object); err == nil {
			list = append(list, found...)
		}
	}
	return list, nil
}

func reportedKinds(ctx context.Context, statuses Statuses) ([]kinds.Kind, error) {
	members, err := statuses.ClusterStatuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what the members serve: %w", err)
	}
	var list []kinds.Kind
	for _, m := range members {
		for _, r := range m.Resources {
			list = append(list, kinds.Kind{Group: r.Group, Version: r.Version, Kind: r.Kind, Resource: r.Resource,
				Namespaced: r.Namespaced, ShortNames: r.ShortNames, Verbs: objectVerbs})
		}
	}
	slices.SortFunc(list, func(a, b kinds.Kind) int { return compareText(a.GVK().String(), b.GVK().String()) })
	return list, nil
}
