package divide

import (
	"cmp"
	"math/bits"
	"slices"
)

// seat is one replica that a member may get: the one with which it has
// (odd+1)/2.
type seat struct {
	weight uint64 // 31 bits
	odd    uint64 // 33 bits
	member int
}

// compare orders seats by weight/odd, the highest first. It is exact: the
// products have 64 bits.
func (a seat) compare(b seat) int { return cmp.Compare(b.weight*a.odd, a.weight*b.odd) }

// award gives as many of the seats as there are replicas to their members:
// those of highest weight/odd, and of equal ones the first in planner order,
// which is the seats' order. Each round compares all of them to one, and goes on
// with the higher or the lower ones.
func (s *search) award(seats []seat, replicas int64) {
	for rounds := 2 * bits.Len(uint(len(seats))); replicas > 0; rounds-- {
		if rounds == 0 { // bad luck with the pivots
			slices.SortStableFunc(seats, seat.compare)
			s.give(seats, seat{}, replicas) // to which all are equal
			return
		}
		pivot := seats[len(seats)/2]
		higher, equal := count(seats, pivot)
		if replicas < higher {
			seats = keepHigher(seats, pivot)
			continue
		}
		s.give(seats, pivot, replicas-higher)
		if replicas -= higher + equal; replicas > 0 {
			seats = keepLower(seats, pivot)
		}
	}
}

// count returns how many seats are higher than the pivot and how many equal.
func count(seats []seat, pivot seat) (higher, equal int64) {
	for i := range seats {
		ours, theirs := seats[i].weight*pivot.odd, pivot.weight*seats[i].odd
		if ours > theirs {
			higher++
		}
		if ours == theirs {
			equal++
		}
	}
	return higher, equal
}

// give gives a replica to all seats higher than the pivot and to the first so
// many of the equal ones.
func (s *search) give(seats []seat, pivot seat, equals int64) {
	for i := range seats {
		ours, theirs := seats[i].weight*pivot.odd, pivot.weight*seats[i].odd
		won := int64(0)
		if ours > theirs {
			won = 1
		}
		if ours == theirs && equals > 0 {
			won = 1
			equals--
		}
		s.members[seats[i].member].share += won
	}
}

// keepHigher returns the seats higher than the pivot.
func keepHigher(seats []seat, pivot seat) []seat {
	n := 0
	for i := range seats {
		higher := seats[i].weight*pivot.odd > pivot.weight*seats[i].odd
		seats[n] = seats[i]
		if higher {
			n++
		}
	}
	return seats[:n]
}

// keepLower returns the seats lower than the pivot.
func keepLower(seats []seat, pivot seat) []seat {
	n := 0
	for i := range seats {
		lower := seats[i].weight*pivot.odd < pivot.weight*seats[i].odd
		seats[n] = seats[i]
		if lower {
			n++
		}
	}
	return seats[:n]
}
