package follow

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const poll = 250 * time.Millisecond

// following calls the test with a follower that runs in virtual time.
func following(t *testing.T, b *fakeBucket, resumed *v1alpha1.Report, test func(f *Follower, e *fakeEngine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := newFakeEngine()
		f := NewFollower(identity("a", "m"), b, e.Take, clock.RealClock{}, poll, resumed)
		ctx, cancel := context.WithCancel(logf.IntoContext(context.Background(), logr.Discard()))
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.Run(ctx)
		}()
		synctest.Wait()
		test(f, e)
		cancel()
		<-done
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func expect(t *testing.T, e *fakeEngine, want ...int64) {
	t.Helper()
	if got := e.revisions(); !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
}

func refusals(f *Follower) (out []string) {
	for _, r := range f.Progress().Refused {
		out = append(out, r.Reason)
	}
	return out
}

func TestFollowsOneRevisionAfterTheOther(t *testing.T) {
	b := newFakeBucket()
	following(t, b, nil, func(f *Follower, e *fakeEngine) {
		pass(time.Second)
		expect(t, e)
		b.add(1)
		pass(poll)
		expect(t, e, 1)
		b.add(1)
		b.add(2)
		pass(poll)
		expect(t, e, 1, 2, 3)
		if p := f.Progress(); p.Revision != 3 || p.Epoch != 2 || !p.Holding {
			t.Errorf("%+v", p)
		}
	})
}

func TestStartsAtTheHead(t *testing.T) {
	b := newFakeBucket()
	for range 5 {
		b.add(1)
	}
	following(t, b, &v1alpha1.Report{Revision: 2, Epoch: 1}, func(_ *Follower, e *fakeEngine) {
		expect(t, e, 5)
		b.add(1)
		pass(poll)
		expect(t, e, 5, 6)
	})
}

func TestAsksOnceAPoll(t *testing.T) {
	b := newFakeBucket()
	b.add(1)
	following(t, b, nil, func(*Follower, *fakeEngine) {
		b.mu.Lock()
		before := b.asked
		b.mu.Unlock()
		pass(10 * time.Second)
		if asked := b.asked - before; asked != 40 {
			t.Errorf("asked %d times in 10 s, want 40", asked)
		}
	})
}

func TestRefusedRevisionsArePassedOver(t *testing.T) {
	for name, tc := range map[string]struct {
		bad    func(b *fakeBucket)
		reason string
	}{
		"corrupt":            {func(b *fakeBucket) { b.corrupt() }, v1alpha1.ReasonCorruptRevision},
		"another federation": {func(b *fakeBucket) { b.add(2, func(s *v1alpha1.Shard) { s.FederationUID = "x" }) }, v1alpha1.ReasonForeignRevision},
		"another cluster":    {func(b *fakeBucket) { b.add(2, func(s *v1alpha1.Shard) { s.Cluster = "x" }) }, v1alpha1.ReasonForeignRevision},
		"an earlier life":    {func(b *fakeBucket) { b.add(2, func(s *v1alpha1.Shard) { s.ClusterUID = "x" }) }, v1alpha1.ReasonForeignRevision},
		"a deposed leader":   {func(b *fakeBucket) { b.add(1) }, v1alpha1.ReasonStaleEpoch},
		"a broken chain":     {func(b *fakeBucket) { b.add(2, func(s *v1alpha1.Shard) { s.Previous = "x" }) }, v1alpha1.ReasonCorruptRevision},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFakeBucket()
			b.add(2)
			following(t, b, nil, func(f *Follower, e *fakeEngine) {
				tc.bad(b)
				pass(time.Minute)
				expect(t, e, 1)
				if got := refusals(f); !slices.Equal(got, []string{tc.reason}) {
					t.Errorf("refused %v", got)
				}
				b.add(2)
				pass(poll)
				expect(t, e, 1, 3)
			})
		})
	}
}

func TestRestartOnACorruptHeadHoldsTheOneBefore(t *testing.T) {
	b := newFakeBucket()
	b.add(1)
	b.add(1)
	b.corrupt()
	following(t, b, &v1alpha1.Report{Revision: 2, Epoch: 1}, func(f *Follower, e *fakeEngine) {
		expect(t, e, 2)
		if got := refusals(f); !slices.Equal(got, []string{v1alpha1.ReasonCorruptRevision}) {
			t.Errorf("refused %v", got)
		}
		b.add(1)
		pass(poll)
		expect(t, e, 2, 4)
	})
}

