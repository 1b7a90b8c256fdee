package divide

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzDivide checks small problems against the oracle and everything else that
// must hold. Each byte makes a choice.
func FuzzDivide(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0f\x00\x00\x01\x07\x01\x01\x00\x00\x00\x00\x01\x08\x01\x01"))
	f.Add([]byte("\x12\x01\x02\x00\x08\x01\x04\x04\x00\x00\x01\x00\x00\x01\x00\x01\x00\x00\x02\x01\x00\x00\x03"))
	random := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		choices := make([]byte, 60)
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		random := rand.New(rand.NewPCG(uint64(len(choices)), 1))
		p := small(func(n int64) int64 {
			if len(choices) == 0 {
				return 0
			}
			choice := choices[0]
			choices = choices[1:]
			return int64(choice) % n
		})
		var d Divider
		againstSeatBySeat(t, &d, p)
		check(t, &d, p, random)
	})
}

// FuzzDivideLarge checks problems no oracle can solve. Numbers have any size up
// to the given bits.
func FuzzDivideLarge(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed, uint8(seed), uint8(seed*7), uint16(seed*5))
	}
	f.Fuzz(func(t *testing.T, seed uint64, totalBits, weightBits uint8, n uint16) {
		random := rand.New(rand.NewPCG(seed, 2))
		p := large(random, 1+uint(totalBits)%31, 1+uint(weightBits)%31, 1+int(n)%300)
		var d Divider
		check(t, &d, p, random)
	})
}

func large(random *rand.Rand, totalBits, weightBits uint, n int) Problem {
	pick := func(bits uint) int64 { return random.Int64N(1 << bits) }
	p := Problem{Total: pick(totalBits), Rebalance: pick(1) == 0}
	for i := range random.IntN(6) {
		p.Domains = append(p.Domains, Domain{Parent: random.IntN(i+1) - 1, Max: pick(totalBits)})
	}
	each := totalBits - uint(bits.Len(uint(n)))/2
	each = min(max(each, 1), totalBits)
	for range n {
		c := Candidate{Weight: pick(weightBits), Max: NoLimit, Capacity: NoLimit,
			Domain: random.IntN(len(p.Domains)+1) - 1}
		switch random.IntN(6) {
		case 0:
			c.Max = pick(each)
		case 1:
			c.Capacity = pick(each)
		case 2:
			c.Min = pick(each) / int64(n)
		case 3:
			c.Weight = 1 << (weightBits - 1) // many the same
		}
		if random.IntN(3) > 0 {
			c.Current = pick(each) * 2 / int64(n)
		}
		p.Candidates = append(p.Candidates, c)
	}
	return p
}

// check divides and checks all that holds of any division.
func check(t *testing.T, d *Divider, p Problem, random *rand.Rand) {
	t.Helper()
	shares := make([]int64, len(p.Candidates))
	unplaced := d.Divide(p, shares)
	for name, problem := range map[string]string{
		"bounds":         outOfBounds(p, shares, unplaced),
		"fair shares":    unfair(p, shares, unplaced),
		"least movement": moved(p, shares),
		"house monotone": takenAway(d, p, shares),
		"stable":         unstable(d, p, shares),
		"renumbering":    renumbered(d, p, shares, random),
		"order":          reordered(p, random),
	} {
		if problem != "" {
			t.Errorf("%s: %s\n%+v\ngot %v with %d unplaced", name, problem, p, shares, unplaced)
		}
	}
}

// outOfBounds checks the limits of candidates and domains and the sum.
func outOfBounds(p Problem, shares []int64, unplaced int64) string {
	sum := int64(0)
	for i, c := range p.Candidates {
		if shares[i] < 0 || shares[i] > limit(c) {
			return fmt.Sprintf("share %d", i)
		}
		sum += shares[i]
	}
	if sum+unplaced != p.Total || unplaced < 0 {
		return "the sum"
	}
	for domain, d := range p.Domains {
		if together(p, shares, domain) > d.Max {
			return fmt.Sprintf("domain %d", domain)
		}
	}
	return ""
}

// kept is what of a candidate's Current is within its bounds.
func kept(p Problem, c Candidate) int64 {
	if p.Rebalance {
		return 0
	}
	return min(c.Current, limit(c))
}

