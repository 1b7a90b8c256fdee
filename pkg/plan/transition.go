package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// gradually: at most one in so many of an object's replicas goes back to a
	// returned cluster in each step.
	gradually = 10
	// stepEvery is how long a step takes.
	stepEvery = time.Minute
)

// findAway lists the members whose share runs elsewhere: those taken for dead,
// and those back from it that have not come to rest.
func (p *planner) findAway(it *item) {
	it.away = nil
	if !it.intent.policy.move {
		return
	}
	for c := range it.cells {
		back := p.wasAway(it, c) && p.has(it, c) && !p.members[c].leaving()
		if it.cells[c].stand == frozen || back {
			it.away = append(it.away, p.names[c])
		}
	}
}

func (p *planner) wasAway(it *item, c int) bool {
	return slices.Contains(it.record.Away, p.names[c])
}

// returned says whether the member is back from having been taken for dead.
func (p *planner) returned(it *item, c int) bool {
	return it.cells[c].stand != frozen && slices.Contains(it.away, p.names[c])
}

// gaveUp says whether the member has returned and is to have none of it back.
func (p *planner) gaveUp(it *item, c int) bool {
	return it.intent.policy.back == v1alpha1.ReturnNever && p.returned(it, c)
}

// release lets members give up replicas as far as others run them already:
// make before break.
func (p *planner) release(it *item) {
	short := p.missing(it)
	for _, leaving := range []bool{false, true} { // who keeps some in the end, keeps more meanwhile
		for c := range it.cells {
			cell := &it.cells[c]
			if gone := cell.stand == out || cell.stand == drained; gone != leaving || cell.stand == frozen || cell.stand == fixed || cell.stand == unread {
				continue
			}
			cell.given = cell.target
			if more := min(p.ready(it, c)-cell.target, short); more > 0 && !p.members[c].leaving() {
				cell.given += more
				if p.heard(it, c) { // what may run there is no replacement
					short -= more
				}
			}
		}
	}
	p.goGradually(it)
	p.settleRelease(it)
}

// missing is how many ready replicas would be lost at once, beyond those that a
// user wants to go.
func (p *planner) missing(it *item) int64 {
	var goal, running, after, before, more int64
	for c := range it.cells {
		cell := &it.cells[c]
		if cell.stand == frozen || cell.stand == unread || p.members[c].leaving() {
			continue
		}
		n, had := p.ready(it, c), p.current(it, c)
		goal += cell.target
		running += n
		if p.heard(it, c) {
			after += min(n, cell.target)
		}
		before += had
		more += max(cell.target-had, 0)
	}
	if !p.approvedNowhere(it) {
		goal += it.unplaced
	}
	short := max(min(goal, running)-after, 0)
	if was := it.record.Wanted; was > it.wanted {
		short = min(short, max(before-was, 0)+more)
	}
	return short
}

// heard says whether there is the member's word about what it was given.
func (p *planner) heard(it *item, c int) bool {
	o, r := it.prev[c], p.members[c].Reports[it.key]
	return o != nil && r != nil && r.UID == o.UID
}

// ready is how many of the replicas given before run. What is not known of a
// member that is to give some up is taken to run; of another, not to.
func (p *planner) ready(it *item, c int) int64 {
	given := p.current(it, c)
	if given == 0 {
		return 0
	}
	loses := it.cells[c].target < given
	o, k := it.prev[c], it.key
	r := p.members[c].Reports[k]
	if r == nil || r.UID != o.UID {
		capacity, limited := p.members[c].Capacity[k]
		switch {
		case loses && limited:
			return min(given, capacity)
		case loses:
			return given
		}
		return 0
	}
	if r.Generation != o.Generation && !loses {
		return 0
	}
	if it.intent.scale == asAutoscaler {
		return p.readyToScale(it, c, given, loses)
	}
	if n, ok := r.Counts["readyReplicas"]; ok {
		return min(n, given)
	}
	if r.Health == v1alpha1.HealthCurrent {
		return given
	}
	return 0
}

// readyToScale: an autoscaler is as good as what it scales.
func (p *planner) readyToScale(it *item, c int, given int64, loses bool) int64 {
	target := p.members[c].Reports[it.intent.target]
	if loses || target != nil && target.Health == v1alpha1.HealthCurrent {
		return given
	}
	return 0
}

// goGradually slows down what others give up for a cluster that has returned.
func (p *planner) goGradually(it *item) {
	if it.intent.policy.back != v1alpha1.ReturnGradual || !slices.ContainsFunc(p.names, func(name string) bool {
		return p.returned(it, slices.Index(p.names, name))
	}) {
		return
	}
	rec := it.record
	it.stepped = rec.Stepped
	step := p.unwanted(it)
	if p.in.Now.Sub(rec.Stepped) >= stepEvery {
		step += max(it.wanted/gradually, 1)
	}
	var gone int64
	for c := range it.cells {
		cell, had := &it.cells[c], p.current(it, c)
		if less := had - cell.given; less > 0 && cell.stand != frozen && cell.stand != fixed {
			less = min(less, step-gone)
			gone += less
			cell.given = had - less
		}
	}
	if gone > 0 {
		it.stepped = p.in.Now
	}
}

// unwanted is how many replicas there are beyond those wanted and those that
// came back: a user's scaling down takes no steps.
func (p *planner) unwanted(it *item) int64 {
	more := -it.wanted
	for c := range it.cells {
		if it.cells[c].stand != frozen && !p.returned(it, c) {
			more += p.current(it, c)
		}
	}
	return max(more, 0)
}

// settleRelease notes what is not done yet.
func (p *planner) settleRelease(it *item) {
	for c := range it.cells {
		cell := &it.cells[c]
		switch cell.stand {
		case out, drained:
			cell.there = cell.given > 0
			if p.members[c].leaving() {
				cell.given, cell.there = 0, false
			}
		case frozen, fixed, unread:
			continue
		}
		if cell.given == cell.target {
			continue
		}
		it.waits = true
		cell.note = cell.noteThen(fmt.Sprintf("waits until %d replicas are ready elsewhere", cell.given-cell.target))
	}
	if next := it.stepped.Add(stepEvery); next.After(p.in.Now) && it.waits {
		it.again = sooner(it.again, next)
	}
	p.forgetAway(it)
}

func (c *cell) noteThen(s string) string {
	if c.note == "" {
		return s
	}
	return c.note + ": " + s
}

// forgetAway drops those that have come to rest.
func (p *planner) forgetAway(it *item) {
	it.away = slices.DeleteFunc(it.away, func(name string) bool {
		c := slices.Index(p.names, name)
		return it.cells[c].stand != frozen && !it.waits && p.atRest(it)
	})
	if len(it.away) == 0 {
		it.away = nil
	}
	it.waits = it.waits || len(it.away) > 0
}

// atRest says that every member was given its share before this plan.
func (p *planner) atRest(it *item) bool {
	for c := range it.cells {
		if cell := &it.cells[c]; cell.stand != frozen && (cell.given != cell.target || p.current(it, c) != cell.target) {
			return false
		}
	}
	return true
}