func TestEpochIsRememberedOverRestarts(t *testing.T) {
	b := newFakeBucket()
	b.add(4)
	following(t, b, &v1alpha1.Report{Revision: 1, Epoch: 5}, func(f *Follower, e *fakeEngine) {
		expect(t, e)
		if got := refusals(f); !slices.Equal(got, []string{v1alpha1.ReasonStaleEpoch}) {
			t.Errorf("refused %v", got)
		}
	})
}

func TestJumpsWhenLeftBehindByPruning(t *testing.T) {
	b := newFakeBucket()
	b.add(1)
	following(t, b, nil, func(_ *Follower, e *fakeEngine) {
		// All at once, as a suspended agent finds it.
		for range 50 {
			b.add(1)
		}
		b.prune(40)
		pass(lookBackEvery + poll)
		expect(t, e, 1, 51)
	})
}

func TestRestoredBucketIsNotFollowedBack(t *testing.T) {
	b := newFakeBucket()
	for range 5 {
		b.add(3)
	}
	following(t, b, nil, func(f *Follower, e *fakeEngine) {
		b.mu.Lock()
		for n := int64(3); n <= 5; n++ {
			delete(b.revisions, n)
		}
		b.mu.Unlock()
		pass(5 * time.Minute)
		expect(t, e, 5)
		b.mu.Lock()
		b.revisions[20] = &v1alpha1.Shard{Revision: 20, Epoch: 4, Cluster: "c", FederationUID: "f", ClusterUID: "cu"}
		b.mu.Unlock()
		pass(lookBackEvery + poll)
		expect(t, e, 5, 20)
		if p := f.Progress(); p.Revision != 20 || p.Epoch != 4 {
			t.Errorf("%+v", p)
		}
	})
	following(t, b, &v1alpha1.Report{Revision: 30, Epoch: 4}, func(_ *Follower, e *fakeEngine) {
		pass(5 * time.Minute)
		expect(t, e)
	})
}

func TestOutagesHoldTheLastState(t *testing.T) {
	for name, failure := range map[string]error{"unavailable": errAway, "forbidden": errDenied} {
		t.Run(name, func(t *testing.T) {
			b := newFakeBucket()
			b.add(1)
			following(t, b, nil, func(f *Follower, e *fakeEngine) {
				b.fail(failure)
				b.mu.Lock()
				before := b.asked
				b.mu.Unlock()
				pass(10 * time.Second)
				if p := f.Progress(); p.Trouble == "" || p.Failures == 0 || p.Failures > 8 || p.Revision != 1 {
					t.Errorf("%+v", p)
				}
				if asked := b.asked - before; asked > 8 {
					t.Errorf("asked %d times in 10 s of outage", asked)
				}
				b.fail(nil)
				for range 10 {
					b.add(1)
				}
				b.prune(8)
				pass(20 * time.Second) // well before the next look back
				expect(t, e, 1, 11)
				if p := f.Progress(); p.Trouble != "" {
					t.Errorf("trouble stays: %q", p.Trouble)
				}
			})
		})
	}
}

func TestBackoff(t *testing.T) {
	for _, tc := range []struct {
		n         int
		most, any time.Duration
	}{{1, time.Second, 500 * time.Millisecond}, {3, 4 * time.Second, 2 * time.Second}, {6, 30 * time.Second, 15 * time.Second}, {500, 30 * time.Second, 15 * time.Second}} {
		if got := Backoff(tc.n, 0); got != tc.most {
			t.Errorf("Backoff(%d, 0) = %s, want %s", tc.n, got, tc.most)
		}
		if got := Backoff(tc.n, 0.999); got < tc.any {
			t.Errorf("Backoff(%d, 0.999) = %s, want at least %s", tc.n, got, tc.any)
		}
	}
}

func TestRefusalsAreKeptInOrder(t *testing.T) {
	var list []v1alpha1.RefusedRevision
	for _, n := range []int64{5, 4, 3, 6, 5, 7, 8, 9, 10, 11, 12, 13, 14} {
		list = addRefusal(list, v1alpha1.RefusedRevision{Revision: n})
	}
	var got []int64
	for _, r := range list {
		got = append(got, r.Revision)
	}
	if want := []int64{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
