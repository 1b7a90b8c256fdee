package plan

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// builder makes one member's shard. As long as it equals the previous one, it
// copies nothing.
type builder struct {
	p       *planner
	c       int
	tombs   []v1alpha1.Tombstone
	change  changes
	parts   map[v1alpha1.Key]v1alpha1.ReplicaDecision
	reasons map[v1alpha1.Key]string
}

// build makes the shard of one member.
func (p *planner) build(c int, probes []v1alpha1.ProbeTarget) ClusterPlan {
	m := &p.members[c]
	b := &builder{p: p, c: c}
	b.carry()
	objects := b.objects()
	shard := Shard{ClusterUID: m.UID, Objects: objects, Tombstones: b.tombstones(), Probes: probes,
		Addresses: b.addresses(objects), Leaving: m.Spec.Leaving}
	if m.leaving() {
		shard.Probes = nil
	}
	for _, t := range shard.Tombstones {
		if t.Cause == v1alpha1.CauseDeleted {
			p.pending[t.Key] = append(p.pending[t.Key], c)
		}
	}
	buried, looks := !slices.Equal(shard.Tombstones, m.prev.Tombstones), !sameProbes(shard.Probes, m.prev.Probes)
	moved := !sameAddresses(shard.Addresses, m.prev.Addresses)
	changed := b.change.any() || m.joined || shard.Leaving != m.prev.Leaving || buried || looks || moved
	plan := ClusterPlan{Name: m.Name, Shard: shard, Changed: changed, Replicas: b.parts, Reasons: b.reasons}
	if changed {
		plan.Reason = b.reason(shard, buried, moved)
	}
	return plan
}

// objects is what the member is to run: the previous list, with what changed.
func (b *builder) objects() []*Placed {
	prev := b.p.members[b.c].prev.Objects
	var changed []*item
	for _, it := range b.p.cache.changed {
		if it.cells[b.c].next != it.prev[b.c] {
			changed = append(changed, it)
			b.note(it)
		}
	}
	if len(changed) == 0 {
		return prev
	}
	out := make([]*Placed, 0, len(prev)+len(changed))
	at := 0
	for _, it := range changed {
		for at < len(prev) && prev[at].Key.Compare(it.key) < 0 {
			out = append(out, prev[at])
			at++
		}
		for at < len(prev) && prev[at].Key == it.key {
			at++
		}
		if o := it.cells[b.c].next; o != nil {
			out = append(out, o)
		}
	}
	return append(out, prev[at:]...)
}

// note says what changes about an item, and buries what goes.
func (b *builder) note(it *item) {
	prev, next := it.prev[b.c], it.cells[b.c].next
	switch {
	case next == nil:
		b.change.add(removed, it.key)
		b.bury(it, prev)
	case prev == nil:
		b.change.add(added, it.key)
	default:
		b.change.add(updated, it.key)
		if prev.UID != next.UID && b.p.burnt(it.key, prev.UID) {
			b.tombs = append(b.tombs, grave(prev, v1alpha1.PropagationBackground, v1alpha1.CauseDeleted))
		}
	}
	if len(b.reasons) < maxDecisions {
		if b.reasons == nil {
			b.reasons = map[v1alpha1.Key]string{}
		}
		b.reasons[it.key] = b.p.reason(it, b.c)
	}
	if it.divides && next != nil {
		b.decide(it)
	}
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
	d := v1alpha1.ReplicaDecision{Wanted: it.wanted, Clusters: map[string]int64{}}
	for c := range it.cells {
		if it.cells[c].there {
			d.Clusters[b.p.names[c]] = it.cells[c].given
		}
	}
	b.parts[it.key] = d
}

// bury leaves a tombstone for an object that goes.
func (b *builder) bury(it *item, prev *Placed) {
	m := &b.p.members[b.c]
	t := grave(prev, v1alpha1.PropagationBackground, v1alpha1.CauseUnplaced)
	switch {
	case m.leaving():
		t.Propagation, t.Cause = leavingPropagation(m.Spec.Leaving), v1alpha1.CauseLeaving
	case it.state == remove:
		t.Propagation, t.Cause = it.propagation, v1alpha1.CauseDeleted
	}
	b.tombs = append(b.tombs, t)
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
	m := &b.p.members[b.c]
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
	m := &b.p.members[b.c]
	it := b.p.item(t.Key)
	switch {
	case m.leaving():
		if t.Cause == v1alpha1.CauseLeaving {
			t.Propagation = leavingPropagation(m.Spec.Leaving)
		}
	case it == nil:
	case it.state == remove && it.uid == t.UID:
		t.Cause, t.Propagation = v1alpha1.CauseDeleted, it.propagation
	case it.state == follow && it.uid == t.UID && t.Cause != v1alpha1.CauseDeleted && it.cells[b.c].next != nil:
		return t, false
	}
	return t, true
}

func (b *builder) tombstones() []v1alpha1.Tombstone {
	slices.SortStableFunc(b.tombs, compareTombstones)
	out := slices.CompactFunc(b.tombs, func(a, b v1alpha1.Tombstone) bool { return compareTombstones(a, b) == 0 })
	return out
}
