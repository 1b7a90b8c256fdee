package plan

import (
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/divide"
)

// Plan decides. See the package comment.
func Plan(in Input) Output {
	p := prepare(in)
	for _, it := range p.items {
		p.settle(it)
	}
	p.connect()
	p.placeAll()
	p.spend()
	out := Output{Removals: p.removals}
	p.findChanged()
	probes := p.probes()
	p.addresses = p.served()
	for c := range p.members {
		p.cache.given[c] = nil
		if !p.members[c].Unknown {
			built := p.build(c, probes[c])
			p.cache.given[c] = built.Shard.Objects
			out.Clusters = append(out.Clusters, built)
		}
	}
	p.describe(&out)
	out.Answered = p.answered()
	p.cache.decided = 0
	for _, it := range p.items {
		if it.dirty {
			p.cache.decided++
		}
		it.dirty = false
	}
	return out
}

// planner is one plan in the making.
type planner struct {
	in      Input
	cache   *Cache
	members []member // by name
	names   []string
	items   []*item // by key; cluster-scoped ones come first
	// namespaces by name.
	namespaces map[string]*item
	// unsettled are namespaces whose objects are to be decided anew.
	unsettled map[string]bool
	// dropped are keys of which nothing is left.
	dropped map[v1alpha1.Key]bool
	// tombstones of all previous shards.
	tombstones map[v1alpha1.Key][]v1alpha1.Tombstone
	// confirmed are vanished specs that a user wants gone.
	confirmed map[v1alpha1.Key]v1alpha1.Request
	// rebalancing are keys that a user wants at their fair shares.
	rebalancing map[v1alpha1.Key]bool
	// takers of what others name.
	takers map[v1alpha1.Key][]*item
	// refs are what every item takes along, or may.
	refs map[*item][]v1alpha1.Key
	// scalers by what they scale.
	scalers map[v1alpha1.Key]*item
	// addresses of the Ingresses that are served, by key.
	addresses []v1alpha1.ObjectAddresses
	// lingering has, per namespace, the members in which replicas wait for their
	// replacement.
	lingering map[string]map[int]bool
	// inhabited has, per namespace, the members that have objects of it.
	inhabited map[string][]bool
	// held by the budget.
	held map[place]bool
	// approved removals that are not done yet.
	approving map[place]bool
	// pending are the members that a user's delete of the key waits for.
	pending  map[v1alpha1.Key][]int
	removals []v1alpha1.Removal
	sharing  sharing
}

// sharing is memory to divide in.
type sharing struct {
	divider    divide.Divider
	members    []int
	candidates []divide.Candidate
	shares     []int64
	hashes     []uint32
}

// place is one object in one member (index into members).
type place struct {
	member int
	key    v1alpha1.Key
}

func prepare(in Input) *planner {
	p := &planner{in: in, cache: in.Cache, members: roster(in), namespaces: map[string]*item{}, unsettled: map[string]bool{},
		tombstones: map[v1alpha1.Key][]v1alpha1.Tombstone{}, held: map[place]bool{}, approving: map[place]bool{},
		pending: map[v1alpha1.Key][]int{}, lingering: map[string]map[int]bool{}, rebalancing: map[v1alpha1.Key]bool{}}
	if p.cache == nil {
		p.cache = NewCache()
	}
	for i := range p.members {
		m := &p.members[i]
		p.names = append(p.names, m.Name)
		for _, t := range m.prev.Tombstones {
			p.tombstones[t.Key] = append(p.tombstones[t.Key], t)
		}
	}
	p.confirmed = confirmed(in.Requests)
	for _, r := range in.Requests {
		if r.Type == v1alpha1.RequestRebalance {
			for _, k := range r.Keys {
				p.rebalancing[k] = true
			}
		}
	}
	p.collect()
	p.readPlacements()
	for _, it := range p.items {
		switch {
		case isNamespace(it.key) && it.dirty:
			p.unsettled[it.key.Name] = true
		case isPlacement(it.key) && it.dirty:
			p.unsettled[it.key.Namespace] = true
		}
	}
	return p
}

func (p *planner) findChanged() {
	p.cache.changed = p.cache.changed[:0]
	for _, it := range p.items {
		if it.changed {
			p.cache.changed = append(p.cache.changed, it)
		}
	}
}

// stages are the order in which objects are placed: what others go along with
// comes before them.
type stage int

const (
	scalers stage = iota
	workloads
	dependents
	spaces
	stages
)

func stageOf(it *item) stage {
	switch s := scaleOf(it.key); {
	case isNamespace(it.key):
		return spaces
	case s == asAutoscaler:
		return scalers
	case s != unscaled, runsPods[it.key.GroupResource().String()]:
		return workloads
	case it.state == follow && it.intent != nil && it.intent.policy.strategy == v1alpha1.StrategyOne:
		return workloads
	}
	return dependents
}

func (p *planner) placeAll() {
	for s := range stages {
		if s == spaces {
			p.countInhabitants()
		}
		for _, it := range p.items {
			if it.dirty && stageOf(it) == s {
				p.place(it)
			}
		}
	}
}
