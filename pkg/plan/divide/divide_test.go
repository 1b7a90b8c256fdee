package divide

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"testing"
)

// cluster is a named candidate, as the planner's caller has it.
type cluster struct {
	name string
	Candidate
}

func free(name string) cluster {
	return cluster{name, Candidate{Weight: 1, Max: NoLimit, Capacity: NoLimit, Domain: None}}
}

func (c cluster) weight(w int64) cluster   { c.Weight = w; return c }
func (c cluster) min(n int64) cluster      { c.Min = n; return c }
func (c cluster) max(n int64) cluster      { c.Max = n; return c }
func (c cluster) current(n int64) cluster  { c.Current = n; return c }
func (c cluster) capacity(n int64) cluster { c.Capacity = n; return c }
func (c cluster) in(domain int) cluster    { c.Domain = domain; return c }
func (c cluster) unmatched() cluster       { c.Weight, c.Max = 0, 0; return c }

// divideNamed divides over clusters in any order and returns the shares in the
// same order.
func divideNamed(p Problem, key string, clusters []cluster) (shares []int64, unplaced int64) {
	order := make([]int, len(clusters))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(clusters[b].Weight, clusters[a].Weight),
			cmp.Compare(hash(clusters[a].name+key), hash(clusters[b].name+key)),
			cmp.Compare(clusters[a].name, clusters[b].name))
	})
	p.Candidates = make([]Candidate, len(order))
	for at, i := range order {
		p.Candidates[at] = clusters[i].Candidate
	}
	var d Divider
	inOrder := make([]int64, len(order))
	unplaced = d.Divide(p, inOrder)
	shares = make([]int64, len(order))
	for at, i := range order {
		shares[i] = inOrder[at]
	}
	return shares, unplaced
}

func hash(s string) uint32 {
	h := fnv.New32()
	h.Write([]byte(s))
	return h.Sum32()
}

func TestDivide(t *testing.T) {
	a, b, c, d := free("A"), free("B"), free("C"), free("D")
	type table struct {
		total     int64
		rebalance bool
		clusters  []cluster
		want      []int64
		unplaced  int64
	}
	cases := map[string]table{
		"even":                         {50, false, []cluster{a, b, c}, []int64{16, 17, 17}, 0},
		"one over two":                 {1, false, []cluster{a, b}, []int64{0, 1}, 0},
		"one over four":                {1, false, []cluster{a, b, c, d}, []int64{0, 0, 0, 1}, 0},
		"add to the others":            {50, false, []cluster{a, b, c.current(30)}, []int64{10, 10, 30}, 0},
		"add to the other":             {50, false, []cluster{a.current(30), b}, []int64{30, 20}, 0},
		"add to both":                  {50, false, []cluster{a.current(10), b.current(20)}, []int64{25, 25}, 0},
		"remove from one":              {50, false, []cluster{a.current(10), b.current(70)}, []int64{10, 40}, 0},
		"remove from the furthest":     {9, false, []cluster{a.current(5), b.current(4), c.current(3)}, []int64{3, 3, 3}, 0},
		"room in one":                  {50, true, []cluster{a, b, c.capacity(10)}, []int64{20, 20, 10}, 0},
		"weights and room":             {60, true, []cluster{a, b.weight(2).capacity(10), c.unmatched()}, []int64{50, 10, 0}, 0},
		"no room":                      {60, false, []cluster{a.capacity(10), b.capacity(10), c.unmatched()}, []int64{10, 10, 0}, 40},
		"mins over total":              {50, false, []cluster{a.weight(0).min(20), b.weight(0).min(20), c.weight(0).min(20)}, []int64{10, 20, 20}, 0},
		"min takes all":                {50, false, []cluster{a.min(100), b.weight(0).min(20), c.weight(0).min(20)}, []int64{50, 0, 0}, 0},
		"max":                          {50, false, []cluster{a.min(10).max(12), b.min(10).max(12), c.min(10).max(12)}, []int64{12, 12, 12}, 14},
		"heavy with max":               {50, false, []cluster{a.weight(10000).max(10), b, c}, []int64{10, 20, 20}, 0},
		"heavy and light with max":     {71, false, []cluster{a.weight(10000).max(10), b, c.max(21), d.max(10)}, []int64{10, 30, 21, 10}, 0},
		"min counts toward the weight": {10, false, []cluster{a.weight(2).min(2), b.weight(3).min(4)}, []int64{4, 6}, 0},
		"never rounds up twice":        {10, false, []cluster{a, b, c}, []int64{3, 3, 4}, 0},
		"rebalance moves":              {50, true, []cluster{a.current(50), b}, []int64{25, 25}, 0},
		"nothing to change":            {50, false, []cluster{a.current(50), b}, []int64{50, 0}, 0},
		"min over running is added to": {12, false, []cluster{a.current(10), b.min(5)}, []int64{10, 2}, 0},
		"min moves nothing":            {8, false, []cluster{a.current(10), b.min(5)}, []int64{8, 0}, 0},
		"min moved to by rebalance":    {8, true, []cluster{a.current(10), b.min(5)}, []int64{3, 5}, 0},
		"min of what runs is kept":     {8, false, []cluster{a.current(10), b.current(5).min(5)}, []int64{3, 5}, 0},
		"weight 0 stays":               {10, false, []cluster{a.weight(0).current(4), b}, []int64{4, 6}, 0},
		"weight 0 goes first":          {10, false, []cluster{a.weight(0).current(4), b.current(8)}, []int64{2, 8}, 0},
		"weight 0 goes above its min": {10, false, []cluster{a.weight(0).current(6).min(5), b.weight(0).current(4),
			c.current(2)}, []int64{6, 2, 2}, 0},
		"over its max":                {10, false, []cluster{a.current(8).max(5), b.current(2)}, []int64{5, 5}, 0},
		"min over max":                {10, false, []cluster{a.min(8).max(5), b}, []int64{5, 5}, 0},
		"nobody":                      {10, false, nil, []int64{}, 10},
		"none wanted":                 {0, false, []cluster{a.current(3), b.min(2)}, []int64{0, 0}, 0},
		"less than none wanted":       {-3, false, []cluster{a.current(3), b.min(2)}, []int64{0, 0}, 0},
		"high weights":                {3, true, []cluster{a.weight(1 << 40), b.weight(1 << 39)}, []int64{2, 1}, 0},
		"high and low weights":        {3, true, []cluster{a.weight(1 << 62), b.max(1)}, []int64{3, 0}, 0},
		"high weight without room":    {4, true, []cluster{a.weight(1 << 62).max(0), b.weight(3), c}, []int64{0, 3, 1}, 0},
		"highest of all":              {MaxTotal, true, []cluster{a.weight(MaxWeight), b.weight(MaxWeight), c.weight(1)}, []int64{1<<31 - 1, 1<<31 - 1, 1}, 0},
		"more than is divided":        {NoLimit, true, []cluster{a}, []int64{MaxTotal}, NoLimit - MaxTotal},
		"negative":                    {5, false, []cluster{a.current(-3).min(-1), b.weight(-1), c.max(-2)}, []int64{5, 0, 0}, 0},
		"weights of a sixteenth each": {16, true, []cluster{a.weight(10), b.weight(5), c.weight(1)}, []int64{10, 5, 1}, 0},
	}
	for running := int64(0); running < 8; running++ {
		cases[fmt.Sprintf("back to even from %d", running)] = table{15, false,
			[]cluster{a.current(running), b.current(8)}, []int64{7, 8}, 0}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, unplaced := divideNamed(Problem{Total: tc.total, Rebalance: tc.rebalance}, "", tc.clusters)
			if !slices.Equal(got, tc.want) || unplaced != tc.unplaced {
				t.Errorf("got %v with %d unplaced, want %v with %d", got, unplaced, tc.want, tc.unplaced)
			}
		})
	}
}

