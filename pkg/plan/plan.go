package plan

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Plan decides. See the package comment.
func Plan(in Input) Output {
	p := prepare(in)
	for i := range p.items {
		p.settle(i)
	}
	for i := range p.items {
		p.share(&p.items[i], nil)
	}
	p.spend()
	out := Output{Removals: p.removals}
	for c := range p.members {
		if !p.members[c].Unknown {
			out.Clusters = append(out.Clusters, p.build(c))
		}
	}
	p.describe(&out)
	out.Answered = p.answered()
	p.cache.keep(in.Specs)
	return out
}

// planner is one plan in the making.
type planner struct {
	in      Input
	cache   *Cache
	members []member // by name
	names   []string
	items   []item // by key; cluster-scoped ones come first
	// namespaces are indexes into items.
	namespaces map[string]int
	// tombstones of all previous shards.
	tombstones map[v1alpha1.Key][]v1alpha1.Tombstone
	// confirmed are vanished specs that a user wants gone.
	confirmed map[v1alpha1.Key]v1alpha1.Request
	// held by the budget.
	held map[place]bool
	// pending are the members that a user's delete of the key waits for.
	pending  map[v1alpha1.Key][]int
	removals []v1alpha1.Removal
	scratch  []int
}

// place is one object in one member (index into members).
type place struct {
	member int
	key    v1alpha1.Key
}

type member struct {
	*Cluster
	prev Shard
	// moved: what it had belongs to a former member of the same name, or
	// there is nothing yet.
	moved bool
}

func (m member) leaving() bool  { return m.Spec.Leaving != "" }
func (m member) cordoned() bool { return m.Spec.Cordoned || m.Spec.Lost }

// awaited says whether a delete waits for the member's word.
func (m member) awaited() bool {
	return !m.Stale && m.Reported && !m.Spec.Lost && !m.leaving()
}

// state is what becomes of a key.
type state int

const (
	// keep leaves every shard as it is.
	keep state = iota
	// follow places the spec.
	follow
	// remove sends tombstones.
	remove
)

// item is one key.
type item struct {
	key      v1alpha1.Key
	spec     *Spec
	rendered *renderedSpec
	broken   *Broken
	// at has, per member, the object's index in its previous shard, or -1.
	at []int32

	state       state
	uid         types.UID
	held        string
	message     string
	propagation v1alpha1.Propagation

	// shares has, per member, its replicas; nil when not divided.
	shares   []int64
	unplaced int64
}

func (it *item) generation() int64 {
	switch {
	case it.spec != nil:
		return it.spec.Generation
	case it.broken != nil:
		return it.broken.Generation
	}
	return 0
}

func (it *item) hold(reason, message string) {
	it.state, it.held, it.message = keep, reason, message
}

func prepare(in Input) *planner {
	p := &planner{in: in, cache: in.Cache, namespaces: map[string]int{}, tombstones: map[v1alpha1.Key][]v1alpha1.Tombstone{},
		held: map[place]bool{}, pending: map[v1alpha1.Key][]int{}}
	if p.cache == nil {
		p.cache = NewCache()
	}
	for i := range in.Clusters {
		c := &in.Clusters[i]
		m := member{Cluster: c, prev: c.Previous, moved: c.Previous.ClusterUID != c.UID}
		if m.moved {
			m.prev = Shard{}
		}
		p.members = append(p.members, m)
	}
	slices.SortFunc(p.members, func(a, b member) int { return cmp.Compare(a.Name, b.Name) })
	for _, m := range p.members {
		p.names = append(p.names, m.Name)
		for _, t := range m.prev.Tombstones {
			p.tombstones[t.Key] = append(p.tombstones[t.Key], t)
		}
	}
	p.scratch = make([]int, 0, len(p.members))
	p.collect()
	p.confirmed = confirmed(in.Requests)
	return p
}

// collect merges specs and previous shards, all in key order, into items.
func (p *planner) collect() {
	specs := slices.Clone(p.in.Specs)
	slices.SortFunc(specs, func(a, b Spec) int { return a.Key.Compare(b.Key) })
	broken := slices.Clone(p.in.Broken)
	slices.SortFunc(broken, func(a, b Broken) int { return cmp.Or(a.Key.Compare(b.Key), strings.Compare(a.Message, b.Message)) })
	p.items = make([]item, 0, len(specs)+len(broken))
	cursors, room := make([]int, len(p.members)), make([]int32, cap(p.items)*len(p.members))
	for s, b := 0, 0; ; {
		key, ok := p.lowest(specs[s:], broken[b:], cursors)
		if !ok {
			return
		}
		if len(room) < len(p.members) { // more keys than specs: some vanished
			room = make([]int32, cap(p.items)*len(p.members)+len(p.members))
		}
		it := item{key: key, at: room[:len(p.members):len(p.members)]}
		room = room[len(p.members):]
		for ; s < len(specs) && specs[s].Key == key; s++ {
			it.spec = &specs[s]
		}
		for ; b < len(broken) && broken[b].Key == key; b++ {
			it.broken = &broken[b]
		}
		for c, m := range p.members {
			it.at[c] = -1
			if at := cursors[c]; at < len(m.prev.Objects) && m.prev.Objects[at].Key == key {
				it.at[c] = int32(at) //nolint:gosec // a shard's objects are counted in thousands
				cursors[c]++
			}
		}
		p.items = append(p.items, it)
	}
}

// lowest is the first key that is not taken yet.
func (p *planner) lowest(specs []Spec, broken []Broken, cursors []int) (key v1alpha1.Key, ok bool) {
	consider := func(k v1alpha1.Key) {
		if !ok || k.Compare(key) < 0 {
			key, ok = k, true
		}
	}
	if len(specs) > 0 {
		consider(specs[0].Key)
	}
	if len(broken) > 0 {
		consider(broken[0].Key)
	}
	for c, m := range p.members {
		if cursors[c] < len(m.prev.Objects) {
			consider(m.prev.Objects[cursors[c]].Key)
		}
	}
	return key, ok
}

// previous is what a member was given of the item, nil if nothing.
func (p *planner) previous(it *item, c int) *Placed {
	if it.at[c] < 0 {
		return nil
	}
	return &p.members[c].prev.Objects[it.at[c]]
}

// has says whether the member runs the item, and not what a user has deleted
// under the same name.
func (p *planner) has(it *item, c int) bool {
	o := p.previous(it, c)
	return o != nil && (o.UID == it.uid || !p.burnt(it.key, o.UID))
}

// placed says whether any member that stays has the item.
func (p *planner) placed(it *item) bool {
	for c, m := range p.members {
		if it.at[c] >= 0 && !m.leaving() {
			return true
		}
	}
	return false
}
