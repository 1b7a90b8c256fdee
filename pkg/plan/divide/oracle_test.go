package divide

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// limit is what a candidate may have at most, whoever else there is.
func limit(c Candidate) int64 { return max(min(c.Max, c.Capacity), 0) }

// seatBySeat divides as Divide is documented to: one replica after the other, by
// exhaustive comparison.
func seatBySeat(p Problem) (shares []int64, unplaced int64) {
	g := greedy{Problem: p, shares: make([]int64, len(p.Candidates)), rest: max(p.Total, 0)}
	if !p.Rebalance {
		kept := func(c Candidate) int64 { return max(min(c.Current, limit(c)), 0) }
		g.inOrder(func(c Candidate) int64 { return min(c.Min, kept(c)) })
		g.highest(kept, func(c Candidate, share int64) *big.Rat { return claim(c.Weight, share) })
		g.highest(kept, func(c Candidate, share int64) *big.Rat {
			return claim(1, share-max(min(c.Min, kept(c)), 0))
		})
	}
	g.inOrder(func(c Candidate) int64 { return min(c.Min, limit(c)) })
	g.highest(limit, func(c Candidate, share int64) *big.Rat { return claim(c.Weight, share) })
	return g.shares, g.rest
}

func claim(weight, share int64) *big.Rat { return big.NewRat(max(weight, 0), 2*share+1) }

type greedy struct {
	Problem
	shares []int64
	rest   int64
}

// room is whether a candidate's domains may have one more replica.
func (g *greedy) room(i int) bool {
	for domain := g.Candidates[i].Domain; domain != None; domain = g.Domains[domain].Parent {
		if together(g.Problem, g.shares, domain) >= g.Domains[domain].Max {
			return false
		}
	}
	return true
}

// together is what the members of a domain have.
func together(p Problem, shares []int64, domain int) (sum int64) {
	for i, c := range p.Candidates {
		for around := c.Domain; around != None; around = p.Domains[around].Parent {
			if around == domain {
				sum += shares[i]
			}
		}
	}
	return sum
}

func (g *greedy) inOrder(upTo func(Candidate) int64) {
	for i, c := range g.Candidates {
		for g.rest > 0 && g.shares[i] < upTo(c) && g.room(i) {
			g.shares[i]++
			g.rest--
		}
	}
}

func (g *greedy) highest(upTo func(Candidate) int64, claim func(Candidate, int64) *big.Rat) {
	for g.rest > 0 {
		best, highest := None, new(big.Rat)
		for i, c := range g.Candidates {
			if g.shares[i] >= upTo(c) || !g.room(i) {
				continue
			}
			if ours := claim(c, g.shares[i]); ours.Cmp(highest) > 0 {
				best, highest = i, ours
			}
		}
		if best == None {
			return
		}
		g.shares[best]++
		g.rest--
	}
}

// optimum divides by what Sainte-Laguë is the best of: of all divisions of the
// most that can be placed within the bounds, those with the least sum of
// share²/weight, which is how far the shares are from proportion; and of these
// the one that gives most to the first in order. It tries them all. Every
// candidate must have a weight.
func optimum(p Problem, low, high []int64) []int64 {
	var best []int64
	var most int64
	var least *big.Rat
	shares := make([]int64, len(p.Candidates))
	var try func(i int, sum int64, far *big.Rat)
	try = func(i int, sum int64, far *big.Rat) {
		if sum > p.Total {
			return
		}
		if i < len(shares) {
			for shares[i] = high[i]; shares[i] >= low[i]; shares[i]-- {
				square := big.NewRat(shares[i]*shares[i], p.Candidates[i].Weight)
				try(i+1, sum+shares[i], square.Add(square, far))
			}
			shares[i] = 0
			return
		}
		for domain, d := range p.Domains {
			if together(p, shares, domain) > d.Max {
				return
			}
		}
		if best == nil || sum > most || sum == most && far.Cmp(least) < 0 {
			best, most, least = slices.Clone(shares), sum, far
		}
	}
	try(0, 0, new(big.Rat))
	return best
}

// small is a problem that an oracle can solve; pick(n) chooses from 0 to n-1.
func small(pick func(n int64) int64) Problem {
	p := Problem{Total: pick(20), Rebalance: pick(2) == 0}
	for i := range pick(4) {
		p.Domains = append(p.Domains, Domain{Parent: int(pick(i+1)) - 1, Max: pick(12)})
	}
	for range 1 + pick(5) {
		c := Candidate{Current: pick(8) * pick(2), Weight: pick(4), Min: pick(5) * pick(2),
			Max: NoLimit, Capacity: NoLimit, Domain: int(pick(int64(len(p.Domains)+1))) - 1}
		if pick(2) == 0 {
			c.Max = pick(10)
		}
		if pick(4) == 0 {
			c.Capacity = pick(10)
		}
		p.Candidates = append(p.Candidates, c)
	}
	return p
}

func TestAgainstSeatBySeat(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var d Divider
	for range 8_000 {
		againstSeatBySeat(t, &d, small(random.Int64N))
	}
}

func againstSeatBySeat(t *testing.T, d *Divider, p Problem) {
	t.Helper()
	got := make([]int64, len(p.Candidates))
	unplaced := d.Divide(p, got)
	want, rest := seatBySeat(p)
	if !slices.Equal(got, want) || unplaced != rest {
		t.Fatalf("%+v:\ngot  %v with %d unplaced\nwant %v with %d", p, got, unplaced, want, rest)
	}
}

func TestAgainstOptimum(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var d Divider
	for range 2_000 {
		p := small(random.Int64N)
		p.Candidates = p.Candidates[:min(len(p.Candidates), 4)]
		low, high := make([]int64, len(p.Candidates)), make([]int64, len(p.Candidates))
		var running int64
		for i := range p.Candidates {
			c := &p.Candidates[i]
			c.Weight, c.Min = c.Weight+1, 0
			c.Current = min(c.Current, limit(*c))
			running += c.Current
		}
		if !p.Rebalance {
			p.Domains = nil // so that all that runs fits them
		}
		for i := range p.Candidates {
			c := &p.Candidates[i]
			if p.Domains == nil {
				c.Domain = None
			}
			low[i], high[i] = 0, min(limit(*c), p.Total)
			if !p.Rebalance && running <= p.Total {
				low[i] = c.Current
			} else if !p.Rebalance {
				high[i] = min(high[i], c.Current)
			}
		}
		got, want := make([]int64, len(p.Candidates)), optimum(p, low, high)
		d.Divide(p, got)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v:\ngot  %v\nwant %v", p, got, want)
		}
	}
}
