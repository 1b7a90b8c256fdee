package plan

import (
	"cmp"
	"fmt"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// defaultNamespace exists in every cluster, with or without a spec.
const defaultNamespace = "default"

// settle decides what becomes of an item and which uid it has. Namespaces are
// settled before what is in them: their keys come first.
func (p *planner) settle(it *item) {
	if isNamespace(it.key) {
		p.namespaces[it.key.Name] = it
	}
	it.dirty = it.dirty || p.unsettled[it.key.Namespace] || p.targetChanged(it)
	if !it.dirty {
		return
	}
	it.forget()
	switch {
	case it.broken != nil && it.broken.Message != "":
		it.hold(v1alpha1.HeldCorrupt, it.broken.Message)
	case it.broken != nil:
		it.state = keep
	case it.spec == nil:
		p.settleVanished(it)
	case it.spec.Object.GetDeletionTimestamp() != nil:
		it.state, it.propagation = remove, propagation(it.spec)
	default:
		p.settleLive(it)
	}
	it.uid = p.identify(it)
	if isNamespace(it.key) && it.state == follow {
		p.judge(it) // for what is in it
	}
}

// renew decides again what something else has changed.
func (p *planner) renew(it *item) {
	if it != nil && !it.dirty {
		it.dirty = true
		p.settle(it)
	}
}

// targetChanged says whether an autoscaler may be placed otherwise because of
// what it scales.
func (p *planner) targetChanged(it *item) bool {
	if it.intent == nil || it.intent.scale != asAutoscaler {
		return false
	}
	target := p.item(it.intent.target)
	return target != nil && target.dirty || p.dropped[it.intent.target]
}

func isNamespace(k v1alpha1.Key) bool {
	return k.Namespace == "" && k.Group == "" && k.Resource == "namespaces"
}

func (p *planner) settleVanished(it *item) {
	if p.confirmedGone(it) {
		it.state, it.propagation = remove, cmp.Or(p.confirmed[it.key].Propagation, v1alpha1.PropagationBackground)
		return
	}
	if ns := p.namespaceOf(it); ns != nil && ns.state == remove {
		it.state, it.propagation = remove, ns.propagation
		return
	}
	it.state = keep
	if p.placed(it) || isPlacement(it.key) {
		it.hold(v1alpha1.HeldVanished, "the spec is gone from the bucket without a delete; "+
			"put it back, or confirm with `kubectl fed delete --missing`")
	}
}

// settleLive is for a spec that nobody deletes.
func (p *planner) settleLive(it *item) {
	it.state = follow
	p.settleWithin(it)
	switch {
	case it.state != follow:
	case isPlacement(it.key):
		if r := p.cache.placements.read[it.key]; r != nil && r.err != nil {
			it.hold(v1alpha1.HeldPlacement, r.err.Error())
		}
	default:
		p.resolve(it)
	}
}

// settleWithin looks at the federation's policy and the item's namespace.
func (p *planner) settleWithin(it *item) {
	if it.key.Resource == "secrets" && it.key.Group == "" && p.in.Federation.Spec.Secrets != v1alpha1.SecretsPlaintext {
		it.hold(v1alpha1.HeldSecret, "the federation's policy refuses Secrets")
		return
	}
	if it.key.Namespace == "" || it.key.Namespace == defaultNamespace {
		return
	}
	ns := p.namespaceOf(it)
	switch {
	case ns == nil:
		it.hold(v1alpha1.HeldNoNamespace, fmt.Sprintf("the federation has no namespace %q", it.key.Namespace))
	case ns.state == remove && p.goesWith(it):
		it.state, it.propagation = remove, ns.propagation
	case ns.state == remove:
		it.hold(v1alpha1.HeldNoNamespace, fmt.Sprintf("namespace %q is being deleted", it.key.Namespace))
	case ns.state == follow || p.placed(ns):
	case ns.held == "":
		it.state = keep // the namespace is a moment away
	default:
		it.hold(v1alpha1.HeldNoNamespace, fmt.Sprintf("namespace %q is held: %s", it.key.Namespace, ns.message))
	}
}

// goesWith says whether the item was there when its namespace was deleted. A
// spec written since is not the delete's to take.
func (p *planner) goesWith(it *item) bool {
	return p.placed(it) || it.record.SpecGeneration == it.spec.Generation
}

func (p *planner) namespaceOf(it *item) *item {
	if it.key.Namespace == "" {
		return nil
	}
	return p.namespaces[it.key.Namespace]
}

func propagation(s *Spec) v1alpha1.Propagation {
	switch said := v1alpha1.Propagation(s.Object.GetAnnotations()[v1alpha1.AnnotationPropagation]); said {
	case v1alpha1.PropagationForeground, v1alpha1.PropagationOrphan:
		return said
	default:
		return v1alpha1.PropagationBackground
	}
}
