package plan

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// specEnding is what a spec's path ends with in the bucket.
const specEnding = ".yaml"

// describe tells what was decided of every key.
func (p *planner) describe(out *Output) {
	out.Objects = make([]Object, 0, len(p.items))
	busy := map[string]bool{} // namespaces with something in them to be removed
	for i := range p.items {
		if it := &p.items[i]; it.state == remove && it.key.Namespace != "" {
			busy[it.key.Namespace] = true
		}
	}
	for i := range p.items {
		it := &p.items[i]
		if it.state == remove && it.spec != nil && !p.waits(it.key) && !(isNamespace(it.key) && busy[it.key.Name]) {
			out.Finished = append(out.Finished, Finished{Key: it.key, Generation: it.spec.Generation})
		}
		if p.known(it) {
			out.Objects = append(out.Objects, p.object(it))
		}
		if it.held != "" {
			out.Held = append(out.Held, v1alpha1.HeldSpec{Path: it.key.String() + specEnding, Reason: it.held,
				Message: it.message, Generation: it.generation()})
		}
	}
	for _, path := range p.in.Invalid {
		out.Held = append(out.Held, v1alpha1.HeldSpec{Path: path.Path, Reason: v1alpha1.HeldCorrupt,
			Message: path.Message, Generation: path.Generation})
	}
	slices.SortFunc(out.Held, func(a, b v1alpha1.HeldSpec) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
}

// known leaves out what is not a spec yet and what is no more.
func (p *planner) known(it *item) bool {
	_, recorded := p.in.Records[it.key]
	return it.spec != nil || it.held != "" || recorded || p.placed(it)
}

func (p *planner) object(it *item) Object {
	o := Object{Key: it.key, Record: p.record(it), Deleting: it.state == remove, Held: it.held, Message: it.message, Unplaced: it.unplaced}
	if it.shares != nil {
		o.Wanted = it.rendered.total
	}
	if it.state == remove {
		for _, c := range p.pending[it.key] {
			o.Waiting = append(o.Waiting, p.names[c])
		}
		return o
	}
	for c, m := range p.members {
		switch {
		case m.leaving():
		case p.runs(it, c):
			o.Clusters = append(o.Clusters, m.Name)
		case it.state == follow && m.cordoned():
			o.Skipped = append(o.Skipped, m.Name)
		}
	}
	return o
}

// runs says whether the object is in the member's new shard.
func (p *planner) runs(it *item, c int) bool {
	if p.members[c].Unknown || it.state == keep {
		return it.at[c] >= 0
	}
	return p.eligible(it, c) || p.held[place{c, it.key}]
}

// record moves on with what is followed. What is held stays where it was.
func (p *planner) record(it *item) Record {
	r, ok := p.in.Records[it.key]
	if !ok || r.UID != it.uid {
		r = Record{UID: it.uid, Created: p.in.Now}
		if it.spec != nil && !it.spec.Updated.IsZero() {
			r.Created = it.spec.Updated
		}
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

// copied says whether a new generation has the content of the one before:
// every shard that has the object holds just that, from an older generation.
func (p *planner) copied(it *item) bool {
	if it.state != follow {
		return false
	}
	same := false
	for c := range p.members {
		o := p.previous(it, c)
		if o == nil || o.UID != it.uid {
			continue
		}
		replicas := int64(NoReplicas)
		if it.shares != nil {
			replicas = it.shares[c]
		}
		m, err := it.rendered.manifest(it.spec, replicas)
		if err != nil || o.Generation == it.spec.Generation || !bytes.Equal(m, o.Manifest) {
			return false
		}
		same = true
	}
	return same
}
