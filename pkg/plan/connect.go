package plan

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// connect finds what goes along with what, and renews both ends.
func (p *planner) connect() {
	p.findScalers()
	for _, it := range p.items {
		now := p.scalers[it.key]
		if now != it.scaler || now != nil && now.dirty {
			p.renew(it)
		}
		it.scaler = now
	}
	p.findBackends()
	p.findTakers()
	for _, it := range p.items {
		if it.dirty {
			p.takeAlong(it)
		}
	}
}

// findScalers finds the autoscalers by what they scale; of two, the first by
// name. One whose spec cannot be followed goes on scaling what it did.
func (p *planner) findScalers() {
	p.scalers = map[v1alpha1.Key]*item{}
	for _, it := range p.items {
		if scaleOf(it.key) != asAutoscaler {
			continue
		}
		var k v1alpha1.Key
		switch {
		case it.state == follow:
			k = it.intent.target
		case it.state == keep:
			if s := p.kept(it); s != nil {
				k = scaleTarget(s)
			}
		}
		if k.Name != "" && p.scalers[k] == nil {
			p.scalers[k] = it
		}
	}
}

// kept is the spec of what is placed, as far as a shard tells; nil if nothing
// is.
func (p *planner) kept(it *item) *Spec {
	for _, prev := range it.prev {
		if prev == nil {
			continue
		}
		o := &unstructured.Unstructured{}
		if json.Unmarshal(prev.Manifest, &o.Object) == nil {
			return &Spec{Key: it.key, Generation: prev.Generation, Object: o}
		}
	}
	return nil
}

// findTakers finds who takes which object along. What cannot be followed goes
// on taking along what it did; and where not even that is known, what it names
// stays as it is.
func (p *planner) findTakers() {
	p.takers, p.refs = map[v1alpha1.Key][]*item{}, map[*item][]v1alpha1.Key{}
	for _, it := range p.items {
		refs, known := p.refsOf(it)
		if len(refs) == 0 {
			continue
		}
		p.refs[it] = refs
		for _, k := range refs {
			if known {
				p.takers[k] = append(p.takers[k], it)
			} else {
				p.leaveAlone(p.item(k))
			}
		}
	}
}

// refsOf lists what an item takes along, or may.
func (p *planner) refsOf(it *item) (refs []v1alpha1.Key, known bool) {
	switch {
	case it.state == follow && it.intent != nil:
		return it.intent.refs, true
	case it.state != keep || it.key.Namespace == "" || !runsPods[it.key.GroupResource().String()]:
		return nil, true
	}
	s := p.kept(it)
	if s == nil {
		return nil, true
	}
	if _, found := p.doubtOf(it, s.Object); found {
		return references(s), false
	}
	if pl := p.policyKey(s).placement; pl == nil || pl.Spec.Dependencies != v1alpha1.DependenciesFollow {
		return nil, true
	}
	return references(s), true
}

// leaveAlone keeps what may be taken along, and by whom is not known.
func (p *planner) leaveAlone(it *item) {
	if it == nil || it.state != follow || it.intent == nil || it.intent.policy.placement != nil {
		return
	}
	p.renew(it)
	if it.state == follow {
		it.state = keep
	}
}

// takeAlong renews what an item took along before, and takes along now.
func (p *planner) takeAlong(it *item) {
	before := it.took
	it.took = p.refs[it]
	for _, keys := range [][]v1alpha1.Key{before, it.took} {
		for _, k := range keys {
			p.renew(p.item(k))
		}
	}
}
