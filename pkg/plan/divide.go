package plan

import "math"

// NoMax is a Candidate's Max when there is none.
const NoMax = math.MaxInt64

// Candidate is a cluster that may be given replicas.
type Candidate struct {
	// Current is what it was given before.
	Current int64
	// Max is the most it may be given.
	Max int64
}

// Divide divides total replicas over the candidates, which are in planner
// order, and returns each one's share, in the same order.
//
// Nothing that runs is moved: with more wanted than there is, it only adds,
// toward even shares; with less, it only takes away, from those furthest above
// an even share; with as much, nothing changes. Replicas that cannot be even go
// to the first in order. No share is over its Max, except that a Current above
// it is kept as long as nothing is to be taken away. What no candidate may take is
// in no share: the sum is never above total, and below it only when every
// candidate is at its Max.
func Divide(total int64, candidates []Candidate) []int64 {
	total = max(total, 0)
	low, high := bounds(total, candidates)
	level := waterLevel(total, low, high)
	shares, left := make([]int64, len(candidates)), total
	for i := range candidates {
		shares[i] = clamp(level, low[i], high[i])
		left -= shares[i]
	}
	for i := range candidates {
		if left > 0 && clamp(level+1, low[i], high[i]) > shares[i] {
			shares[i]++
			left--
		}
	}
	return shares
}

// bounds are what each share may be at least and at most.
func bounds(total int64, candidates []Candidate) (low, high []int64) {
	var running int64
	for _, c := range candidates {
		running += c.Current
	}
	low, high = make([]int64, len(candidates)), make([]int64, len(candidates))
	for i, c := range candidates {
		if running <= total {
			low[i], high[i] = c.Current, max(c.Max, c.Current)
		} else {
			low[i], high[i] = 0, c.Current
		}
		high[i] = min(high[i], total)
	}
	return low, high
}

// waterLevel is the highest even share that all can be given without
// exceeding total.
func waterLevel(total int64, low, high []int64) int64 {
	fits := func(level int64) bool {
		left := total
		for i := range low {
			left -= clamp(level, low[i], high[i])
			if left < 0 {
				return false
			}
		}
		return true
	}
	from, to := int64(0), total // 0 always fits, as the lower bounds do
	for from < to {
		middle := from + (to-from+1)/2
		if fits(middle) {
			from = middle
		} else {
			to = middle - 1
		}
	}
	return from
}

func clamp(v, low, high int64) int64 { return min(max(v, low), high) }
