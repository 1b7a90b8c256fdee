package http

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// scripted answers checks as it is told, and counts them.
type scripted struct {
	mu     sync.Mutex
	broken map[string]bool
	asked  map[string]int
}

func (s *scripted) Probe(_ context.Context, address string, _ v1alpha1.BackendProtocol, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[address]++
	if s.broken[address] {
		return errors.New("broken")
	}
	return nil
}

func (s *scripted) count(address string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[address]
}

func (s *scripted) turn(address string, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[address] = broken
}

// checked is a set of checks on a clock that stands still.
type checkedSet struct {
	t       *testing.T
	clock   *clocktesting.FakeClock
	prober  *scripted
	checks  *checks
	changes chan *endpoint
}

func newCheckedSet(t *testing.T) *checkedSet {
	s := &checkedSet{t: t, clock: clocktesting.NewFakeClock(noon), prober: &scripted{broken: map[string]bool{}, asked: map[string]int{}}, changes: make(chan *endpoint, 100_000)}
	s.checks = newChecks(s.prober, s.clock, func(e *endpoint) { s.changes <- e })
	return s
}

func (s *checkedSet) follow(addresses ...string) map[endpointKey]*endpoint {
	all := map[endpointKey]*endpoint{}
	for _, a := range addresses {
		key := endpointKey{address: a, check: v1alpha1.HealthCheck{Interval: metav1.Duration{Duration: 2 * time.Second}, Timeout: metav1.Duration{Duration: time.Second}, HealthyAfter: 2, UnhealthyAfter: 2}}
		all[key] = newEndpoint(key, false)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.checks.follow(ctx, all)
	s.t.Cleanup(func() { cancel(); s.checks.wait() })
	return all
}

// round lets an interval pass, once everybody waits for it.
func (s *checkedSet) round(endpoints int) {
	s.t.Helper()
	s.await(fmt.Sprintf("%d wait", endpoints), func() bool { return s.clock.Waiters() == endpoints })
	s.clock.Step(2 * time.Second)
}

func (s *checkedSet) await(what string, done func() bool) {
	s.t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("still waiting: %s", what)
}

func TestChecksFollowTheDocument(t *testing.T) {
	s := newCheckedSet(t)
	s.follow("a:1")
	s.await("the first check is at once", func() bool { return s.prober.count("a:1") == 1 })
	e := <-s.changes
	if !e.good() {
		t.Fatal("not healthy after the first check")
	}
	s.prober.turn("a:1", true)
	s.round(1)
	s.await("the second check", func() bool { return s.prober.count("a:1") == 2 })
	s.round(1)
	if e := <-s.changes; e.good() {
		t.Error("healthy after two failures")
	}
	s.prober.turn("a:1", false)
	s.round(1)
	s.round(1)
	if e := <-s.changes; !e.good() {
		t.Error("unhealthy after two successes")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.checks.follow(ctx, nil) // it left the document
	s.await("nobody waits", func() bool { return s.clock.Waiters() == 0 })
}

func TestManyEndpointsAreChecked(t *testing.T) {
	const many = 5000
	s := newCheckedSet(t)
	addresses := make([]string, many)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("10.0.%d.%d:80", i/250, i%250)
	}
	all := s.follow(addresses...)
	s.round(many)
	s.round(many)
	for _, e := range all {
		if !e.good() || s.prober.count(e.key.address) < 2 {
			t.Fatalf("%s: good %t, %d checks", e.key.address, e.good(), s.prober.count(e.key.address))
		}
	}
}
