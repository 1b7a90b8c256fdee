// Package divide divides replicas over candidate clusters.
//
// In go a number of replicas and the candidates in planner order, each with
// its weight, its bounds and what it runs now; out comes each one's share. The
// shares are those of Sainte-Laguë (Webster): every replica goes where
// weight/(2*share+1) is highest, within the bounds; and unless it is told to
// rebalance, what runs stays where it runs. The package never orders the
// candidates, knows no names or clusters, keeps nothing between calls but
// memory to work in, and uses no floating point: equal claims are equal, and
// planner order decides between them.
//
// All of it is one fixed sequence in which replicas are given, whatever their
// number (see [Divider.Divide]); so one more replica never takes one away from
// any candidate. The sequence is not walked: a search for the divisor finds
// where it ends.
package divide

import (
	"math"
	"math/bits"
	"slices"
)

const (
	// NoLimit is a Max or Capacity when there is none.
	NoLimit = math.MaxInt64
	// None is the Domain of a candidate outside every domain, and the Parent of
	// a domain in no other.
	None = -1
	// MaxTotal is the most that is divided; what Problem.Total has over it is
	// unplaced. Kubernetes counts replicas in 31 bits.
	MaxTotal = math.MaxUint32
	// MaxWeight is the highest weight that is exact. When a candidate with
	// room has a higher one, all weights are halved together until it fits, none of them to 0.
	MaxWeight = math.MaxInt32
)

// Candidate is a cluster that may be given replicas. Negative numbers count as
// 0.
type Candidate struct {
	// Current is the number of replicas it has now. It means nothing when
	// Problem.Rebalance is set.
	Current int64
	// Weight is its part of the whole, relative to the others' weights. With 0
	// it gets only its Min, and keeps its Current while nothing is rebalanced.
	Weight int64
	// Min and Max are the wanted bounds. Where Min is over Max or Capacity,
	// these win.
	Min, Max int64
	// Capacity is the most it can run.
	Capacity int64
	// Domain is the index in Problem.Domains of the innermost domain it is in,
	// or None.
	Domain int
}

// Domain is a set of candidates, such as a zone, that may have only so many
// replicas together. Its members are the candidates that name it and all
// members of the domains that name it as Parent.
type Domain struct {
	// Parent is the index of the domain around it (a zone's region), which must
	// be lower than its own, or None.
	Parent int
	// Max is the most replicas its members may have together.
	Max int64
}

// Problem is what is to be divided over whom.
type Problem struct {
	// Total is the number of replicas wanted.
	Total int64
	// Rebalance is whether running replicas may be moved to get to the fair
	// shares.
	Rebalance bool
	// Candidates are in planner order: of two with the same claim, the first
	// is served first.
	Candidates []Candidate
	// Domains are the limits that candidates share.
	Domains []Domain
}

// Divider divides. Its zero value is ready; it reuses its memory from call to
// call and must not be used by two goroutines at once.
type Divider struct {
	members []member
	seats   []seat
	tree    tree

	// What a fresh Divider begins with.
	fewMembers [few]member
	fewSeats   [few]seat
}

// few is the number of candidates for which a fresh Divider has room.
const few = 32

// member is a candidate while replicas are divided.
type member struct {
	weight uint64 // shifted by scale
	keep   int64  // what runs and may stay; 0 when rebalancing
	min    int64  // at most limit
	limit  int64
	share  int64

	claimed int64 // in a race, at the last pace
}

