package plan

import (
	"math"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/plan/divide"
)

// divide finds every member's share, and how far towards it this plan goes.
func (p *planner) divide(it *item) {
	it.divides, it.wanted, it.weights = true, p.goal(it), 0
	for c := range it.cells {
		cell := &it.cells[c]
		cell.target, cell.given, cell.other = 0, 0, NoReplicas
		switch cell.stand {
		case keeps, quiet, open:
			it.weights += it.intent.policy.fits[c].weight
		}
	}
	if p.waitsForShard(it) || p.waitsForNumber(it) {
		for c := range it.cells {
			p.stay(it, c)
			it.cells[c].there = p.has(it, c)
		}
		it.waits = true
		return
	}
	p.findAway(it)
	switch it.intent.scale {
	case asJob:
		p.divideJob(it)
	case asAutoscaler:
		p.fair(it, p.freeze(it))
		p.release(it)
		p.minimums(it)
	default:
		p.fair(it, p.freeze(it))
		p.release(it)
	}
	p.countMoved(it)
}

// goal is the number that is divided. A spec that names none, or does no more,
// takes nothing away from what runs: an autoscaler may have made it.
func (p *planner) goal(it *item) int64 {
	if !it.intent.unsaid {
		return it.intent.total.n
	}
	if it.record.Wanted > 0 {
		return it.record.Wanted
	}
	var running int64
	for c := range it.cells {
		running += p.current(it, c)
	}
	return max(running, it.intent.total.n)
}

// waitsForNumber: how many replicas there are is to be heard first.
func (p *planner) waitsForNumber(it *item) bool {
	if !it.intent.unsaid || it.record.Wanted > 0 {
		return false
	}
	for c := range it.cells {
		if m := &p.members[c]; p.uncounted(it, c) && !m.leaving() && !m.silent() {
			it.wanted = 0
			return true
		}
	}
	return false
}

// uncounted: an autoscaler had the member's replicas until now, and what it made
// of them is not known.
func (p *planner) uncounted(it *item, c int) bool {
	o, r := it.prev[c], p.members[c].Reports[it.key]
	return it.intent.scale == byReplicas && p.has(it, c) && o.Replicas == NoReplicas && len(o.Manifest) > 0 &&
		(r == nil || r.UID != o.UID)
}

// stay keeps what a member has.
func (p *planner) stay(it *item, c int) {
	cell := &it.cells[c]
	cell.given = p.current(it, c)
	cell.target = cell.given
	if it.prev[c] != nil {
		cell.other = storedAmount(&it.prev[c].ShardObject).other
	}
}

// waitsForShard: a member whose shard cannot be read may run any number of
// the replicas. What is placed already is not divided anew until it is known.
func (p *planner) waitsForShard(it *item) bool {
	for c := range p.members {
		if m := &p.members[c]; m.Unknown && !m.leaving() {
			return p.placed(it) || it.record.SpecGeneration != 0
		}
	}
	return false
}

// freeze leaves dead members and those that the budget holds as they are, and
// returns how much is left for the others.
func (p *planner) freeze(it *item) int64 {
	rest := it.wanted
	for c := range it.cells {
		cell := &it.cells[c]
		switch cell.stand {
		case frozen:
			p.stay(it, c)
			cell.there = true
			if !it.intent.policy.move {
				rest -= cell.given
			}
		case fixed:
			p.stay(it, c)
			cell.there = true
			rest -= cell.given
		}
	}
	return max(rest, 0)
}

// fair sets the targets of the members that replicas may be divided over.
func (p *planner) fair(it *item, total int64) {
	s := &p.sharing
	s.members = s.members[:0]
	for c := range it.cells {
		cell := &it.cells[c]
		if cell.stand == keeps || (cell.stand == open || cell.stand == quiet) && (it.gives(c) || p.has(it, c)) {
			s.members = append(s.members, c)
			cell.there = p.has(it, c) || it.intent.scale == byReplicas
		}
	}
	if p.steady(it, total) {
		for _, c := range s.members {
			it.cells[c].target = p.current(it, c)
		}
		return
	}
	p.order(it, s.members)
	it.unplaced = p.apportion(it, total, false)
	if it.unplaced > 0 && slices.ContainsFunc(s.members, func(c int) bool { return p.onlyStale(it, c) }) {
		// Better in a silent cluster, for when it is back, than nowhere.
		it.unplaced = p.apportion(it, total, true)
	}
	for i, c := range s.members {
		it.cells[c].target = s.shares[i]
	}
}

func (p *planner) onlyStale(it *item, c int) bool {
	return it.cells[c].stand == quiet && p.members[c].Stale && !p.members[c].Holding
}

