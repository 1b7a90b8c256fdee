package divide

import "slices"

// tree is the memory in which domains are limited.
type tree struct {
	first   []int // per domain: its first member, or None
	next    []int // per candidate: the next member of its domain, or None
	members []member
}

// limitDomains lowers the members' limits to what they would get if each domain
// were alone and had to be filled. As replicas are given in a fixed order, those
// of a domain are the first of that order that fit in it, and one by one they
// are the same in the whole; so with the limits lowered, innermost domains
// first, no domain is ever over its Max.
func (d *Divider) limitDomains(p Problem, members []member, total int64) {
	t := &d.tree
	t.list(p)
	for domain := len(p.Domains) - 1; domain >= 0; domain-- {
		most := min(max(p.Domains[domain].Max, 0), total)
		if t.collect(domain, members) > most {
			d.fill(t.members, most)
			t.lower(domain, members)
		}
		t.join(domain, p.Domains[domain].Parent)
	}
}

// list puts every candidate in the list of its own domain, in planner order.
func (t *tree) list(p Problem) {
	t.first = slices.Grow(t.first[:0], len(p.Domains))[:len(p.Domains)]
	for i := range t.first {
		t.first[i] = None
	}
	t.next = slices.Grow(t.next[:0], len(p.Candidates))[:len(p.Candidates)]
	for i := len(p.Candidates) - 1; i >= 0; i-- {
		if domain := p.Candidates[i].Domain; domain != None {
			t.next[i], t.first[domain] = t.first[domain], i
		}
	}
}

// collect copies the domain's members and returns the sum of their limits.
func (t *tree) collect(domain int, members []member) (limits int64) {
	t.members = t.members[:0]
	for i := t.first[domain]; i != None; i = t.next[i] {
		t.members = append(t.members, members[i])
		limits += members[i].limit
	}
	return limits
}

// lower makes the shares of the collected the limits of the domain's members.
func (t *tree) lower(domain int, members []member) {
	for i, at := t.first[domain], 0; i != None; i, at = t.next[i], at+1 {
		m := &members[i]
		m.limit = t.members[at].share
		m.min = min(m.min, m.limit)
		m.keep = min(m.keep, m.limit)
	}
}

// join makes the domain's members its parent's too, in planner order.
func (t *tree) join(domain, parent int) {
	if parent == None {
		return
	}
	if parent >= domain {
		panic("divide: a domain comes after the domain around it")
	}
	ours, theirs, link := t.first[domain], t.first[parent], &t.first[parent]
	for ours != None && theirs != None {
		if ours > theirs {
			ours, theirs = theirs, ours
		}
		*link, link, ours = ours, &t.next[ours], t.next[ours]
	}
	*link = max(ours, theirs) // one of them is None
}
