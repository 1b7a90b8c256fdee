package v1alpha1

import (
	"cmp"
	"slices"
	"strings"
)

// Decides returns the Placement that decides an object, or nil: one that names
// it, else one that selects it by label, else one that selects its kind; among
// equals the first by name. A Placement that is being deleted decides nothing,
// and none decides a cluster-scoped object.
//
// Who asks for many objects makes Decisions once.
func Decides(placements []*Placement, group, kind, namespace, name string, labels map[string]string) *Placement {
	return NewDecisions(placements).For(group, kind, namespace, name, labels)
}

// Decisions are Placements in the order in which they are asked. They are
// immutable, and answer without allocating.
type Decisions struct {
	byNamespace map[string][]*Placement
}

// NewDecisions sorts the Placements. They must not be changed afterwards.
func NewDecisions(placements []*Placement) *Decisions {
	d := &Decisions{byNamespace: map[string][]*Placement{}}
	for _, p := range placements {
		if p.DeletionTimestamp == nil {
			d.byNamespace[p.Namespace] = append(d.byNamespace[p.Namespace], p)
		}
	}
	for _, list := range d.byNamespace {
		slices.SortFunc(list, func(a, b *Placement) int { return cmp.Compare(a.Name, b.Name) })
	}
	return d
}

// For is what Decides says of one object.
func (d *Decisions) For(group, kind, namespace, name string, labels map[string]string) *Placement {
	if namespace == "" {
		return nil
	}
	var best *Placement
	closest := notSelected
	for _, p := range d.byNamespace[namespace] {
		for i := range p.Spec.Objects {
			if c := p.Spec.Objects[i].selects(group, kind, name, labels); c < closest {
				best, closest = p, c
			}
		}
	}
	return best
}

// Selects says whether any of the Placement's entries matches an object of its
// namespace, whether or not it decides it.
func (p *Placement) Selects(group, kind, name string, labels map[string]string) bool {
	return slices.ContainsFunc(p.Spec.Objects, func(s ObjectSelector) bool {
		return s.selects(group, kind, name, labels) < notSelected
	})
}

// closeness of a selector to an object; the lowest decides.
type closeness int

const (
	byName closeness = iota
	byLabel
	byKind
	notSelected
)

// IsFor says whether the selector is about objects of a kind.
func (s *ObjectSelector) IsFor(group, kind string) bool {
	return s.Kind == kind && s.selectsGroup(group)
}

func (s *ObjectSelector) selects(group, kind, name string, labels map[string]string) closeness {
	switch {
	case !s.IsFor(group, kind):
		return notSelected
	case s.Name != "":
		if s.Name == name {
			return byName
		}
		return notSelected
	case s.LabelSelector == nil:
		return byKind
	}
	if (mismatch(s.LabelSelector, labels) != unmet{}) {
		return notSelected
	}
	return byLabel
}

// selectsGroup: without a group a selector means Kubernetes' own kind of that
// name, which is in one group only, and the core one wherever that has it.
func (s *ObjectSelector) selectsGroup(group string) bool {
	return s.APIGroup == group || s.APIGroup == "" && kubernetesGroup(group) && !coreKinds[s.Kind]
}

// kubernetesGroup says whether a group is Kubernetes' own: no one else may
// have a group without a dot, or one under k8s.io.
func kubernetesGroup(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}

// coreKinds are those of the core group that another group's kinds share their
// names with, in Kubernetes itself or commonly elsewhere.
var coreKinds = map[string]bool{"Binding": true, "ConfigMap": true, "Endpoints": true, "Event": true, "LimitRange": true,
	"Namespace": true, "Node": true, "PersistentVolume": true, "PersistentVolumeClaim": true, "Pod": true, "PodTemplate": true,
	"ReplicationController": true, "ResourceQuota": true, "Secret": true, "Service": true, "ServiceAccount": true}
