package plan

import (
	"bytes"
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// builder makes one member's shard. As long as it equals the previous one, it
// copies nothing.
type builder struct {
	p      *planner
	c      int
	same   int      // so many objects of the previous shard were taken over as they are
	out    []Placed // once something differs
	split  bool
	tombs  []v1alpha1.Tombstone
	change changes
	parts  map[v1alpha1.Key]v1alpha1.ReplicaDecision
}

// build makes the shard of one member.
func (p *planner) build(c int) ClusterPlan {
	m := p.members[c]
	b := &builder{p: p, c: c}
	b.carry()
	for i := range p.items {
		b.item(&p.items[i])
	}
	shard := Shard{ClusterUID: m.UID, Objects: b.objects(), Tombstones: b.tombstones(), Leaving: m.Spec.Leaving}
	for _, t := range shard.Tombstones {
		if t.Cause == v1alpha1.CauseDeleted {
			p.pending[t.Key] = append(p.pending[t.Key], c)
		}
	}
	changed := b.split || m.moved || shard.Leaving != m.prev.Leaving || !slices.Equal(shard.Tombstones, m.prev.Tombstones)
	plan := ClusterPlan{Name: m.Name, Shard: shard, Changed: changed, Replicas: b.parts}
	if changed {
		plan.Reason = b.reason(shard)
	}
	return plan
}

// item adds what the member is to run or to remove of one key.
func (b *builder) item(it *item) {
	p, m := b.p, b.p.members[b.c]
	prev := p.previous(it, b.c)
	switch {
	case m.leaving():
		b.bury(it, prev, leavingPropagation(m.Spec.Leaving), v1alpha1.CauseLeaving)
	case it.state == remove:
		b.bury(it, prev, it.propagation, v1alpha1.CauseDeleted)
	case it.state == keep:
		b.add(it, prev, prev)
	case p.eligible(it, b.c) || p.held[place{b.c, it.key}]:
		b.follow(it, prev)
	default:
		b.bury(it, prev, v1alpha1.PropagationBackground, v1alpha1.CauseUnplaced)
	}
}

func (b *builder) follow(it *item, prev *Placed) {
	replicas := int64(NoReplicas)
	if it.shares != nil {
		replicas = it.shares[b.c]
	}
	m, err := it.rendered.manifest(it.spec, replicas)
	if err != nil { // the same spec was rendered when it was opened
		b.add(it, prev, prev)
		return
	}
	if prev != nil && prev.UID == it.uid && bytes.Equal(prev.Manifest, m) {
		b.add(it, prev, prev)
		return
	}
	if prev != nil && prev.UID != it.uid && b.p.burnt(it.key, prev.UID) {
		b.tombs = append(b.tombs, grave(prev, v1alpha1.PropagationBackground, v1alpha1.CauseDeleted))
	}
	b.add(it, prev, &Placed{Replicas: replicas, ShardObject: v1alpha1.ShardObject{
		Key: it.key, UID: it.uid, Generation: it.spec.Generation, Manifest: m}})
}

// add puts an object into the shard, nil for none. What is there already
// keeps the generation it came with: a spec written again unchanged is no
// change.
func (b *builder) add(it *item, prev, o *Placed) {
	if o == prev {
		switch {
		case o == nil:
		case b.split:
			b.out = append(b.out, *o)
		default:
			b.same++
		}
		return
	}
	b.diverge()
	switch {
	case o == nil:
		b.change.add(removed, it.key)
		return
	case prev == nil:
		b.change.add(added, it.key)
	default:
		b.change.add(updated, it.key)
	}
	b.out = append(b.out, *o)
	if it.shares != nil {
		b.decide(it)
	}
}

func (b *builder) diverge() {
	if b.split {
		return
	}
	prev := b.p.members[b.c].prev.Objects
	b.out = append(make([]Placed, 0, max(len(prev), len(b.p.items))), prev[:b.same]...)
	b.split = true
}

func (b *builder) objects() []Placed {
	if b.split {
		return b.out
	}
	return b.p.members[b.c].prev.Objects
}

// maxDecisions bounds how many divisions a revision explains: what a change of
// everything at once says of each would outgrow the shard itself.
const maxDecisions = 256

func (b *builder) decide(it *item) {
	if len(b.parts) == maxDecisions {
		return
	}
	if b.parts == nil {
		b.parts = map[v1alpha1.Key]v1alpha1.ReplicaDecision{}
	}
	d := v1alpha1.ReplicaDecision{Wanted: it.rendered.total, Clusters: map[string]int64{}}
	for c, n := range it.shares {
		if b.p.eligible(it, c) {
			d.Clusters[b.p.names[c]] = n
		}
	}
	b.parts[it.key] = d
}

// bury replaces an object by a tombstone.
func (b *builder) bury(it *item, prev *Placed, how v1alpha1.Propagation, cause v1alpha1.TombstoneCause) {
	if prev == nil {
		return
	}
	b.add(it, prev, nil)
	b.tombs = append(b.tombs, grave(prev, how, cause))
}

func grave(o *Placed, how v1alpha1.Propagation, cause v1alpha1.TombstoneCause) v1alpha1.Tombstone {
	var kind metav1.TypeMeta
	_ = json.Unmarshal(o.Manifest, &kind) // rendered here, or read back whole
	return v1alpha1.Tombstone{Key: o.Key, UID: o.UID, APIVersion: kind.APIVersion, Kind: kind.Kind, Propagation: how, Cause: cause}
}

func leavingPropagation(mode v1alpha1.LeavingMode) v1alpha1.Propagation {
	if mode == v1alpha1.LeavingDelete {
		return v1alpha1.PropagationBackground
	}
	return v1alpha1.PropagationOrphan
}

// carry takes over the previous tombstones that are not acknowledged.
func (b *builder) carry() {
	m := b.p.members[b.c]
	for _, t := range m.prev.Tombstones {
		if m.Gone[v1alpha1.GoneObject{Key: t.Key, UID: t.UID}] {
			continue
		}
		if t, ok := b.renew(t); ok {
			b.tombs = append(b.tombs, t)
		}
	}
}

// renew lets a tombstone follow what was decided since; false drops it,
// because the object is to run here again.
func (b *builder) renew(t v1alpha1.Tombstone) (v1alpha1.Tombstone, bool) {
	m := b.p.members[b.c]
	it := b.p.item(t.Key)
	switch {
	case m.leaving():
		if t.Cause == v1alpha1.CauseLeaving {
			t.Propagation = leavingPropagation(m.Spec.Leaving)
		}
	case it == nil:
	case it.state == remove && it.uid == t.UID:
		t.Cause, t.Propagation = v1alpha1.CauseDeleted, it.propagation
	case it.state == follow && it.uid == t.UID && t.Cause != v1alpha1.CauseDeleted && b.p.eligible(it, b.c):
		return t, false
	}
	return t, true
}

func (b *builder) tombstones() []v1alpha1.Tombstone {
	slices.SortStableFunc(b.tombs, compareTombstones)
	out := slices.CompactFunc(b.tombs, func(a, b v1alpha1.Tombstone) bool { return compareTombstones(a, b) == 0 })
	return out
}
