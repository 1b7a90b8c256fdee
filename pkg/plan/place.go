package plan

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// place decides what every member is given of an item.
func (p *planner) place(it *item) {
	switch {
	case it.state == keep, it.state == remove, isPlacement(it.key):
		p.leave(it)
	default:
		p.spreadOut(it)
	}
	it.changed = false
	for c := range it.cells {
		it.changed = it.changed || it.cells[c].next != it.prev[c] && !p.members[c].Unknown
	}
}

// leave is for what is not followed: it stays as it is, or goes.
func (p *planner) leave(it *item) {
	for c := range it.cells {
		cell := &it.cells[c]
		*cell = cell.reset()
		if it.state == keep && !p.members[c].leaving() {
			cell.next = it.prev[c]
		}
	}
}

func (c cell) reset() cell { return cell{} }

// spreadOut places what is followed.
func (p *planner) spreadOut(it *item) {
	it.divides, it.waits, it.lingers, it.unplaced, it.wanted, it.moved = false, it.held != "", false, 0, 0, 0
	p.judge(it)
	if !p.checkOverrides(it) {
		p.leave(it)
		return
	}
	p.advance(it)
	switch {
	case it.scaler != nil:
		p.copyOut(it, true)
	case it.intent.divided:
		p.divide(it)
	case it.intent.policy.strategy == v1alpha1.StrategyOne:
		p.choose(it)
	default:
		p.copyOut(it, false)
	}
	p.renderAll(it)
	p.linger(it)
}

// copyOut gives the object to every member that is for it.
func (p *planner) copyOut(it *item, scaled bool) {
	for c := range it.cells {
		cell := &it.cells[c]
		cell.target, cell.given, cell.other = NoReplicas, NoReplicas, NoReplicas
		if scaled {
			cell.target, cell.given = bare, bare
		}
		has := p.has(it, c)
		switch cell.stand {
		case out, drained:
			cell.there = has && p.waitsForLingering(it, c)
			if cell.there {
				it.waits = true
				cell.note = "waits until the replicas of its namespace have left"
			}
		default:
			cell.there = has || it.gives(c)
		}
	}
}

// waitsForLingering keeps what replicas need that wait for their replacement.
// A namespace stays as long as anything is in it.
func (p *planner) waitsForLingering(it *item, c int) bool {
	m := &p.members[c]
	if m.leaving() {
		return false
	}
	if isNamespace(it.key) {
		in := p.inhabited[it.key.Name]
		return in != nil && in[c]
	}
	return p.lingering[it.key.Namespace][c]
}

// linger notes where replicas are that are to have none there.
func (p *planner) linger(it *item) {
	if stageOf(it) >= dependents {
		return
	}
	for c := range it.cells {
		if s := it.cells[c].stand; (s == out || s == drained) && it.cells[c].there {
			if p.lingering[it.key.Namespace] == nil {
				p.lingering[it.key.Namespace] = map[int]bool{}
			}
			p.lingering[it.key.Namespace][c] = true
			it.lingers, it.waits = true, true
		}
	}
}

// countInhabitants finds which members still have objects of the namespaces
// that are decided now.
func (p *planner) countInhabitants() {
	p.inhabited = map[string][]bool{}
	for name, ns := range p.namespaces {
		if ns.dirty && ns.state == follow && p.retreats(ns) {
			p.inhabited[name] = make([]bool, len(p.members))
		}
	}
	if len(p.inhabited) == 0 {
		return
	}
	for _, it := range p.items {
		in := p.inhabited[it.key.Namespace]
		if in == nil {
			continue
		}
		for c := range it.cells {
			in[c] = in[c] || it.cells[c].next != nil
		}
	}
}

// retreats says whether the namespace is in a member that it is not for.
func (p *planner) retreats(ns *item) bool {
	for c := range ns.cells {
		if ns.cells[c].stand == out && ns.prev[c] != nil {
			return true
		}
	}
	return false
}

