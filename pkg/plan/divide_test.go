package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// divideNamed divides over clusters given by name, in planner order of the
// key, and returns the shares in the order given.
func divideNamed(total int64, key string, names []string, current, limit map[string]int64) []int64 {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	plannerOrder(order, names, key)
	var list []Candidate
	for _, i := range order {
		c := Candidate{Current: current[names[i]], Max: NoMax}
		if m, ok := limit[names[i]]; ok {
			c.Max = m
		}
		list = append(list, c)
	}
	out := make([]int64, len(names))
	for i, share := range Divide(total, list) {
		out[order[i]] = share
	}
	return out
}

func TestDivide(t *testing.T) {
	type m = map[string]int64
	abc, ab, abcd := []string{"A", "B", "C"}, []string{"A", "B"}, []string{"A", "B", "C", "D"}
	cases := []struct {
		total    int64
		clusters []string
		current  m
		limit    m
		want     []int64
	}{
		{50, abc, nil, nil, []int64{16, 17, 17}},
		{10, abc, nil, nil, []int64{3, 3, 4}},
		{1, ab, nil, nil, []int64{0, 1}},
		{1, abcd, nil, nil, []int64{0, 0, 0, 1}},
		{0, abc, nil, nil, []int64{0, 0, 0}},
		{50, abc, m{"C": 30}, nil, []int64{10, 10, 30}},
		{50, ab, m{"A": 30}, nil, []int64{30, 20}},
		{50, ab, m{"A": 10, "B": 20}, nil, []int64{25, 25}},
		{50, ab, m{"A": 10, "B": 70}, nil, []int64{10, 40}},
		{9, abc, m{"A": 5, "B": 4, "C": 3}, nil, []int64{3, 3, 3}},
		{12, abc, m{"A": 5, "B": 4, "C": 3}, nil, []int64{5, 4, 3}},
		{1000, []string{"A", "B", "C", "D", "E"}, nil, nil, []int64{200, 200, 200, 200, 200}},
		{1000, []string{"A", "B", "C", "D", "E", "F"}, m{"A": 200, "B": 200, "C": 200, "D": 200, "E": 200}, nil, []int64{200, 200, 200, 200, 200, 0}},
		{50, abc, nil, m{"C": 10}, []int64{20, 20, 10}},
		{60, ab, nil, m{"A": 10, "B": 10}, []int64{10, 10}},
		{50, abc, nil, m{"A": 12, "B": 12, "C": 12}, []int64{12, 12, 12}},
		{30, ab, m{"A": 20}, m{"A": 5}, []int64{20, 10}},
		{-4, ab, m{"A": 20}, nil, []int64{0, 0}},
	}
	for a := range int64(8) {
		cases = append(cases, struct {
			total    int64
			clusters []string
			current  m
			limit    m
			want     []int64
		}{15, ab, m{"A": a, "B": 8}, nil, []int64{7, 8}})
	}
	for _, c := range cases {
		got := divideNamed(c.total, "", c.clusters, c.current, c.limit)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d over %v, current %v, limit %v: got %v, want %v", c.total, c.clusters, c.current, c.limit, got, c.want)
		}
	}
	if got := Divide(5, nil); len(got) != 0 {
		t.Errorf("no candidates: %v", got)
	}
}

// TestDivideProperties checks what must hold of any division, with a slow
// planner that gives or takes one replica at a time as the reference.
func TestDivideProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		list := make([]Candidate, 1+r.IntN(6))
		var running int64
		for i := range list {
			list[i] = Candidate{Current: r.Int64N(12), Max: NoMax}
			if r.IntN(3) == 0 {
				list[i].Max = r.Int64N(15)
			}
			running += list[i].Current
		}
		total := r.Int64N(60)
		got, want := Divide(total, list), oneByOne(total, list, running)
		if !slices.Equal(got, want) {
			t.Fatalf("%d over %+v: got %v, one by one %v", total, list, got, want)
		}
	}
}

func oneByOne(total int64, list []Candidate, running int64) []int64 {
	shares := make([]int64, len(list))
	for i, c := range list {
		shares[i] = c.Current
	}
	for ; running < total; running++ { // give to the lowest, first in order
		lowest := -1
		for i, c := range list {
			if shares[i] < max(c.Max, c.Current) && (lowest < 0 || shares[i] < shares[lowest]) {
				lowest = i
			}
		}
		if lowest < 0 {
			break
		}
		shares[lowest]++
	}
	for ; running > total; running-- { // take from the highest, last in order
		highest := 0
		for i := range list {
			if shares[i] >= shares[highest] {
				highest = i
			}
		}
		shares[highest]--
	}
	return shares
}

func TestFNV1(t *testing.T) {
	// Published test vectors of the 32-bit FNV-1.
	for in, want := range map[string]uint32{"": 0x811c9dc5, "a": 0x050c5d7e, "foobar": 0x31f0b262} {
		if got := fnv1(in[:len(in)/2], in[len(in)/2:]); got != want {
			t.Errorf("%q: got %#x, want %#x", in, got, want)
		}
	}
}

func ExampleDivide() {
	fmt.Println(Divide(10, []Candidate{{Max: NoMax}, {Max: NoMax}, {Max: NoMax}}))
	// One more is wanted of what runs: nothing moves.
	fmt.Println(Divide(11, []Candidate{{Current: 8, Max: NoMax}, {Current: 2, Max: NoMax}}))
	// Output:
	// [4 3 3]
	// [8 3]
}
