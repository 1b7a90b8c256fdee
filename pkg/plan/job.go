package plan

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/divide"
)

// divideJob divides a Job's parallelism, and its completions when it is first
// placed: those are immutable, so that what a cluster was given stays.
func (p *planner) divideJob(it *item) {
	completions := it.intent.total.other
	if completions == NoReplicas { // it works through a queue of its own
		p.fair(it, p.freeze(it))
		p.settleJob(it, func(c int) bool { return p.has(it, c) || it.cells[c].target > 0 })
		return
	}
	rest := p.freeze(it)
	first, lost, missing := true, int64(0), completions
	for c := range it.cells {
		if !p.has(it, c) {
			continue
		}
		first = false
		p.keepCompletions(it, c)
		n := max(it.cells[c].other, 0)
		if it.cells[c].stand == frozen && it.intent.policy.move {
			left := max(n-p.succeeded(it, c), 0)
			lost, n = lost+left, n-left
		}
		missing -= n
	}
	if first {
		p.fair(it, min(rest, completions))
		p.firstCompletions(it, completions)
	} else {
		p.laterCompletions(it, min(missing, lost))
		p.parallelism(it, rest)
	}
	p.settleJob(it, func(c int) bool { return p.has(it, c) || it.cells[c].other > 0 })
}

func (p *planner) settleJob(it *item, there func(c int) bool) {
	for c := range it.cells {
		cell := &it.cells[c]
		switch cell.stand {
		case frozen, fixed, unread:
			continue
		}
		cell.given = cell.target
		cell.there = there(c) && (cell.stand != out || cell.there)
	}
}

func (p *planner) keepCompletions(it *item, c int) {
	cell := &it.cells[c]
	if cell.other = storedAmount(&it.prev[c].ShardObject).other; cell.other == NoReplicas {
		cell.other = p.current(it, c) // assumed, or placed before there were any
	}
}

// firstCompletions go to those that have parallelism, at least as many.
func (p *planner) firstCompletions(it *item, total int64) {
	s := &p.sharing
	working := slices.ContainsFunc(s.members, func(c int) bool { return it.cells[c].target > 0 })
	s.members = slices.DeleteFunc(s.members, func(c int) bool { return working && it.cells[c].target == 0 })
	p.shareCompletions(it, total)
}

// laterCompletions: those of clusters taken for dead go to
// those that do not have the Job yet.
func (p *planner) laterCompletions(it *item, lost int64) {
	s := &p.sharing
	s.members = s.members[:0]
	for c := range it.cells {
		if it.cells[c].stand == open && it.gives(c) && !p.has(it, c) {
			s.members = append(s.members, c)
		}
	}
	if lost > 0 {
		p.shareCompletions(it, lost)
	}
}

func (p *planner) shareCompletions(it *item, total int64) {
	s := &p.sharing
	pol := it.intent.policy
	p.order(it, s.members)
	s.candidates, s.shares = s.candidates[:0], slices.Grow(s.shares[:0], len(s.members))[:len(s.members)]
	for _, c := range s.members {
		f := &pol.fits[c]
		most := int64(divide.NoLimit)
		if f.max == 0 {
			most = 0
		}
		s.candidates = append(s.candidates, divide.Candidate{Weight: f.weight, Min: it.cells[c].target, Max: most,
			Capacity: divide.NoLimit, Domain: divide.None})
	}
	s.divider.Divide(divide.Problem{Total: total, Rebalance: true, Candidates: s.candidates}, s.shares)
	for i, c := range s.members {
		it.cells[c].other = s.shares[i]
	}
}

// succeeded is how many completions the member has told of.
func (p *planner) succeeded(it *item, c int) int64 {
	if !p.heard(it, c) {
		return 0
	}
	return p.members[c].Reports[it.key].Counts["succeeded"]
}

// over says that the member's part has come to an end.
func (p *planner) over(it *item, c int) bool {
	return p.succeeded(it, c) >= it.cells[c].other || p.heard(it, c) && p.members[c].Reports[it.key].Health == v1alpha1.HealthFailed
}

// parallelism is divided anew over the members that have completions left, never
// more than those, and one at least. Where there is not one for each, some wait
// until others are done.
func (p *planner) parallelism(it *item, total int64) {
	s := &p.sharing
	pol := it.intent.policy
	s.members = s.members[:0]
	for c := range it.cells {
		cell := &it.cells[c]
		switch {
		case cell.other <= 0, cell.stand == frozen, cell.stand == fixed, cell.stand == unread:
		case p.over(it, c):
			cell.target, cell.there = p.current(it, c), true
		default:
			s.members = append(s.members, c)
		}
	}
	p.order(it, s.members)
	s.candidates, s.shares = s.candidates[:0], slices.Grow(s.shares[:0], len(s.members))[:len(s.members)]
	for _, c := range s.members {
		cell := &it.cells[c]
		s.candidates = append(s.candidates, divide.Candidate{Current: p.current(it, c), Weight: max(pol.fits[c].weight, 1), Min: 1,
			Max: min(cell.other, max(pol.fits[c].max, 1)), Capacity: divide.NoLimit, Domain: divide.None})
	}
	it.unplaced = 0
	s.divider.Divide(divide.Problem{Total: total, Rebalance: p.rebalances(it), Candidates: s.candidates}, s.shares)
	for i, c := range s.members {
		it.cells[c].target = s.shares[i]
		it.cells[c].there = true
		it.waits = it.waits || s.shares[i] == 0 && total > 0
	}
}