// choose gives the object to one member.
func (p *planner) choose(it *item) {
	p.findAway(it)
	chosen := p.chosen(it)
	ready := chosen >= 0 && p.healthy(it, chosen)
	for c := range it.cells {
		cell := &it.cells[c]
		cell.target, cell.given, cell.other = NoReplicas, NoReplicas, NoReplicas
		switch {
		case c == chosen, cell.stand == frozen, cell.stand == fixed, cell.stand == unread:
			cell.there = true
		case p.has(it, c) && !p.members[c].leaving() && !ready && p.someone(it, chosen):
			// Not given up before the other one runs.
			cell.there, it.waits = true, true
			cell.note = cell.noteFirst("waits until it is ready in " + p.nameOf(chosen))
		case p.resting(it, c):
			cell.there, it.waits = true, true
			cell.note = cell.noteFirst("left as it is until then")
		}
	}
	p.forgetReturned(it)
}

// resting says whether the member has returned from having been taken for dead
// with an object that it may be chosen for once it is trusted.
func (p *planner) resting(it *item, c int) bool {
	return it.cells[c].stand == quiet && p.returned(it, c) && !p.gaveUp(it, c)
}

// forgetReturned forgets who was away once only one that is not has the object.
func (p *planner) forgetReturned(it *item) {
	if p.holders(it) == 1 {
		it.away = slices.DeleteFunc(it.away, func(name string) bool {
			return it.cells[slices.Index(p.names, name)].stand == open
		})
	}
	it.waits = it.waits || len(it.away) > 0
}

func (c *cell) noteFirst(s string) string {
	if c.note == "" {
		return s
	}
	return c.note + ": " + s
}

func (p *planner) nameOf(c int) string {
	if c < 0 {
		return "another cluster"
	}
	return p.names[c]
}

// someone says whether giving up is to wait: for the chosen one, or for one to
// be found, as long as the user has not approved that there is none.
func (p *planner) someone(it *item, chosen int) bool {
	return chosen >= 0 || !p.approvedNowhere(it)
}

// preference for a member that is to be the one; the lowest is chosen.
type preference int

const (
	// settled: it cannot be another.
	settled preference = iota
	// preferred to all that are less so.
	preferred
	// doubted: it is there, where it is not to be relied on or not to stay.
	doubted
	// unheard: it may run there, which is to be known before another is chosen.
	unheard
	possible
	// lastResort: a silent one, where there is no other.
	lastResort
	never
)

// chosen is the one member that is to run the item, or -1.
func (p *planner) chosen(it *item) int {
	var by [never][]int
	for c := range it.cells {
		if how := p.preference(it, c); how < never {
			by[how] = append(by[how], c)
		}
	}
	for _, list := range by {
		if len(list) > 0 {
			p.order(it, list)
			return list[0]
		}
	}
	return -1
}

func (p *planner) preference(it *item, c int) preference {
	cell := &it.cells[c]
	switch {
	case cell.stand == fixed, cell.stand == frozen && !it.intent.policy.move:
		return settled
	case cell.stand == unread && it.record.SpecGeneration != 0:
		return unheard
	case cell.stand == open, cell.stand == keeps, cell.stand == quiet:
		return p.preferenceOf(it, c)
	}
	return never
}

// preferenceOf a member that may have it.
func (p *planner) preferenceOf(it *item, c int) preference {
	cell, has := &it.cells[c], p.has(it, c)
	switch {
	case has && (p.members[c].Holding || p.resting(it, c) || p.gaveUp(it, c)):
		return doubted
	case has && (!p.rebalances(it) || cell.stand != open):
		return preferred
	case cell.stand == open && (has || it.gives(c)):
		return possible
	case cell.stand == quiet && p.members[c].Stale && it.gives(c):
		return lastResort
	}
	return never
}

// healthy says that the member's word about what it was given is good.
func (p *planner) healthy(it *item, c int) bool {
	o, r := it.prev[c], p.members[c].Reports[it.key]
	return o != nil && r != nil && r.UID == o.UID && r.Generation == o.Generation && r.Health == v1alpha1.HealthCurrent
}

// rebalances says whether running replicas may be moved to the fair shares.
func (p *planner) rebalances(it *item) bool {
	return it.intent.policy.replicas.Rebalance || p.rebalancing[it.key]
}
