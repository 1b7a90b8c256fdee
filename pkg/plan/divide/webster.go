package divide

import (
	"math"
	"math/bits"
	"slices"
)

// scale is by how many bits a member's weight is shifted, so that its claim at
// the highest pace is over any total, which has 32 bits.
const scale = 32

// search looks for the divisor at which the members' claims add up to the goal.
// It goes by the divisor's inverse, here the pace: at pace x, a member claims
// weight * x / 2^64 replicas (of the shifted weight), rounded to the nearest,
// halves up, and kept between its share and its limit. That is how many replicas
// it has been given when one at a time goes where weight/(2*share+1) is highest,
// down to the value that x stands for. Claims grow with the pace and are exact,
// in integers; and as a shifted weight has 63 bits, no claim grows by more than
// one from one pace to the next. A member without weight or room claims its
// share at any pace.
type search struct {
	members   []member
	goal      int64  // what the members get together
	weights   uint64 // of those that have room, not shifted
	from, to  uint64 // paces: at from they claim less than the goal, at to more
	low, high int64  // what they claim there
}

// claim is what a member claims at a pace.
func (m *member) claim(pace uint64) int64 {
	hi, lo := bits.Mul64(m.weight, pace)
	return min(max(int64(hi+lo>>63), m.share), m.limit)
}

// race gives the members with a weight the rest in proportion to the weights,
// beginning from the shares they have and up to their limits, and returns what
// none of them can take.
func (d *Divider) race(members []member, rest int64) int64 {
	if rest == 0 {
		return 0
	}
	s := search{members: members, to: math.MaxUint64}
	for i := range members {
		m := &members[i]
		weight, room := m.weight>>scale, m.limit-m.share
		if weight == 0 {
			room = 0
		}
		if room == 0 {
			weight = 0
		}
		s.low += m.share
		s.high += m.share + room
		s.weights += weight
	}
	s.goal = s.low + rest
	if s.high <= s.goal {
		s.claims(math.MaxUint64)
		s.settle()
		return s.goal - s.high
	}
	if last, hit := s.approach(); hit {
		s.settle()
	} else {
		s.award(s.open(s.from^s.to^last, d.room(len(members))), s.goal-s.low)
	}
	return 0
}

// room is the memory for so many seats.
func (d *Divider) room(n int) []seat {
	if n <= few {
		return d.fewSeats[:0]
	}
	d.seats = slices.Grow(d.seats[:0], n)
	return d.seats
}

// approach brings both ends so close that no more seats are open between them
// than there are members, unless it hits the goal. A few of Newton's steps
// mostly do it; halving the way always does. The last pace is one of the ends,
// and what was claimed there is in the members.
func (s *search) approach() (last uint64, hit bool) {
	const steps = 6
	pace := uint64(s.goal) << scale / s.weights
	for i := 1; ; i++ {
		sum, slope := s.claims(pace)
		if sum < s.goal {
			s.from, s.low = pace, sum
		} else {
			s.to, s.high = pace, sum
		}
		if sum == s.goal || s.high-s.low <= int64(len(s.members)) {
			return pace, sum == s.goal
		}
		next, ok := s.newton(pace, s.goal-sum, slope)
		if !ok || i > steps {
			next = s.from + (s.to-s.from)/2
		}
		pace = next
	}
}

// newton is the pace that brings what is missing at the last one, and a little
// more, so that the goal is between both ends soon.
func (s *search) newton(pace uint64, missing int64, slope uint64) (next uint64, ok bool) {
	if slope == 0 {
		return 0, false
	}
	over := max(missing, -missing)
	over += over/16 + 3
	step := uint64(min(over, MaxTotal))<<scale/slope + 1
	if missing > 0 {
		return pace + step, step < s.to-pace
	}
	return pace - step, step < pace-s.from
}

// claims lets the members claim at a pace, and returns what they claim together
// and the weight, not shifted, of those that are at neither of their bounds.
func (s *search) claims(pace uint64) (sum int64, slope uint64) {
	for i := range s.members {
		m := &s.members[i]
		hi, lo := bits.Mul64(m.weight, pace)
		unbound := int64(hi + lo>>63)
		claim := min(max(unbound, m.share), m.limit)
		m.claimed = claim
		sum += claim
		if claim == unbound {
			slope += m.weight >> scale
		}
	}
	return sum, slope
}

// settle gives all members what they claimed last.
func (s *search) settle() {
	for i := range s.members {
		s.members[i].share = s.members[i].claimed
	}
}

// open gives all members what they claim at the lower end, and returns the seats
// between both ends. At one they claimed last, the other is given.
func (s *search) open(other uint64, seats []seat) []seat {
	for i := range s.members {
		m := &s.members[i]
		claim := m.claim(other)
		low, high := min(claim, m.claimed), max(claim, m.claimed)
		m.share = low
		for ; low < high; low++ {
			seats = append(seats, seat{weight: m.weight >> scale, odd: uint64(2*low + 1), member: i})
		}
	}
	return seats
}
