package plan

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Cache keeps what was decided from plan to plan, so that a plan costs what
// changed. It belongs to one sequence of plans of one federation and is not
// safe for concurrent use. Plans with and without it are the same.
type Cache struct {
	view view
	// roster counts the views.
	roster int64
	pass   int64
	items  []*item // by key
	byKey  map[v1alpha1.Key]*item
	// shards that item.prev was read from, per member.
	shards [][]*Placed
	// given is what the last plan made of them, changed the items that differ.
	given      [][]*Placed
	changed    []*item
	capacities []map[v1alpha1.Key]int64
	touched    map[v1alpha1.Key]bool
	placements placements
	policies   map[policyKey]*policy
	// renders counts manifests, decided the keys that the last plan decided anew.
	renders, decided int64
}

// NewCache returns an empty one.
func NewCache() *Cache {
	return &Cache{byKey: map[v1alpha1.Key]*item{}, policies: map[policyKey]*policy{}}
}

// collect brings the items up to date, and finds those that may be decided
// otherwise than last time.
func (p *planner) collect() {
	c := p.cache
	c.pass++
	now := viewOf(p.in.Federation, p.members)
	same := c.roster > 0 && now.equal(c.view)
	if !now.sameMembers(c.view) {
		c.items, c.byKey, c.shards = nil, map[v1alpha1.Key]*item{}, make([][]*Placed, len(p.members))
		c.capacities = make([]map[v1alpha1.Key]int64, len(p.members))
		c.given = make([][]*Placed, len(p.members))
	}
	if c.view = now; !same {
		c.roster++
	}
	p.takeSpecs()
	p.takeShards()
	p.items = c.items
	for _, it := range p.items {
		rec, ok := p.in.Records[it.key]
		if ok != it.recorded || !rec.equal(it.record) {
			it.record, it.recorded, it.dirty = rec, ok, true
		}
		it.dirty = it.dirty || !same || it.waits || it.changed || it.state != follow || p.in.Explain
	}
	p.touch()
	p.dropEmpty()
}

// item of a key, made if there is none.
func (c *Cache) item(k v1alpha1.Key, members int) *item {
	it := c.byKey[k]
	if it == nil {
		it = &item{key: k, dirty: true, prev: make([]*Placed, members)}
		it.cells = make([]cell, members)
		c.byKey[k] = it
		c.items = append(c.items, it)
	}
	return it
}

// takeSpecs gives every item its spec, or what is wrong with it.
func (p *planner) takeSpecs() {
	c, n := p.cache, len(p.members)
	before := len(c.items)
	for i := range p.in.Specs {
		s := &p.in.Specs[i]
		it := c.item(s.Key, n)
		it.dirty = it.dirty || it.spec == nil || it.spec.Generation != s.Generation || it.spec.Base != s.Base
		it.own = *s // the caller's may change
		it.spec, it.seenSpec = &it.own, c.pass
	}
	for i := range p.in.Broken {
		b := &p.in.Broken[i]
		it := c.item(b.Key, n)
		if it.seenBroken == c.pass && it.broken.Message > b.Message {
			continue
		}
		it.broken, it.seenBroken, it.dirty = b, c.pass, true
	}
	for k := range p.in.Records {
		if isPlacement(k) {
			c.item(k, n)
		}
	}
	for _, it := range c.items[:before] {
		if it.spec != nil && it.seenSpec != c.pass {
			it.spec, it.dirty = nil, true
		}
		if it.broken != nil && it.seenBroken != c.pass {
			it.broken, it.dirty = nil, true
		}
	}
	p.sortItems(before)
}

func (p *planner) sortItems(before int) {
	if len(p.cache.items) > before {
		slices.SortFunc(p.cache.items, func(a, b *item) int { return a.key.Compare(b.key) })
	}
}

