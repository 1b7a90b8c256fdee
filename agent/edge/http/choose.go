package http

import (
	"slices"
	"time"
)

// few clusters are equally close, as a rule.
const few = 16

// chooser decides which endpoint a request goes to.
type chooser struct {
	// draw is a random number, at least 0 and below 1.
	draw func() float64
	now  time.Time
	// tried endpoints of the same request: they are not asked again while there
	// is another.
	tried []*endpoint
}

// choice of an endpoint.
type choice struct {
	shard    *shard
	endpoint *endpoint
}

// choose among tiers of shards, closest first. No choice: there is no endpoint
// but drained ones.
//
// Healthy endpoints of clusters that serve come first, the closest cluster that
// admits the request before all; if none admits it, the closest takes it. Then
// healthy ones of clusters that are out, endpoints that were not checked yet,
// and at last any: what is known may be wrong, and an answer that fails is no
// worse than none.
func (c chooser) choose(tiers [][]*shard) (choice, bool) {
	if found, ok := c.admitted(tiers); ok {
		return found, true
	}
	serves := func(s *shard) bool { return s.serves() }
	weighs := func(s *shard) bool { return s.serves() && s.weight > 0 }
	out := func(s *shard) bool { return s.asked() && !s.serves() }
	untried := func(fits func(*endpoint) bool) func(*endpoint) bool {
		return func(e *endpoint) bool { return fits(e) && !slices.Contains(c.tried, e) }
	}
	everyone := func(*endpoint) bool { return true }
	for _, step := range []struct {
		of   func(*shard) bool
		fits func(*endpoint) bool
	}{
		{weighs, untried((*endpoint).good)},
		{serves, untried((*endpoint).good)},
		{out, untried((*endpoint).good)},
		{serves, untried((*endpoint).unknown)},
		{serves, untried(everyone)},
		{out, untried(everyone)},
		{serves, everyone},
		{out, everyone},
	} {
		if found, ok := c.closest(tiers, step.of, step.fits); ok {
			return found, true
		}
	}
	return choice{}, false
}

// admitted asks the clusters that serve, tier by tier.
func (c chooser) admitted(tiers [][]*shard) (choice, bool) {
	fits := func(e *endpoint) bool { return e.good() && !slices.Contains(c.tried, e) }
	var room [few]*shard // so that nothing is allocated
	for _, tier := range tiers {
		full := room[:0]
		of := func(s *shard) bool { return s.serves() && s.weight > 0 && !slices.Contains(full, s) }
		for i := c.byCount(tier, of, fits); i >= 0; i = c.byCount(tier, of, fits) {
			s := tier[i]
			if s.gate.admits(s.weight, c.draw, c.now) {
				return choice{s, c.lessBusy(s, fits)}, true
			}
			full = append(full, s)
		}
	}
	return choice{}, false
}

// closest takes the first tier that has a fitting endpoint.
func (c chooser) closest(tiers [][]*shard, of func(*shard) bool, fits func(*endpoint) bool) (choice, bool) {
	for _, tier := range tiers {
		if i := c.byCount(tier, of, fits); i >= 0 {
			return choice{tier[i], c.lessBusy(tier[i], fits)}, true
		}
	}
	return choice{}, false
}

// byCount draws one of a tier's shards, each as likely as it has fitting
// endpoints; -1 if none has one.
func (c chooser) byCount(tier []*shard, of func(*shard) bool, fits func(*endpoint) bool) int {
	var room [few]int
	counts, sum := room[:0], 0
	for _, s := range tier {
		n := 0
		if of(s) {
			n = s.count(fits)
		}
		counts, sum = append(counts, n), sum+n
	}
	if sum == 0 {
		return -1
	}
	at := int(c.draw() * float64(sum))
	for i, n := range counts {
		if at < n {
			return i
		}
		at -= n
	}
	return -1
}

// lessBusy draws two fitting endpoints and takes the one with fewer requests
// outstanding.
func (c chooser) lessBusy(s *shard, fits func(*endpoint) bool) *endpoint {
	n := s.count(fits)
	first := int(c.draw() * float64(n))
	if n == 1 {
		return nth(s, fits, 0)
	}
	second := int(c.draw() * float64(n-1))
	if second >= first {
		second++
	}
	a, b := nth(s, fits, first), nth(s, fits, second)
	switch {
	case a == nil:
		return b
	case b != nil && b.busy.Load() < a.busy.Load():
		return b
	}
	return a
}

// nth fitting endpoint. Fewer may fit than a moment ago: the last one then, or
// at least one of all.
func nth(s *shard, fits func(*endpoint) bool, n int) *endpoint {
	last := s.endpoints[len(s.endpoints)-1]
	for _, e := range s.endpoints {
		if !fits(e) {
			continue
		}
		if n == 0 {
			return e
		}
		last = e
		n--
	}
	return last
}
