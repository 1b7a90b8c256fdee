package apply

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Leftovers are the objects that bear the federation's marks and that the shard
// neither wants nor buries, in key order: the bucket or the member was put back
// to an earlier state. Nobody's word deletes them, so they stay; they are told
// of. Only kinds are looked at of which the shard has or had an object since
// the engine was made.
func (e *Engine) Leftovers() []v1alpha1.Key {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.took {
		return nil
	}
	var found []v1alpha1.Key
	for _, p := range e.inventory.marked() {
		if key := p.Key(); e.records[key] == nil {
			found = append(found, key)
		}
	}
	slices.SortFunc(found, v1alpha1.Key.Compare)
	return slices.Compact(found)
}

// ours: it bears both marks and is not on its way out. The label alone is no
// proof: what belongs to a Service, say, inherits it.
func (s *Seen) ours() bool {
	return s.Annotations[v1alpha1.AnnotationSpecUID] != "" && s.DeletionTimestamp == nil
}

// marked are the places of all objects that are ours.
func (i *Inventory) marked() (found []Place) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for gvr, s := range i.stores {
		for name, seen := range s.seen {
			if seen.ours() {
				found = append(found, Place{GVR: gvr, Namespace: name.Namespace, Name: name.Name})
			}
		}
	}
	return found
}
