package server

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/override"
)

var placements = schema.GroupResource{Group: v1alpha1.Group, Resource: v1alpha1.ResourcePlacements}

// intents remembers for a moment the Placements of namespaces, and the members
// that overrides are for. The zero value remembers nothing.
type intents struct {
	mu      sync.Mutex
	seen    map[string]seenIntents
	members []v1alpha1.Cluster
	located time.Time // when the members were read
}

type seenIntents struct {
	list []*v1alpha1.Placement
	at   time.Time
}

func (i *intents) forget(namespace string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.seen, namespace)
}

func (i *intents) get(namespace string, now time.Time) ([]*v1alpha1.Placement, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, ok := i.seen[namespace]
	return s.list, ok && now.Sub(s.at) < recentFor
}

func (i *intents) put(namespace string, list []*v1alpha1.Placement, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen == nil {
		i.seen = map[string]seenIntents{}
	}
	i.seen[namespace] = seenIntents{list, now}
}

// placements of a namespace; those that cannot be read are the leader's to
// report.
func (s *Server) placements(ctx context.Context, namespace string) ([]*v1alpha1.Placement, error) {
	now := s.Now()
	if list, ok := s.intents.get(namespace, now); ok {
		return list, nil
	}
	kind, _ := s.catalogs.builtin.table.ForResource(placements)
	records, _, err := specs{s}.records(ctx, kind, namespace)
	if err != nil {
		return nil, fmt.Errorf("read the Placements of namespace %s: %w", namespace, err)
	}
	var list []*v1alpha1.Placement
	for _, rec := range records {
		o, err := manifest.DecodeSpec(rec, s.catalogs.builtin.table)
		if err != nil {
			continue
		}
		if p, err := v1alpha1.PlacementOf(o.Object.Object); err == nil {
			list = append(list, p)
		}
	}
	s.intents.put(namespace, list, now)
	return list, nil
}

// overlaid are the Placements as they will be with those submitted now.
func overlaid(stored []*v1alpha1.Placement, namespace string, submitted []*unstructured.Unstructured) []*v1alpha1.Placement {
	all := slices.Clone(stored)
	for _, obj := range submitted {
		if obj.GetNamespace() != namespace || !isPlacement(obj) {
			continue
		}
		p, err := v1alpha1.PlacementOf(obj.Object)
		if err != nil {
			continue // refused in its own right
		}
		all = slices.DeleteFunc(all, func(old *v1alpha1.Placement) bool { return old.Name == p.Name })
		all = append(all, p)
	}
	return all
}

func isPlacement(obj *unstructured.Unstructured) bool {
	return obj.GroupVersionKind().GroupKind() == schema.GroupKind{Group: v1alpha1.Group, Kind: v1alpha1.KindPlacement}
}

// variant are the overrides that some cluster has, and who that is.
type variant struct {
	overrides []v1alpha1.Override
	who       string
}

// variants are the different ones of the members that the Placement selects.
// An override that is for none of them comes with those that are for all.
func (s *Server) variants(ctx context.Context, p *v1alpha1.Placement) ([]variant, error) {
	members, err := s.located(ctx)
	if err != nil {
		return nil, err
	}
	var all []variant
	seen, used := map[string]bool{}, make([]bool, len(p.Spec.Overrides))
	for i := range members {
		m := &members[i]
		if ok, _ := p.Spec.Clusters.Matches(m, m.Spec.Region, m.Spec.Zones); !ok {
			continue
		}
		fitting := override.Matching(p.Spec.Overrides, func(sel v1alpha1.ClusterSelector) bool {
			ok, _ := sel.Matches(m, m.Spec.Region, m.Spec.Zones)
			return ok
		})
		if id := usedBy(fitting, used); id != "" && !seen[id] {
			seen[id] = true
			all = append(all, variant{fitting, "cluster " + m.Name})
		}
	}
	for i, u := range slices.Clone(used) {
		if u {
			continue
		}
		own := p.Spec.Overrides[i].Clusters
		fitting := override.Matching(p.Spec.Overrides, func(sel v1alpha1.ClusterSelector) bool { return reflect.DeepEqual(&sel, own) })
		usedBy(fitting, used)
		all = append(all, variant{fitting, fmt.Sprintf("clusters of overrides[%d]", i)})
	}
	return all, nil
}

// usedBy notes which overrides there are, and names that set; none is "".
func usedBy(fitting []v1alpha1.Override, used []bool) string {
	var id strings.Builder
	for i := range fitting {
		o := &fitting[i]
		if o.Image != nil || len(o.Env) > 0 || o.Resources != nil || len(o.Patch) > 0 {
			used[i] = true
			fmt.Fprintf(&id, "%d,", i)
		}
	}
	return id.String()
}

// located are the members, their region and zones what join was told or else
// what they reported.
func (s *Server) located(ctx context.Context) ([]v1alpha1.Cluster, error) {
	s.intents.mu.Lock()
	defer s.intents.mu.Unlock()
	if now := s.Now(); s.intents.located.IsZero() || now.Sub(s.intents.located) >= recentFor {
		members, err := s.readLocated(ctx)
		if err != nil {
			return nil, err
		}
		s.intents.members, s.intents.located = members, now
	}
	return s.intents.members, nil
}

func (s *Server) readLocated(ctx context.Context) ([]v1alpha1.Cluster, error) {
	members, err := s.Roster.Clusters(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the members: %w", err)
	}
	statuses, err := s.Statuses.ClusterStatuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the status of the members: %w", err)
	}
	for i := range members {
		m := &members[i]
		st, ok := statuses[m.Name]
		if !ok || st.UID != m.UID {
			continue
		}
		if m.Spec.Region == "" {
			m.Spec.Region = st.Region
		}
		if len(m.Spec.Zones) == 0 {
			m.Spec.Zones = st.Zones
		}
	}
	return members, nil
}

// selectedKinds are those that a selector is about, as objects are kept.
func selectedKinds(c *catalog, sel *v1alpha1.ObjectSelector) []kinds.Kind {
	var found []kinds.Kind
	for _, k := range c.table.All() {
		known := slices.ContainsFunc(found, func(f kinds.Kind) bool { return f.GR() == k.GR() })
		if !known && sel.IsFor(k.Group, k.Kind) {
			found = append(found, k)
		}
	}
	return found
}
