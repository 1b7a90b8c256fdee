package plan

import (
	"fmt"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// judge finds what every member is to an item that is followed.
func (p *planner) judge(it *item) {
	ns, takers := p.namespaceOf(it), p.taken(it)
	for c := range p.members {
		cell := &it.cells[c]
		cell.stand, cell.why, cell.note = p.stand(it, c, ns, takers)
	}
	if slices.ContainsFunc(it.intent.policy.spread, func(s v1alpha1.SpreadConstraint) bool { return s.MaxClusters != nil }) {
		p.limitClusters(it)
	}
}

// moves says whether what runs of it can run elsewhere instead.
func (p *planner) moves(it *item) bool {
	in := it.intent
	return in.policy.strategy == v1alpha1.StrategyOne || in.divided && in.scale != asJob
}

// stand is what one member is to the item.
func (p *planner) stand(it *item, c int, ns *item, takers []*item) (stand, why, string) {
	m, f := &p.members[c], &it.intent.policy.fits[c]
	has := p.has(it, c)
	counted := it.intent.divided || p.moves(it)
	switch {
	case m.leaving():
		return out, whyLeaving, ""
	case m.Unknown:
		return unread, whyOther, "its shard cannot be read: left as it is"
	case p.held[place{c, it.key}]:
		return fixed, whyOther, "removal waits for `kubectl fed approve`"
	case m.dead() && counted && it.scaler == nil:
		if has {
			return frozen, whyLost, ""
		}
		return out, whyLost, "taken for dead: given nothing"
	case !f.selected:
		return out, whyPolicy, f.reason
	}
	if s, w, note := p.along(it, c, ns, takers); s == out {
		return s, w, note
	}
	return p.access(it, c, has)
}

// along says whether what the item goes along with lets it into a member.
func (p *planner) along(it *item, c int, ns *item, takers []*item) (stand, why, string) {
	if ns != nil && !ns.admits(c) {
		return out, whyNamespace, fmt.Sprintf("namespace %s is not for it", ns.key.Name)
	}
	if len(takers) > 0 && !slices.ContainsFunc(takers, func(t *item) bool { return t.runs(c) }) {
		return out, whyTaker, "nothing that takes it along runs there"
	}
	if it.scaler != nil && !it.scaler.runs(c) {
		return out, whyScaler, fmt.Sprintf("HorizontalPodAutoscaler %s does not run there", it.scaler.key.Name)
	}
	return open, whySelected, ""
}

// access is what a member that is selected gives.
func (p *planner) access(it *item, c int, has bool) (stand, why, string) {
	m, f := &p.members[c], &it.intent.policy.fits[c]
	limited := func(w why, note string) (stand, why, string) {
		if has {
			return keeps, w, note
		}
		return out, w, note
	}
	switch {
	case m.Spec.Drained && p.moves(it) && it.scaler == nil:
		if has {
			return drained, whyDrained, "drained"
		}
		return out, whyDrained, "drained: given nothing new"
	case m.Spec.Drained:
		return limited(whyDrained, "drained")
	case m.cordoned():
		return limited(whyCordoned, "cordoned")
	case f.taint != "":
		return limited(whyTaint, f.taint)
	case !f.named && it.intent.divided && it.scaler == nil:
		return limited(whyUnnamed, "not named in the replica preferences")
	case m.Holding:
		return quiet, whyHolding, "back, but not trusted yet"
	case m.Stale:
		return quiet, whyStale, "silent"
	}
	return open, whySelected, ""
}

// admits says whether objects of the item, a namespace, may be in a member.
func (it *item) admits(c int) bool {
	if it.state == follow {
		return it.cells[c].stand != out
	}
	return it.prev[c] != nil
}

// runs says whether a member has the item with this plan.
func (it *item) runs(c int) bool { return it.cells[c].next != nil }

// limitClusters leaves only so many members of each domain: those that have the
// object, then those that come first.
func (p *planner) limitClusters(it *item) {
	pol := it.intent.policy
	var candidates []int
	for c := range it.cells {
		if s := it.cells[c].stand; s == keeps || s == quiet || s == open || s == fixed {
			candidates = append(candidates, c)
		}
	}
	p.order(it, candidates)
	if !p.rebalances(it) {
		slices.SortStableFunc(candidates, func(a, b int) int { return p.rank(it, a) - p.rank(it, b) })
	}
	for i, s := range pol.spread {
		if s.MaxClusters == nil {
			continue
		}
		taken := map[string]int64{}
		for _, c := range candidates {
			cell, domain := &it.cells[c], pol.fits[c].values[i]
			if cell.stand == out {
				continue
			}
			if taken[domain] >= *s.MaxClusters && cell.stand != fixed {
				cell.stand, cell.why = out, whyDomain
				cell.note = fmt.Sprintf("%s has its %d already", domain, *s.MaxClusters)
				continue
			}
			taken[domain]++
		}
	}
}

// rank puts those that have the object first.
func (p *planner) rank(it *item, c int) int {
	if p.has(it, c) {
		return 0
	}
	return 1
}
