package plan

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// specEnding is what a spec's path ends with in the bucket.
const specEnding = ".yaml"

// describe tells what was decided of every key.
func (p *planner) describe(out *Output) {
	out.Objects = make([]Object, 0, len(p.items))
	busy := map[string]bool{} // namespaces with something in them to be removed
	for _, it := range p.items {
		if it.state == remove && it.key.Namespace != "" {
			busy[it.key.Namespace] = true
		}
	}
	for _, it := range p.items {
		if it.state == remove && it.spec != nil && !p.waits(it.key) && !(isNamespace(it.key) && busy[it.key.Name]) {
			out.Finished = append(out.Finished, Finished{Key: it.key, Generation: it.spec.Generation})
		}
		if it.dirty {
			it.object, it.listed = p.object(it), p.known(it)
		}
		if it.listed {
			out.Objects = append(out.Objects, it.object)
		}
		if it.held != "" {
			out.Held = append(out.Held, v1alpha1.HeldSpec{Path: it.key.String() + specEnding, Reason: it.held,
				Message: it.message, Generation: it.generation()})
		}
		out.Again = sooner(out.Again, it.again)
	}
	for _, path := range p.in.Invalid {
		out.Held = append(out.Held, v1alpha1.HeldSpec{Path: path.Path, Reason: v1alpha1.HeldCorrupt,
			Message: path.Message, Generation: path.Generation})
	}
	slices.SortFunc(out.Held, func(a, b v1alpha1.HeldSpec) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// known leaves out what is not a spec yet and what is no more.
func (p *planner) known(it *item) bool {
	if isPlacement(it.key) && it.spec == nil && it.state == remove {
		return false
	}
	return it.spec != nil || it.held != "" || it.recorded || p.placed(it)
}

func (p *planner) object(it *item) Object {
	o := Object{Key: it.key, Record: p.record(it), Deleting: it.state == remove, Held: it.held, Message: it.message,
		Unplaced: it.unplaced, Placement: it.placement, Moved: it.moved, Waits: it.waits}
	if it.divides {
		o.Wanted = it.wanted
	}
	if it.state == remove {
		for _, c := range p.pending[it.key] {
			o.Waiting = append(o.Waiting, p.names[c])
		}
	} else {
		for c := range p.members {
			m := &p.members[c]
			switch {
			case m.leaving():
			case p.inShard(it, c):
				o.Clusters = append(o.Clusters, m.Name)
			case it.state == follow && (it.cells[c].why == whyCordoned || it.cells[c].why == whyDrained):
				o.Skipped = append(o.Skipped, m.Name)
			}
		}
	}
	if it.changed || p.in.Explain {
		o.Places = p.places(it)
	}
	return o
}

// inShard says whether the object is in the member's new shard.
func (p *planner) inShard(it *item, c int) bool {
	if p.members[c].Unknown {
		return it.prev[c] != nil
	}
	return it.cells[c].next != nil
}

// record moves on with what is followed. What is held stays where it was.
func (p *planner) record(it *item) Record {
	r, ok := it.record, it.recorded
	if !ok || r.UID != it.uid {
		r = Record{UID: it.uid, Created: p.in.Now}
		if it.spec != nil && !it.spec.Updated.IsZero() {
			r.Created = it.spec.Updated
		}
	}
	if it.state == follow {
		p.progress(it, &r)
	}
	if it.state == keep || it.spec == nil || r.SpecGeneration == it.spec.Generation {
		return r
	}
	if r.Generation == 0 || !p.copied(it) {
		r.Generation++
	}
	r.SpecGeneration = it.spec.Generation
	return r
}

// progress notes where the item is on its way.
func (p *planner) progress(it *item, r *Record) {
	r.Rollout, r.Stepped, r.Away, r.Placement, r.Wanted = it.rollout, it.stepped, it.away, it.placement, 0
	if len(r.Away) == 0 {
		r.Away = nil // as it is read back
	}
	if it.divides {
		r.Wanted = it.wanted
	}
	if old := it.record.Rollout; old != nil && r.Rollout != nil && reflect.DeepEqual(old, r.Rollout) {
		r.Rollout = old
	}
}

// copied says whether a new generation has the content of the one before:
// every shard that has the object holds just that, from an older generation.
func (p *planner) copied(it *item) bool {
	if it.state != follow || isPlacement(it.key) {
		return false
	}
	same := false
	for c, o := range it.prev {
		if o == nil || o.UID != it.uid {
			continue
		}
		if it.cells[c].next != o || o.Generation == it.spec.Generation {
			return false
		}
		same = true
	}
	return same
}
