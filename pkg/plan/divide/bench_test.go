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

// byRounds is Federation v1's way: in each round, everybody gets their part of
// the rest rounded up, for as long as it lasts, and those that are full are left
// out of the next. As there, what has been given is kept by the clusters' names;
// finding the clusters' order is not counted here.
func byRounds(p Problem, names []string) (given map[string]int64, rest int64) {
	given, rest = make(map[string]int64, len(names)), max(p.Total, 0)
	open := make([]int, len(names))
	for i, c := range p.Candidates {
		least := min(c.Min, c.Max, c.Capacity, rest)
		given[names[i]] = least
		rest -= least
		open[i] = i
	}
	for again := true; again && rest > 0; {
		again = false
		weights, now := int64(0), rest
		for _, i := range open {
			weights += p.Candidates[i].Weight
		}
		if weights == 0 {
			break
		}
		next := make([]int, 0, len(open))
		for _, i := range open {
			c := &p.Candidates[i]
			extra := min((now*c.Weight+weights-1)/weights, rest)
			if room := min(c.Max, c.Capacity) - given[names[i]]; extra >= room {
				extra = room
			} else {
				next = append(next, i)
			}
			again = again || extra > 0
			given[names[i]] += extra
			rest -= extra
		}
		open = next
	}
	return given, rest
}

// BenchmarkDivide divides in three ways and reports how many times faster than
// the two others Divide is.
func BenchmarkDivide(b *testing.B) {
	for _, size := range []struct{ clusters, total int64 }{{100, 1000}, {1000, 100_000}} {
		equal := sample(int(size.clusters), size.total+size.clusters/2, false)
		for i := range equal.Candidates {
			equal.Candidates[i].Weight = 1
		}
		for _, kind := range []struct {
			name string
			Problem
		}{
			{"weights", sample(int(size.clusters), size.total, false)},
			{"bounds", sample(int(size.clusters), size.total, true)},
			{"equal", equal},
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", kind.name, size.clusters, size.total), func(b *testing.B) {
				compare(b, kind.Problem)
			})
		}
	}
}

func compare(b *testing.B, p Problem) {
	shares, names := make([]int64, len(p.Candidates)), make([]string, len(p.Candidates))
	for i := range names {
		names[i] = fmt.Sprintf("cluster-%03d", i)
	}
	var d Divider
	var q queue
	ways := []func(){
		func() { d.Divide(p, shares) },
		func() { q.byHeap(p, shares) },
		func() { byRounds(p, names) },
	}
	times := best(ways)
	b.ReportAllocs()
	for b.Loop() {
		d.Divide(p, shares)
	}
	b.ReportMetric(times[1]/times[0], "x-heap")
	b.ReportMetric(times[2]/times[0], "x-rounds")
}

// best is how long one call of each takes in nanoseconds, the shortest of some
// samples taken in turn, so that whatever else the machine does matters little.
func best(ways []func()) []float64 {
	times := make([]float64, len(ways))
	for i, way := range ways {
		times[i] = timed(way, 1)
	}
	for range 50 {
		for i, way := range ways {
			calls := 1 + int(float64(200*time.Microsecond)/times[i])
			times[i] = min(times[i], timed(way, calls))
		}
	}
	return times
}

func timed(way func(), calls int) float64 {
	start := time.Now()
	for range calls {
		way()
	}
	return float64(time.Since(start)) / float64(calls)
}
