package plan

import (
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// placements of a federation, decoded.
type placements struct {
	read map[v1alpha1.Key]*readPlacement
	// decisions of those that can be followed.
	decisions *v1alpha1.Decisions
	// suspects, by namespace, are those that cannot.
	suspects map[string][]suspect
}

type readPlacement struct {
	generation int64
	placement  *v1alpha1.Placement
	err        error
}

// suspect is a Placement that cannot be followed: objects that it may decide
// keep what they have.
type suspect struct {
	name string
	// placement as far as it could be read, or nil.
	placement *v1alpha1.Placement
	// message is empty if nothing is known to be wrong: a moment will tell.
	message string
}

func isPlacement(k v1alpha1.Key) bool {
	return k.Group == v1alpha1.Group && k.Resource == "placements"
}

// readPlacements decodes those that changed.
func (p *planner) readPlacements() {
	old := p.cache.placements
	now := placements{read: map[v1alpha1.Key]*readPlacement{}, suspects: map[string][]suspect{}}
	same := old.decisions != nil
	for _, it := range p.items {
		if isPlacement(it.key) {
			same = same && !it.dirty
			p.readPlacement(it, old, &now)
		}
	}
	if same && len(now.read) == len(old.read) {
		return
	}
	var list []*v1alpha1.Placement
	for _, r := range now.read {
		if r.err == nil {
			list = append(list, r.placement)
		}
	}
	now.decisions = v1alpha1.NewDecisions(list)
	p.cache.placements = now
	for k := range p.cache.policies {
		if k.placement != nil && now.stale(k.placement) {
			delete(p.cache.policies, k)
		}
	}
}

func (p *planner) readPlacement(it *item, old placements, now *placements) {
	switch {
	case it.broken != nil:
		now.suspect(it.key, nil, it.broken.Message)
	case it.spec != nil:
		now.take(old, it.spec)
	case !p.confirmedGone(it):
		now.suspect(it.key, nil, "it is gone from the bucket without a delete")
	}
}

func (p *planner) confirmedGone(it *item) bool {
	r, ok := p.confirmed[it.key]
	return ok && p.confirms(r, it)
}

func (n *placements) suspect(k v1alpha1.Key, pl *v1alpha1.Placement, message string) {
	n.suspects[k.Namespace] = append(n.suspects[k.Namespace], suspect{name: k.Name, placement: pl, message: message})
}

func (n *placements) take(old placements, s *Spec) {
	r := old.read[s.Key]
	if r == nil || r.generation != s.Generation {
		r = &readPlacement{generation: s.Generation}
		r.placement, r.err = decodePlacement(s.Object)
	}
	n.read[s.Key] = r
	if r.err != nil && s.Object.GetDeletionTimestamp() == nil {
		n.suspect(s.Key, r.placement, r.err.Error())
	}
}

func (n *placements) stale(pl *v1alpha1.Placement) bool {
	for _, r := range n.read {
		if r.placement == pl {
			return false
		}
	}
	return true
}

// decodePlacement is strict. With an error comes as much as could be read, or
// nil.
func decodePlacement(o *unstructured.Unstructured) (*v1alpha1.Placement, error) {
	body, err := json.Marshal(o.Object)
	if err != nil {
		return nil, err
	}
	pl := &v1alpha1.Placement{}
	unknown, err := kjson.UnmarshalStrict(body, pl)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(unknown...); err != nil {
		return pl, err
	}
	if faults := pl.Validate(); len(faults) > 0 {
		return pl, faults.ToAggregate()
	}
	return pl, nil
}

// doubt is what keeps an object from being planned: a Placement that may be
// about it and cannot be followed.
func (p *planner) doubt(it *item) (s suspect, found bool) { return p.doubtOf(it, it.spec.Object) }

// doubtOf an item whose object this is, or was.
func (p *planner) doubtOf(it *item, o *unstructured.Unstructured) (s suspect, found bool) {
	if it.key.Namespace == "" || isPlacement(it.key) {
		return suspect{}, false
	}
	rec, known := it.record, it.recorded
	for _, s := range p.cache.placements.suspects[it.key.Namespace] {
		var about bool
		switch {
		case known && rec.Placement == s.name:
			about = true
		case s.placement != nil:
			about = s.placement.Selects(it.key.Group, o.GetKind(), it.key.Name, o.GetLabels())
		default:
			about = !known
		}
		if about {
			return s, true
		}
	}
	return suspect{}, false
}

func (s suspect) said() string { return fmt.Sprintf("Placement %s: %s", s.name, s.message) }
