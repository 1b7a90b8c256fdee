package plan

// eligible says whether the member is to run the item.
func (p *planner) eligible(it *item, c int) bool {
	m := p.members[c]
	return !m.leaving() && p.selects(it, c) && (p.has(it, c) || !m.cordoned())
}

func (p *planner) selects(it *item, c int) bool {
	return it.spec == nil || it.spec.Clusters == nil || it.spec.Clusters[p.names[c]]
}

// share divides the item's replicas. Members in fixed keep what they have,
// whatever becomes of the rest.
func (p *planner) share(it *item, fixed map[int]bool) {
	if it.state != follow || it.rendered.total == NoReplicas {
		return
	}
	it.shares = make([]int64, len(p.members))
	if p.waitsForShard(it) {
		for c := range p.members {
			it.shares[c] = p.current(it, c)
		}
		return
	}
	total := it.rendered.total
	candidates := p.scratch[:0]
	for c := range p.members {
		switch {
		case fixed[c]:
			it.shares[c] = p.current(it, c)
			total -= it.shares[c]
		case p.eligible(it, c) && !p.members[c].Unknown:
			candidates = append(candidates, c)
		}
	}
	total = max(total, 0)
	if p.running(it, candidates) == total {
		for _, c := range candidates { // as Divide would, without asking it
			it.shares[c] = p.current(it, c)
		}
		return
	}
	plannerOrder(candidates, p.names, replicaKey(it.key))
	shares := Divide(total, p.candidates(it, candidates, true))
	if sum(shares) < total {
		// Better in a silent cluster, for when it is back, than nowhere.
		shares = Divide(total, p.candidates(it, candidates, false))
	}
	for i, c := range candidates {
		it.shares[c] = shares[i]
	}
	it.unplaced = total - sum(shares)
}

// waitsForShard: a member whose shard cannot be read may run any number of
// the replicas. What is placed already is not divided anew until it is known.
func (p *planner) waitsForShard(it *item) bool {
	for _, m := range p.members {
		if m.Unknown && !m.leaving() {
			return p.placed(it) || p.in.Records[it.key].SpecGeneration != 0
		}
	}
	return false
}

// candidates are given no more than they have while cordoned and, if spare,
// while they are silent.
func (p *planner) candidates(it *item, members []int, spare bool) []Candidate {
	list := make([]Candidate, len(members))
	for i, c := range members {
		m := p.members[c]
		list[i] = Candidate{Current: p.current(it, c), Max: NoMax}
		if m.cordoned() || spare && m.Stale {
			list[i].Max = list[i].Current
		}
	}
	return list
}

func (p *planner) running(it *item, members []int) (total int64) {
	for _, c := range members {
		total += p.current(it, c)
	}
	return total
}

// current is the member's share so far.
func (p *planner) current(it *item, c int) int64 {
	if !p.has(it, c) {
		return 0
	}
	return max(p.previous(it, c).Replicas, 0)
}

func sum(values []int64) (total int64) {
	for _, v := range values {
		total += v
	}
	return total
}