// takeShards tells every item what the members have of it, by walking the
// shards that are not those of the last walk.
func (p *planner) takeShards() {
	c := p.cache
	for m := range p.members {
		objects := p.members[m].prev.Objects
		if sameSlice(objects, c.shards[m]) && len(objects) > 0 {
			continue
		}
		if sameSlice(objects, c.given[m]) && len(objects) > 0 { // what was planned was written
			for _, it := range c.changed {
				if next := it.cells[m].next; it.prev[m] != next {
					it.prev[m], it.dirty = next, true
				}
			}
			c.shards[m] = objects
			continue
		}
		before := len(c.items)
		for _, o := range walk(c.items, m, objects) {
			c.item(o.Key, len(p.members))
		}
		if len(c.items) > before {
			p.sortItems(before)
			walk(c.items, m, objects)
		}
		c.shards[m] = objects
	}
}

func sameSlice(a, b []*Placed) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// walk sets what one member has, and returns objects that no item is of.
func walk(items []*item, m int, objects []*Placed) (others []*Placed) {
	at := 0
	for _, it := range items {
		for at < len(objects) && objects[at].Key != it.key && objects[at].Key.Compare(it.key) < 0 {
			others = append(others, objects[at])
			at++
		}
		var o *Placed
		if at < len(objects) && objects[at].Key == it.key {
			o = objects[at]
			at++
		}
		if it.prev[m] != o {
			it.prev[m], it.dirty = o, true
		}
	}
	return append(others, objects[at:]...)
}

// touch marks what requests, tombstones and capacities are about, now or at the
// last plan.
func (p *planner) touch() {
	c := p.cache
	now := map[v1alpha1.Key]bool{}
	for i := range p.in.Requests {
		for _, k := range p.in.Requests[i].Keys {
			now[k] = true
		}
	}
	for k := range p.tombstones {
		now[k] = true
	}
	for m := range p.members {
		old, capacity := c.capacities[m], p.members[m].Capacity
		for k, n := range capacity {
			if was, ok := old[k]; !ok || was != n {
				now[k] = true
			}
		}
		for k := range old {
			if _, ok := capacity[k]; !ok {
				now[k] = true
			}
		}
		c.capacities[m] = capacity
	}
	for _, keys := range []map[v1alpha1.Key]bool{now, c.touched} {
		for k := range keys {
			if it := c.byKey[k]; it != nil {
				it.dirty = true
			}
		}
	}
	c.touched = now
}

// dropEmpty forgets keys of which nothing is left, but not before what depends
// on them is marked.
func (p *planner) dropEmpty() {
	p.dropped = map[v1alpha1.Key]bool{}
	for _, it := range p.items {
		if !it.gone() {
			continue
		}
		delete(p.cache.byKey, it.key)
		p.dropped[it.key] = true
		switch {
		case isNamespace(it.key):
			p.unsettled[it.key.Name] = true
		case isPlacement(it.key):
			p.unsettled[it.key.Namespace] = true
		}
		for _, k := range it.took {
			if along := p.item(k); along != nil {
				along.dirty = true
			}
		}
	}
	if len(p.dropped) > 0 {
		p.items = slices.DeleteFunc(p.items, func(it *item) bool { return p.dropped[it.key] })
		p.cache.items = p.items
	}
}

// equal compares what decisions depend on.
func (r Record) equal(o Record) bool {
	return r.UID == o.UID && r.Created.Equal(o.Created) && r.Generation == o.Generation && r.SpecGeneration == o.SpecGeneration &&
		(r.Rollout == o.Rollout) && r.Stepped.Equal(o.Stepped) && r.Placement == o.Placement && r.Wanted == o.Wanted &&
		slices.Equal(r.Away, o.Away)
}

func (p *planner) item(k v1alpha1.Key) *item { return p.cache.byKey[k] }

// has says whether the member runs the item, and not what a user has deleted
// under the same name.
func (p *planner) has(it *item, c int) bool {
	o := it.prev[c]
	return o != nil && (o.UID == it.uid || !p.burnt(it.key, o.UID))
}

// placed says whether any member that stays has the item.
func (p *planner) placed(it *item) bool {
	for c, o := range it.prev {
		if o != nil && !p.members[c].leaving() {
			return true
		}
	}
	return false
}