func TestDomains(t *testing.T) {
	a, b, c, d := free("A"), free("B"), free("C"), free("D")
	cases := map[string]struct {
		total    int64
		domains  []Domain
		clusters []cluster
		want     []int64
		unplaced int64
	}{
		"a zone": {40, []Domain{{None, 10}},
			[]cluster{a.in(0), b.in(0), c, d}, []int64{5, 5, 15, 15}, 0},
		"a zone in a region": {40, []Domain{{None, 12}, {0, 4}},
			[]cluster{a.in(1), b.in(1), c.in(0), d}, []int64{2, 2, 8, 28}, 0},
		"a region tighter than its zones": {40, []Domain{{None, 7}, {0, 4}, {0, 4}},
			[]cluster{a.in(1), b.in(2), c.in(1), d}, []int64{2, 3, 2, 33}, 0},
		"all full": {40, []Domain{{None, 6}, {None, 4}},
			[]cluster{a.in(0), b.in(0), c.in(1), d.in(1)}, []int64{3, 3, 2, 2}, 30},
		"too much runs in one": {20, []Domain{{None, 6}},
			[]cluster{a.in(0).current(8), b.in(0).current(4), c.current(8)}, []int64{3, 3, 14}, 0},
		"closed": {5, []Domain{{None, -1}},
			[]cluster{a.in(0).current(3), b}, []int64{0, 5}, 0},
		"mins over its max": {20, []Domain{{None, 6}},
			[]cluster{a.in(0).min(5), b.in(0).min(5), c}, []int64{1, 5, 14}, 0},
		"no limit": {4, []Domain{{None, NoLimit}},
			[]cluster{a.in(0), b.in(0)}, []int64{2, 2}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, unplaced := divideNamed(Problem{Total: tc.total, Domains: tc.domains}, "", tc.clusters)
			if !slices.Equal(got, tc.want) || unplaced != tc.unplaced {
				t.Errorf("got %v with %d unplaced, want %v with %d", got, unplaced, tc.want, tc.unplaced)
			}
		})
	}
}

// TestNeedlessMemory divides without allocating.
func TestNeedlessMemory(t *testing.T) {
	for _, n := range []int{1, few, 100, 1000} {
		p := sample(n, int64(n)*10, true)
		shares := make([]int64, n)
		var d Divider
		if n > few {
			d.Divide(p, shares) // warms it up
		}
		if got := testing.AllocsPerRun(10, func() { d.Divide(p, shares) }); got != 0 {
			t.Errorf("%d candidates: %v allocations", n, got)
		}
		p.Domains = []Domain{{None, 500}, {0, 200}, {0, 100}}
		for i := range p.Candidates {
			p.Candidates[i].Domain = i%4 - 1
		}
		d.Divide(p, shares)
		if got := testing.AllocsPerRun(10, func() { d.Divide(p, shares) }); got != 0 {
			t.Errorf("%d candidates with domains: %v allocations", n, got)
		}
	}
	p, shares := sample(few, few*10, false), make([]int64, few)
	if got := testing.AllocsPerRun(10, func() {
		var fresh Divider
		fresh.Divide(p, shares)
	}); got != 0 {
		t.Errorf("%d candidates, fresh: %v allocations", few, got)
	}
}

func TestMisplacedParent(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a domain before the domain around it was let through")
		}
	}()
	new(Divider).Divide(Problem{Domains: []Domain{{1, 5}, {None, 5}}}, nil)
}