// steady says that what runs may stay as it is.
func (p *planner) steady(it *item, total int64) bool {
	if p.rebalances(it) || len(it.intent.policy.domains) > 0 || len(it.away) > 0 {
		return false
	}
	for _, c := range p.sharing.members {
		n := p.current(it, c)
		if n > p.most(it, c, false) {
			return false
		}
		total -= n
	}
	return total == 0
}

// most that a member may have.
func (p *planner) most(it *item, c int, silentToo bool) int64 {
	cell, f := &it.cells[c], &it.intent.policy.fits[c]
	most := f.max
	if capacity, ok := p.members[c].Capacity[it.key]; ok {
		most = min(most, capacity)
	}
	if cell.stand == keeps || cell.stand == quiet && !(silentToo && p.onlyStale(it, c)) {
		most = min(most, p.current(it, c))
	}
	return most
}

// apportion divides over the members in s.members and leaves the shares in
// s.shares.
func (p *planner) apportion(it *item, total int64, silentToo bool) (unplaced int64) {
	s := &p.sharing
	s.candidates, s.shares = s.candidates[:0], slices.Grow(s.shares[:0], len(s.members))[:len(s.members)]
	pol := it.intent.policy
	for _, c := range s.members {
		f := &pol.fits[c]
		k := divide.Candidate{Current: p.current(it, c), Weight: f.weight, Min: f.min, Max: p.most(it, c, silentToo),
			Capacity: divide.NoLimit, Domain: f.domain}
		if p.gaveUp(it, c) {
			k.Current, k.Max = 0, 0
		}
		s.candidates = append(s.candidates, k)
	}
	p.runningFirst(it, total)
	return s.divider.Divide(divide.Problem{Total: total, Rebalance: p.rebalances(it), Candidates: s.candidates, Domains: pol.domains}, s.shares)
}

// runningFirst: when a user wants fewer, those that do not run are the first
// to go.
func (p *planner) runningFirst(it *item, total int64) {
	if it.record.Wanted <= it.wanted || p.rebalances(it) {
		return
	}
	s := &p.sharing
	var running int64
	for i, c := range s.members {
		running += min(p.runs(it, c), s.candidates[i].Current)
	}
	for i, c := range s.members {
		k := &s.candidates[i]
		if running >= total {
			k.Current = min(p.runs(it, c), k.Current)
		} else {
			k.Min = max(k.Min, min(p.runs(it, c), k.Current))
		}
	}
}

// runs is how many of the replicas given run, as far as is known: all if
// nothing is.
func (p *planner) runs(it *item, c int) int64 {
	r := p.members[c].Reports[it.key]
	o := it.prev[c]
	if r == nil || o == nil || r.UID != o.UID {
		return math.MaxInt64
	}
	if n, ok := r.Counts["readyReplicas"]; ok || r.Counts != nil {
		return n
	}
	return math.MaxInt64
}

// current is the member's share so far.
func (p *planner) current(it *item, c int) int64 {
	o := it.prev[c]
	if o == nil || !p.has(it, c) {
		return 0
	}
	if o.Replicas != NoReplicas {
		return o.Replicas
	}
	// An autoscaler had them until now: what it made of them is in the report.
	if r := p.members[c].Reports[it.key]; r != nil && r.UID == o.UID {
		return max(r.Counts["replicas"], 0)
	}
	return 0
}

// minimums divides an autoscaler's minimum within the maximums that are given.
func (p *planner) minimums(it *item) {
	total := it.intent.total.other
	s := &p.sharing
	s.members, s.candidates = s.members[:0], s.candidates[:0]
	for c := range it.cells {
		cell := &it.cells[c]
		if cell.stand == frozen || cell.stand == fixed {
			continue
		}
		if cell.there = cell.given > 0; cell.there {
			s.members = append(s.members, c)
		}
	}
	p.order(it, s.members)
	least := min(total, 1) // where the spec allows none, so may a share
	for _, c := range s.members {
		s.candidates = append(s.candidates, divide.Candidate{Weight: max(it.intent.policy.fits[c].weight, 1),
			Max: it.cells[c].given, Capacity: divide.NoLimit, Domain: divide.None})
	}
	s.shares = slices.Grow(s.shares[:0], len(s.members))[:len(s.members)]
	s.divider.Divide(divide.Problem{Total: total, Rebalance: true, Candidates: s.candidates}, s.shares)
	for i, c := range s.members {
		it.cells[c].other = max(s.shares[i], least)
	}
}

// countMoved counts replicas that leave one cluster for another.
func (p *planner) countMoved(it *item) {
	var more, less int64
	for c := range it.cells {
		cell := &it.cells[c]
		switch now := p.current(it, c); {
		case cell.stand == frozen && it.intent.policy.move && !p.wasAway(it, c):
			less += now
		case cell.stand == frozen:
		default:
			more, less = more+max(cell.target-now, 0), less+max(now-cell.target, 0)
		}
	}
	it.moved = min(more, less)
}
