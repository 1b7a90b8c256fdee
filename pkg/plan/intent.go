package plan

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/rollout"
)

// intent is what is wanted of one object, and what was rendered for it. It
// holds as long as spec and policy stay the same.
type intent struct {
	generation int64
	policy     *policy
	scale      scale
	total      amount
	// divided: total is divided over the clusters.
	divided bool
	// unsaid: the spec names no number of replicas.
	unsaid bool
	// target is what an autoscaler scales.
	target v1alpha1.Key
	// refs are what its pods name.
	refs []v1alpha1.Key
	// backends are the Services that it has served.
	backends []v1alpha1.Key
	paused   bool
	approved string
	hash     string
	rendered map[renderKey]*Placed
	lastKey  renderKey
	last     *Placed
	objects  map[objectKey]*unstructured.Unstructured
}

// resolve finds the intent of an item that is followed. A fault holds it.
func (p *planner) resolve(it *item) bool {
	if s, found := p.doubt(it); found {
		it.state = keep
		if s.message != "" {
			it.hold(v1alpha1.HeldPlacement, s.said())
		}
		return false
	}
	if scaleOf(it.key) == asAutoscaler && p.unreadTarget(it) {
		it.state = keep // where it goes is not known just now
		return false
	}
	pol := p.policy(it)
	pol.evaluate(p.members, p.cache.roster)
	it.placement = pol.name()
	if pol.fault != "" {
		it.hold(v1alpha1.HeldPlacement, pol.fault)
		return false
	}
	if in := it.intent; in != nil && in.generation == it.spec.Generation && in.policy == pol {
		return true
	}
	in, err := newIntent(it.spec, pol)
	if err != nil {
		it.hold(v1alpha1.HeldCorrupt, err.Error())
		return false
	}
	it.intent = in
	return true
}

func newIntent(s *Spec, pol *policy) (*intent, error) {
	annotations := s.Object.GetAnnotations()
	in := &intent{generation: s.Generation, policy: pol, scale: scaleOf(s.Key), total: whole,
		paused: annotations[v1alpha1.AnnotationRolloutPaused] == "true", approved: annotations[v1alpha1.AnnotationRolloutApproved],
		rendered: map[renderKey]*Placed{}, objects: map[objectKey]*unstructured.Unstructured{}}
	if pol.strategy == v1alpha1.StrategyDivide && in.scale != unscaled && scales(s) {
		in.divided = true
		var err error
		if in.total, err = amountOf(in.scale, s.Object); err != nil {
			return nil, err
		}
		in.unsaid = in.scale == byReplicas && !saysReplicas(s.Object)
	}
	if in.scale == asAutoscaler {
		in.target = scaleTarget(s)
	}
	if pol.follow {
		in.refs = references(s)
	}
	in.backends = backends(s)
	if pol.rollout != nil {
		in.hash = rollout.Hash(s.Object, pol.overrides...)
	}
	return in, nil
}

// scales says whether the object has the number that is to be divided. Only a
// custom resource may lack it: in Kubernetes' own kinds absent means 1.
func scales(s *Spec) bool {
	if !strings.Contains(s.Key.Group, ".") {
		return true
	}
	return saysReplicas(s.Object)
}

func saysReplicas(o *unstructured.Unstructured) bool {
	v, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
	return v != nil
}

// policy of an item. An autoscaler that nothing else speaks about is placed as
// what it scales.
func (p *planner) policy(it *item) *policy {
	k := p.policyKey(it.spec)
	if scaleOf(it.key) == asAutoscaler && k.placement == nil && k.selector == "" {
		if target := p.cache.byKey[scaleTarget(it.spec)]; target != nil && target.spec != nil {
			t := p.policyKey(target.spec)
			k.placement, k.selector, k.preferences = t.placement, t.selector, t.preferences
			k.target = t.kind
		}
	}
	pol := p.cache.policies[k]
	if pol == nil {
		pol = newPolicy(k)
		p.cache.policies[k] = pol
	}
	return pol
}

// unreadTarget says whether what an autoscaler scales is there, but cannot be
// followed.
func (p *planner) unreadTarget(it *item) bool {
	target := p.item(scaleTarget(it.spec))
	return target != nil && target.spec == nil
}

func (p *planner) policyKey(s *Spec) policyKey {
	kind, annotations := s.Object.GetKind(), s.Object.GetAnnotations()
	k := policyKey{group: s.Key.Group, kind: kind, clusterScoped: s.Key.Namespace == "", selector: annotations[v1alpha1.AnnotationV1ClusterSelector],
		placement: p.cache.placements.decisions.For(s.Key.Group, kind, s.Key.Namespace, s.Key.Name, s.Object.GetLabels())}
	if name := v1alpha1.PreferencesAnnotation(s.Key.Group, kind); name != "" {
		k.preferences = annotations[name]
	}
	return k
}

// scaleTarget is the key that an autoscaler names; the zero Key if it is of no
// kind that is known here.
func scaleTarget(s *Spec) v1alpha1.Key {
	ref, _, _ := unstructured.NestedStringMap(s.Object.Object, "spec", "scaleTargetRef")
	k := v1alpha1.Key{Namespace: s.Key.Namespace, Name: ref["name"], Group: "apps"}
	switch ref["kind"] {
	case "Deployment":
		k.Resource = "deployments"
	case "ReplicaSet":
		k.Resource = "replicasets"
	case "StatefulSet":
		k.Resource = "statefulsets"
	case "ReplicationController":
		k.Group, k.Resource = "", "replicationcontrollers"
	default:
		return v1alpha1.Key{}
	}
	return k
}
