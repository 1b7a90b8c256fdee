package follow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const beatEvery = 10 * time.Second

// speaker is a member that runs in a test.
type speaker struct {
	engine *fakeEngine
	health *fakeHealth
	probes *fakeProbes
	ended  chan error
	stop   context.CancelFunc
}

func configOf(b *fakeBucket, id Identity) (Config, *speaker) {
	s := &speaker{engine: newFakeEngine(), health: newFakeHealth(), probes: newFakeProbes(), ended: make(chan error, 1)}
	return Config{
		Identity: id, Source: b, Mailbox: b, Engine: s.engine, Health: s.health, Probes: s.probes, Clock: clock.RealClock{},
		PollInterval: poll, HeartbeatInterval: beatEvery,
	}, s
}

// speak claims the name and runs; in a synctest bubble.
func speak(t *testing.T, b *fakeBucket, id Identity) *speaker {
	t.Helper()
	c, s := configOf(b, id)
	ctx, cancel := context.WithCancel(logf.IntoContext(context.Background(), logr.Discard()))
	s.stop = cancel
	m, err := Claim(ctx, c)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	go func() { s.ended <- m.Run(ctx) }()
	return s
}

func (s *speaker) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestBeatsAndReportsOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(3)
		s := speak(t, b, identity("a", "m"))
		s.engine.set(v1alpha1.ObjectReport{UID: "u", Health: v1alpha1.HealthInProgress})
		pass(5 * time.Second)
		hb, r, _, written := b.last()
		if len(r.Objects) != 1 || r.Revision != 1 || r.Epoch != 3 || r.Region != "us-east1" || r.Agent != "a" {
			t.Errorf("report %+v", r)
		}
		if hb.Report != "digest-1" || written != 1 || hb.Revision != 1 || !hb.Healthy {
			t.Errorf("heartbeat %+v after %d reports", hb, written)
		}
		_, _, beats, _ := b.last()
		pass(time.Minute)
		if _, _, later, w := b.last(); later-beats != 6 || w != 1 {
			t.Errorf("%d beats and %d reports in a quiet minute", later-beats, w-1)
		}
		s.engine.set(v1alpha1.ObjectReport{UID: "u", Health: v1alpha1.HealthCurrent})
		pass(settleTime + 10*time.Millisecond)
		if hb, r, _, _ := b.last(); r.Objects[0].Health != v1alpha1.HealthCurrent || hb.Report != "digest-2" {
			t.Errorf("a change after quiet is not told at once: %+v", hb)
		}
		s.end(t)
	})
}

func TestReportsAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1)
		s := speak(t, b, identity("a", "m"))
		pass(5 * time.Second)
		_, _, beats, reports := b.last()
		for i := range 100 {
			s.engine.set(v1alpha1.ObjectReport{Generation: int64(i)})
			pass(100 * time.Millisecond)
		}
		pass(2 * time.Second)
		_, r, laterBeats, laterReports := b.last()
		if n := laterReports - reports; n < 8 || n > 12 {
			t.Errorf("%d reports in 12 s", n)
		}
		if n := laterBeats - beats; n > 13 {
			t.Errorf("%d heartbeats in 12 s", n)
		}
		if r.Objects[0].Generation != 99 {
			t.Errorf("the last change is not told: %+v", r.Objects)
		}
		s.end(t)
	})
}

func TestProbesAreToldAtOnceButNeverTwiceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1, func(s *v1alpha1.Shard) {
			s.Probes = []v1alpha1.ProbeTarget{{Cluster: "d", Addresses: []string{"192.0.2.1:80"}}}
		})
		b.beat = &v1alpha1.Heartbeat{Cluster: "c", ClusterUID: "cu", MemberUID: "m", Agent: "before", Probes: []v1alpha1.ProbeResult{{Cluster: "d", Ever: true}}}
		s := speak(t, b, identity("a", "m"))
		if len(s.probes.recalled) != 1 || !s.probes.recalled[0].Ever {
			t.Errorf("recalled %+v", s.probes.recalled)
		}
		pass(5 * time.Second)
		if len(s.probes.aims) != 1 || s.probes.aims[0][0].Cluster != "d" {
			t.Errorf("aimed at %+v", s.probes.aims)
		}
		s.probes.set(v1alpha1.ProbeResult{Cluster: "d", Alive: true, Ever: true})
		pass(10 * time.Millisecond)
		if hb, _, _, _ := b.last(); len(hb.Probes) != 1 || !hb.Probes[0].Alive {
			t.Errorf("a change after quiet is not told at once: %+v", hb.Probes)
		}
		_, _, before, _ := b.last()
		for i := range 100 {
			s.probes.set(v1alpha1.ProbeResult{Cluster: "d", Failures: int64(i)})
			pass(100 * time.Millisecond)
		}
		if _, _, after, _ := b.last(); after-before > 10 {
			t.Errorf("%d heartbeats in 10 s", after-before)
		}
		b.fail(errAway)
		pass(time.Minute)
		b.fail(nil)
		s.probes.set(v1alpha1.ProbeResult{Cluster: "d", Failures: 1000})
		pass(beatEvery)
		if hb, _, _, _ := b.last(); hb.Probes[0].Failures != 1000 {
			t.Errorf("after an outage: %+v", hb.Probes)
		}
		s.end(t)
	})
}

func TestAnotherMembersProbesAreNotRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.beat = &v1alpha1.Heartbeat{Cluster: "c", ClusterUID: "an earlier life's", MemberUID: "m", Agent: "before", Probes: []v1alpha1.ProbeResult{{Cluster: "d", Ever: true}}}
		s := speak(t, b, identity("a", "m"))
		if s.probes.recalled != nil {
			t.Errorf("recalled %+v", s.probes.recalled)
		}
		s.end(t)
	})
}

