package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// runners is a federation whose clusters run what they are given, in their own
// time, and tell what runs.
type runners struct {
	*world
	r     *rand.Rand
	runs  map[string]int64 // ready, by cluster
	stuck map[string]bool  // clusters in which nothing new becomes ready
}

const moving = 60

func newRunners(t *testing.T, seed uint64) *runners {
	s := &runners{world: newWorld(t, "a", "b", "c", "d"), r: rand.New(rand.NewPCG(seed, 7)), runs: map[string]int64{}, stuck: map[string]bool{}}
	s.cache = NewCache()
	s.put(web, replicas(moving), image("i:0"))
	s.settle()
	for _, c := range s.clusters {
		s.runs[c.Name] = s.given(c.Name)
	}
	return s
}

func (s *runners) given(cluster string) int64 {
	o, ok := s.cluster(cluster).Previous.Object(key(web))
	if !ok {
		return 0
	}
	return o.Replicas
}

// work lets every cluster come nearer to what it was given.
func (s *runners) work() {
	for _, c := range s.clusters {
		if c.Failed {
			continue
		}
		given := s.given(c.Name)
		if s.runs[c.Name] > given {
			s.runs[c.Name] = given
		} else if !s.stuck[c.Name] {
			s.runs[c.Name] += s.r.Int64N(given - s.runs[c.Name] + 1)
		}
	}
}

// tell reports what runs.
func (s *runners) tell() {
	for _, name := range s.answering() {
		s.report(name)
		if r := s.cluster(name).Reports[key(web)]; r != nil {
			r.Counts["readyReplicas"] = s.runs[name]
			if s.runs[name] < s.given(name) {
				r.Health = v1alpha1.HealthInProgress
			}
		}
	}
}

func (s *runners) ready() (n int64) {
	for _, c := range s.clusters {
		if !c.Failed {
			n += min(s.runs[c.Name], s.given(c.Name))
		}
	}
	return n
}

func (s *runners) happens() {
	c := &s.clusters[s.r.IntN(len(s.clusters))]
	alive := 0
	for _, o := range s.clusters {
		if !o.Failed && !o.Spec.Drained && !o.Spec.Cordoned && len(o.Spec.Taints) == 0 && !o.Holding {
			alive++
		}
	}
	switch s.r.IntN(14) {
	case 0, 1:
		if c.Failed {
			c.Failed, c.Stale, c.Holding = false, false, true
		} else if alive > 2 {
			c.Failed, c.Stale = true, true
		}
	case 2, 3:
		c.Holding = false
	case 4:
		c.Spec.Drained = !c.Spec.Drained && alive > 2
	case 5:
		c.Spec.Cordoned = !c.Spec.Cordoned && alive > 2
	case 6:
		c.Spec.Taints = nil
		if alive > 2 && s.r.IntN(2) == 0 {
			c.Spec.Taints = []v1alpha1.Taint{{Key: "t", Effect: []string{"NoSchedule", "NoExecute"}[s.r.IntN(2)]}}
		}
	case 7:
		s.requests = append(s.requests, v1alpha1.Request{ID: fmt.Sprint("r", s.gen, s.r.Int()), Type: v1alpha1.RequestRebalance, Keys: []v1alpha1.Key{key(web)}})
	case 8:
		s.place("p", tempestMoves[s.r.IntN(len(tempestMoves))])
	case 9:
		s.stuck[c.Name] = !s.stuck[c.Name]
	case 10, 11:
		s.put(web, image(fmt.Sprint("i:", s.gen)))
	case 12: // a new leader, and the status was not written
		delete(s.records, key(web))
		s.cache = NewCache()
	case 13:
		c.Capacity = nil
		if s.r.IntN(2) == 0 {
			c.Capacity = map[v1alpha1.Key]int64{key(web): s.runs[c.Name]}
		}
	}
}

var tempestMoves = []string{
	`{"objects":[{"kind":"Deployment"}]}`,
	`{"objects":[{"kind":"Deployment"}],"failover":{"return":"Gradual"}}`,
	`{"objects":[{"kind":"Deployment"}],"failover":{"return":"Never"}}`,
	`{"objects":[{"kind":"Deployment"}],"replicas":{"rebalance":true,"clusters":{"*":{"weight":1},"a":{"weight":3}}}}`,
	`{"objects":[{"kind":"Deployment"}],"clusters":{"names":["a","b","c"]}}`,
	`{"objects":[{"kind":"Deployment"}],"rollout":{"waves":[{"percentage":"25%"},{"percentage":"100%"}]}}`,
}

// TestMovingLosesNothing: whatever moves replicas, no plan takes a ready one
// away before another is ready, and once all is quiet there are as many as are
// wanted.
func TestMovingLosesNothing(t *testing.T) {
	for seed := range uint64(40) {
		s := newRunners(t, seed)
		for range 120 {
			if s.r.IntN(2) == 0 {
				s.happens()
			}
			s.tell()
			if s.r.IntN(6) == 0 {
				s.clusters[s.r.IntN(len(s.clusters))].Reports = nil // a new leader has not heard it yet
				s.cache = NewCache()
			}
			s.now = s.now.Add(time.Duration(s.r.IntN(30)) * time.Second)
			s.check(seed)
			s.work()
		}
		s.calm(seed)
	}
}

// check plans and looks at what that takes away.
func (s *runners) check(seed uint64) {
	s.t.Helper()
	before := min(s.ready(), moving)
	was := fmt.Sprint(s.runs, s.shares(web))
	out := s.pass()
	if after := s.ready(); after < before {
		s.t.Fatalf("seed %d: %d ready, were %d: %s, now %s %+v", seed, after, before, was, s.shares(web), s.object(web))
	}
	if !out.Again.IsZero() && !out.Again.After(s.now) {
		s.t.Fatalf("seed %d: wants to be asked again at %s, it is %s", seed, out.Again, s.now)
	}
}

// calm lets everything come back and come to rest.
func (s *runners) calm(seed uint64) {
	s.t.Helper()
	for i := range s.clusters {
		c := &s.clusters[i]
		c.Failed, c.Stale, c.Holding, c.Capacity = false, false, false, nil
		c.Spec.Drained, c.Spec.Cordoned, c.Spec.Taints = false, false, nil
	}
	clear(s.stuck)
	for range 200 {
		s.tell()
		s.now = s.now.Add(20 * time.Second)
		s.check(seed)
		s.work()
	}
	var sum int64
	for _, c := range s.clusters {
		sum += s.given(c.Name)
	}
	if changed := slices.ContainsFunc(s.pass().Clusters, func(c ClusterPlan) bool { return c.Changed }); changed || sum != moving || len(s.requests) > 0 {
		s.t.Fatalf("seed %d: not at rest: %s %v %+v", seed, s.shares(web), s.requests, s.object(web))
	}
}
