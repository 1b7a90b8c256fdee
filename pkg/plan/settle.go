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
func (p *planner) settle(i int) {
	it := &p.items[i]
	if isNamespace(it.key) {
		p.namespaces[it.key.Name] = i
	}
	p.open(it)
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
}

func isNamespace(k v1alpha1.Key) bool {
	return k.Namespace == "" && k.Group == "" && k.Resource == "namespaces"
}

// open renders the spec; one that cannot be rendered is broken.
func (p *planner) open(it *item) {
	if it.spec == nil || it.broken != nil {
		return
	}
	r, err := p.cache.open(it.spec)
	if err != nil {
		it.broken = &Broken{Key: it.key, Generation: it.spec.Generation, Message: err.Error()}
		return
	}
	it.rendered = r
}

func (p *planner) settleVanished(it *item) {
	if r, ok := p.confirmed[it.key]; ok && p.confirms(r, it) {
		it.state, it.propagation = remove, cmp.Or(r.Propagation, v1alpha1.PropagationBackground)
		return
	}
	if ns := p.namespaceOf(it); ns != nil && ns.state == remove {
		it.state, it.propagation = remove, ns.propagation
		return
	}
	it.state = keep
	if p.placed(it) {
		it.hold(v1alpha1.HeldVanished, "the spec is gone from the bucket without a delete; "+
			"put it back, or confirm with `kubectl fed delete --missing`")
	}
}

// settleLive is for a spec that nobody deletes.
func (p *planner) settleLive(it *item) {
	it.state = follow
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
	return p.placed(it) || p.in.Records[it.key].SpecGeneration == it.spec.Generation
}

func (p *planner) namespaceOf(it *item) *item {
	if it.key.Namespace == "" {
		return nil
	}
	i, ok := p.namespaces[it.key.Namespace]
	if !ok {
		return nil
	}
	return &p.items[i]
}

func propagation(s *Spec) v1alpha1.Propagation {
	switch said := v1alpha1.Propagation(s.Object.GetAnnotations()[v1alpha1.AnnotationPropagation]); said {
	case v1alpha1.PropagationForeground, v1alpha1.PropagationOrphan:
		return said
	default:
		return v1alpha1.PropagationBackground
	}
}