func TestHeartbeatsGoOnWhileTheAPIServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1)
		s := speak(t, b, identity("a", "m"))
		pass(5 * time.Second)
		s.health.set("connection refused")
		pass(30 * time.Second)
		hb, r, _, _ := b.last()
		if hb.Healthy || meta.IsStatusConditionTrue(r.Conditions, v1alpha1.ConditionAPIServer) {
			t.Errorf("%+v %+v", hb, r.Conditions)
		}
		if time.Since(hb.Time.Time) > beatEvery {
			t.Errorf("last beat %s ago", time.Since(hb.Time.Time))
		}
		s.end(t)
	})
}

func TestRefusalIsACondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1)
		s := speak(t, b, identity("a", "m"))
		pass(5 * time.Second)
		b.corrupt()
		pass(2 * time.Second)
		if _, r, _, _ := b.last(); len(r.Refused) != 1 || !meta.IsStatusConditionTrue(r.Conditions, v1alpha1.ConditionRefused) || r.Revision != 1 {
			t.Errorf("%+v", r)
		}
		b.add(1)
		pass(2 * time.Second)
		if _, r, _, _ := b.last(); meta.IsStatusConditionTrue(r.Conditions, v1alpha1.ConditionRefused) || r.Revision != 3 {
			t.Errorf("a superseded refusal stays: %+v", r)
		}
		s.end(t)
	})
}

func TestRestartTakesUpWhereItLeftOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1)
		s := speak(t, b, identity("a", "m"))
		s.engine.set(v1alpha1.ObjectReport{UID: "u"})
		pass(5 * time.Second)
		s.end(t)
		b.mu.Lock()
		b.revisions = map[int64]*v1alpha1.Shard{} // an emptied bucket is no reason to forget
		b.mu.Unlock()
		again := speak(t, b, identity("b", "m"))
		if len(again.engine.recalled) != 1 {
			t.Errorf("recalled %v", again.engine.recalled)
		}
		_, _, _, reports := b.last()
		pass(5 * time.Minute)
		hb, r, _, later := b.last()
		if later != reports || r.Agent != "a" || hb.Agent != "b" || hb.Revision != 1 || hb.Report != "digest-0" {
			t.Errorf("an agent that holds nothing reported: %+v %+v", hb, r)
		}
		again.end(t)
	})
}

func TestTwoAgentsOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		s := speak(t, b, identity("a", "m1"))
		pass(time.Minute)
		c, _ := configOf(b, identity("b", "m2"))
		if _, err := Claim(context.Background(), c); !errors.Is(err, ErrNameTaken) {
			t.Errorf("the second cluster's claim: %v", err)
		}
		bound := identity("b", "m2")
		bound.Bound = true
		rightful := speak(t, b, bound)
		if err := <-s.ended; !errors.Is(err, ErrNameTaken) {
			t.Errorf("the first, against the one the roster names: %v", err)
		}
		pass(time.Minute)
		if hb, _, _, _ := b.last(); hb.MemberUID != "m2" {
			t.Errorf("%+v", hb)
		}
		rightful.end(t)
	})
}

func TestALaterProcessOfTheSameMemberTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		first := speak(t, b, identity("a", "m"))
		pass(time.Minute)
		second := speak(t, b, identity("b", "m"))
		if err := <-first.ended; !errors.Is(err, ErrSuperseded) {
			t.Errorf("the first: %v", err)
		}
		pass(time.Minute)
		quiet := make(chan struct{})
		go func() {
			defer close(quiet)
			AwaitSilence(context.Background(), b, "c", clock.RealClock{}, beatEvery)
		}()
		pass(5 * time.Minute)
		select {
		case <-quiet:
			t.Error("the first comes back while the second lives")
		default:
		}
		second.end(t)
		pass(6 * beatEvery)
		<-quiet
	})
}

func TestALostAnswerIsNotALostClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		s := speak(t, b, identity("a", "m"))
		pass(time.Minute)
		b.mu.Lock()
		b.loseAnswer = true
		b.mu.Unlock()
		_, _, before, _ := b.last()
		pass(time.Minute)
		if _, _, after, _ := b.last(); after-before < 6 {
			t.Errorf("%d beats in a minute", after-before)
		}
		s.end(t)
	})
}

func TestAForgottenClusterFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		s := speak(t, b, identity("a", "m"))
		pass(time.Minute)
		b.mu.Lock()
		b.beat, b.stored = nil, nil
		b.mu.Unlock()
		s.engine.set(v1alpha1.ObjectReport{UID: "u"})
		if err := <-s.ended; !errors.Is(err, ErrForgotten) {
			t.Errorf("ended with %v", err)
		}
		if b.beat != nil || b.stored != nil {
			t.Error("left a heartbeat or a report behind")
		}
		s.stop()
	})
}

func TestOutageOfTheBucketIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1)
		s := speak(t, b, identity("a", "m"))
		pass(5 * time.Second)
		b.fail(errAway)
		s.engine.set(v1alpha1.ObjectReport{UID: "u"})
		pass(5 * time.Minute)
		b.fail(nil)
		b.add(1)
		pass(beatEvery + 100*time.Millisecond)
		if got := s.engine.revisions(); !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("a heartbeat after the outage, and took %v", got)
		}
		pass(mostBackoff)
		hb, r, _, _ := b.last()
		if len(r.Objects) != 1 || time.Since(hb.Time.Time) > beatEvery {
			t.Errorf("%+v, last beat %s ago", r, time.Since(hb.Time.Time))
		}
		s.end(t)
	})
}