// Divide fills in shares, one per candidate and in the same order, and returns
// how many replicas could not be placed.
//
// No share is over its candidate's Max or Capacity, no domain over its Max, the
// sum never over Total, and below it only when nobody with a weight or an
// unmet Min may take more. Replicas are given in this order, until Total is
// reached:
//
//  1. Without Rebalance, to who runs them already, so that none is moved that
//     need not be. If not all can stay, then first each up to its Min, in
//     planner order, the rest in proportion to the weights: replicas go from
//     those furthest above their fair share, before all others from those with
//     weight 0, evenly above their Mins.
//  2. To each up to its Min, in planner order. A Min is thus met out of what
//     is added; no running replica is moved to meet it without Rebalance.
//  3. In proportion to the weights, counting what each has so far: toward the
//     fair shares.
//
// A replica that a full domain, Max or Capacity refuses goes to the next in the
// same order. Divide panics when shares is shorter than the candidates or a
// Domain or Parent is no index.
func (d *Divider) Divide(p Problem, shares []int64) (unplaced int64) {
	wanted := max(p.Total, 0)
	total := min(wanted, MaxTotal)
	members := d.read(p, total)
	if len(p.Domains) > 0 {
		d.limitDomains(p, members, total)
	}
	rest := d.fill(members, total)
	for i := range members {
		shares[i] = members[i].share
	}
	return wanted - total + rest
}

// read makes members of the candidates.
func (d *Divider) read(p Problem, total int64) []member {
	n := len(p.Candidates)
	members := d.fewMembers[:min(n, few)]
	if n > few {
		d.members = slices.Grow(d.members[:0], n)
		members = d.members[:n]
	}
	highest := uint64(0)
	for i := range p.Candidates {
		c, m := &p.Candidates[i], &members[i]
		m.limit = max(min(c.Max, c.Capacity, total), 0)
		m.min = min(max(c.Min, 0), m.limit)
		m.keep = 0
		if !p.Rebalance {
			m.keep = min(max(c.Current, 0), m.limit)
		}
		weight := uint64(max(c.Weight, 0))
		if m.limit == 0 {
			weight = 0
		}
		m.weight = weight << scale
		highest |= weight
	}
	if highest > MaxWeight {
		scaleDown(members, p.Candidates, bits.Len64(highest)-bits.Len64(MaxWeight))
	}
	return members
}

// scaleDown halves the weights as many times as it is told.
func scaleDown(members []member, candidates []Candidate, times int) {
	for i := range members {
		if w := candidates[i].Weight; w > 0 && members[i].limit > 0 {
			members[i].weight = uint64(max(w>>times, 1)) << scale
		}
	}
}

// fill sets the members' shares and returns what is left of the total.
func (d *Divider) fill(members []member, total int64) (rest int64) {
	running, mins := int64(0), int64(0)
	for i := range members {
		m := &members[i]
		m.share = m.keep
		running += m.keep
		mins |= m.min
	}
	if running > total {
		d.shrink(members, total)
		return 0
	}
	rest = total - running
	if mins > 0 {
		rest = serveMins(members, rest)
	}
	return d.race(members, rest)
}

// serveMins raises the shares to the Mins in planner order and returns what is
// left of the rest.
func serveMins(members []member, rest int64) int64 {
	for i := range members {
		m := &members[i]
		more := min(max(m.min-m.share, 0), rest)
		m.share += more
		rest -= more
	}
	return rest
}

// shrink sets the shares when more runs than may stay.
func (d *Divider) shrink(members []member, total int64) {
	for i := range members {
		m := &members[i]
		m.limit = m.keep
		m.min = min(m.min, m.limit)
		m.share = 0
	}
	rest := serveMins(members, total)
	if rest = d.race(members, rest); rest > 0 {
		d.keepWeightless(members, rest)
	}
}

// keepWeightless lets those with weight 0 keep the rest, so that what each has
// above its Min is even. All others are at their limits.
func (d *Divider) keepWeightless(members []member, rest int64) {
	for i := range members {
		if m := &members[i]; m.weight == 0 {
			m.weight, m.limit, m.share = 1<<scale, m.limit-m.min, 0
		} else {
			m.min = 0
		}
	}
	d.race(members, rest)
	for i := range members {
		m := &members[i]
		if m.min > 0 {
			m.share += m.min
		}
	}
}