// unfair looks for a replica that somebody else should have: one with a higher
// claim, or with the same and before in order, that is kept out neither by its
// limit nor by a domain the two are not both in. Replicas that are kept or under
// a Min are not up for it.
func unfair(p Problem, shares []int64, unplaced int64) string {
	full := make([]bool, len(p.Domains))
	for domain, d := range p.Domains {
		full[domain] = together(p, shares, domain) >= d.Max
	}
	for i, c := range p.Candidates {
		keeps := kept(p, c)
		if c.Weight == 0 && shares[i] >= min(c.Min, limit(c)) || shares[i] >= limit(c) {
			continue // wants no more
		}
		if unplaced > 0 && inFull(p, full, c.Domain, None) == None {
			return fmt.Sprintf("%d has room", i)
		}
		if shares[i] < keeps || shares[i] < c.Min {
			continue // of another rank; small problems have the oracle for it
		}
		for j, other := range p.Candidates {
			if i == j || other.Weight == 0 || shares[j] <= max(kept(p, other), min(other.Min, limit(other))) ||
				inFull(p, full, c.Domain, other.Domain) != None {
				continue
			}
			ours := product(c.Weight, 2*shares[j]-1)
			theirs := product(other.Weight, 2*shares[i]+1)
			if less(theirs, ours) || theirs == ours && i < j {
				return fmt.Sprintf("%d should have one of %d", i, j)
			}
		}
	}
	return ""
}

// inFull returns a full domain that a candidate is in and the other is not, or
// None.
func inFull(p Problem, full []bool, domain, other int) int {
	for ; domain != None; domain = p.Domains[domain].Parent {
		shared := false
		for around := other; around != None; around = p.Domains[around].Parent {
			shared = shared || around == domain
		}
		if full[domain] && !shared {
			return domain
		}
	}
	return None
}

type wide struct{ high, low uint64 }

func product(a, b int64) wide {
	high, low := bits.Mul64(uint64(a), uint64(b))
	return wide{high, low}
}

func less(a, b wide) bool { return a.high < b.high || a.high == b.high && a.low < b.low }

// moved checks that as many replicas stay as can.
func moved(p Problem, shares []int64) string {
	stay, can := int64(0), int64(0)
	inside := make([]int64, len(p.Domains))
	for i, c := range p.Candidates {
		keeps := kept(p, c)
		stay += min(keeps, shares[i])
		if c.Domain == None {
			can += keeps
		} else {
			inside[c.Domain] += keeps
		}
	}
	for domain := len(p.Domains) - 1; domain >= 0; domain-- {
		d := p.Domains[domain]
		keeps := min(inside[domain], d.Max)
		if d.Parent == None {
			can += keeps
		} else {
			inside[d.Parent] += keeps
		}
	}
	if can = min(can, p.Total); stay != can {
		return fmt.Sprintf("%d stay of %d that could", stay, can)
	}
	return ""
}

// takenAway checks that one more replica takes none away.
func takenAway(d *Divider, p Problem, shares []int64) string {
	p.Total++
	more := make([]int64, len(shares))
	d.Divide(p, more)
	for i := range more {
		if more[i] < shares[i] || more[i] > shares[i]+1 {
			return fmt.Sprintf("with one more %v", more)
		}
	}
	return ""
}

// unstable checks that what came out stays when it runs.
func unstable(d *Divider, p Problem, shares []int64) string {
	again := p
	again.Rebalance, again.Candidates = false, slices.Clone(p.Candidates)
	for i := range again.Candidates {
		again.Candidates[i].Current = shares[i]
	}
	next := make([]int64, len(shares))
	d.Divide(again, next)
	if !slices.Equal(next, shares) {
		return fmt.Sprintf("the next time %v", next)
	}
	return ""
}

// renumbered checks that a domain more, a candidate more that may have nothing,
// and all weights doubled change nothing.
func renumbered(d *Divider, p Problem, shares []int64, random *rand.Rand) string {
	other := p
	other.Domains = append([]Domain{{Parent: None, Max: NoLimit}}, p.Domains...)
	for i := range other.Domains[1:] {
		other.Domains[i+1].Parent++
	}
	at := random.IntN(len(p.Candidates) + 1)
	other.Candidates = slices.Insert(slices.Clone(p.Candidates), at,
		Candidate{Current: 7, Weight: 1000, Min: 3, Max: 0, Capacity: NoLimit, Domain: None})
	for i := range other.Candidates {
		other.Candidates[i].Domain++
		other.Candidates[i].Weight *= 2
	}
	got := make([]int64, len(other.Candidates))
	d.Divide(other, got)
	if got[at] != 0 || !slices.Equal(slices.Delete(got, at, at+1), shares) {
		return fmt.Sprintf("got %v", got)
	}
	return ""
}

// reordered checks that the caller's order of clusters means nothing as long as
// planner order is the same.
func reordered(p Problem, random *rand.Rand) string {
	clusters := make([]cluster, len(p.Candidates))
	for i, c := range p.Candidates {
		clusters[i] = cluster{fmt.Sprintf("cluster-%d", i), c}
	}
	want, _ := divideNamed(p, "default/web", clusters)
	to := random.Perm(len(clusters))
	shuffled := make([]cluster, len(clusters))
	for i, at := range to {
		shuffled[at] = clusters[i]
	}
	got, _ := divideNamed(p, "default/web", shuffled)
	for i, at := range to {
		if got[at] != want[i] {
			return fmt.Sprintf("%v and in another order %v", want, got)
		}
	}
	return ""
}
