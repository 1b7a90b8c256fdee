package divide

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sample is a problem as fleets pose it: weights of 1 to 10, and with bounds,
// a quarter of the clusters full at less than their part and some with a min.
func sample(n int, total int64, bounds bool) Problem {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	p := Problem{Total: total, Rebalance: true, Candidates: make([]Candidate, n)}
	each := total / int64(n)
	for i := range p.Candidates {
		c := Candidate{Weight: 1 + random.Int64N(10), Max: NoLimit, Capacity: NoLimit, Domain: None}
		if bounds {
			switch random.IntN(8) {
			case 0:
				c.Capacity = random.Int64N(each + 1)
			case 1:
				c.Max = random.Int64N(each + 1)
			case 2:
				c.Min = random.Int64N(each + 1)
			}
		}
		p.Candidates[i] = c
	}
	slices.SortStableFunc(p.Candidates, func(a, b Candidate) int { return int(b.Weight - a.Weight) })
	return p
}

// queue is a heap of candidates, the one that gets the next replica first.
type queue struct {
	candidates []Candidate
	shares     []int64
	at         []int
}

func (q *queue) Len() int { return len(q.at) }
func (q *queue) Less(i, j int) bool {
	a, b := q.at[i], q.at[j]
	ours, theirs := q.candidates[a].Weight*(2*q.shares[b]+1), q.candidates[b].Weight*(2*q.shares[a]+1)
	return ours > theirs || ours == theirs && a < b
}
func (q *queue) Swap(i, j int) { q.at[i], q.at[j] = q.at[j], q.at[i] }
func (q *queue) Push(x any)    { q.at = append(q.at, x.(int)) }
func (q *queue) Pop() any {
	last := q.at[len(q.at)-1]
	q.at = q.at[:len(q.at)-1]
	return last
}

// byHeap is Webster one replica at a time: the answer to compare with, and the
// usual way to get it.
func (q *queue) byHeap(p Problem, shares []int64) int64 {
	rest := max(p.Total, 0)
	q.candidates, q.shares, q.at = p.Candidates, shares, q.at[:0]
	for i, c := range p.Candidates {
		shares[i] = min(c.Min, c.Max, c.Capacity, rest)
		rest -= shares[i]
	}
	for i, c := range p.Candidates {
		if c.Weight > 0 && shares[i] < min(c.Max, c.Capacity) {
			q.at = append(q.at, i)
		}
	}
	heap.Init(q)
	for ; rest > 0 && len(q.at) > 0; rest-- {
		i := q.at[0]
		shares[i]++
		if shares[i] == min(p.Candidates[i].Max, p.Candidates[i].Capacity) {
			heap.Pop(q)
		} else {
			heap.Fix(q, 0)
		}
	}
	return rest
}

// rounds is memory for byRounds.
type rounds struct{ open []int }

// byRounds hands out, in each round, everybody's part of the rest rounded up,
// for as long as it lasts, and leaves those that are full out of the next.
func (r *rounds) byRounds(p Problem, shares []int64) int64 {
	rest := max(p.Total, 0)
	r.open = r.open[:0]
	for i, c := range p.Candidates {
		shares[i] = min(c.Min, c.Max, c.Capacity, rest)
		rest -= shares[i]
		r.open = append(r.open, i)
	}
	for again := true; again && rest > 0; {
		again = false
		weights, now := int64(0), rest
		for _, i := range r.open {
			weights += p.Candidates[i].Weight
		}
		if weights == 0 {
			break
		}
		next := r.open[:0]
		for _, i := range r.open {
			c := &p.Candidates[i]
			extra := min((now*c.Weight+weights-1)/weights, rest)
			room := min(c.Max, c.Capacity) - shares[i]
			if extra >= room {
				extra = room
			} else {
				next = append(next, i)
			}
			again = again || extra > 0
			shares[i] += extra
			rest -= extra
		}
		r.open = next
	}
	return rest
}

// BenchmarkDivide divides in three ways and reports how many times faster than
// the two others Divide is.
func BenchmarkDivide(b *testing.B) {
	for _, size := range []struct {
		clusters int
		total    int64
	}{{100, 1000}, {1000, 100_000}} {
		for name, bounds := range map[string]bool{"weights": false, "bounds": true} {
			b.Run(fmt.Sprintf("%s/%dx%d", name, size.clusters, size.total), func(b *testing.B) {
				compare(b, sample(size.clusters, size.total, bounds))
			})
		}
		equal := sample(size.clusters, size.total+size.total/20, false)
		for i := range equal.Candidates {
			equal.Candidates[i].Weight = 1
		}
		b.Run(fmt.Sprintf("equal/%dx%d", size.clusters, size.total), func(b *testing.B) { compare(b, equal) })
	}
}

func compare(b *testing.B, p Problem) {
	shares := make([]int64, len(p.Candidates))
	var d Divider
	var q queue
	var r rounds
	d.Divide(p, shares)
	b.ReportAllocs()
	for b.Loop() {
		d.Divide(p, shares)
	}
	ours := float64(b.Elapsed()) / float64(b.N)
	b.ReportMetric(timed(func() { q.byHeap(p, shares) })/ours, "x-heap")
	b.ReportMetric(timed(func() { r.byRounds(p, shares) })/ours, "x-rounds")
}

// timed is the time one call takes, in nanoseconds, over a tenth of a second.
func timed(call func()) float64 {
	call()
	start, calls := time.Now(), 0
	for time.Since(start) < 100*time.Millisecond {
		for range 10 {
			call()
		}
		calls += 10
	}
	return float64(time.Since(start)) / float64(calls)
}
