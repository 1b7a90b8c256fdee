package lead

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	web   = "default/deployments.apps/web"
	front = "default/services/front"
)

var (
	answers = v1alpha1.ProbeResult{Alive: true, Ever: true}
	silence = v1alpha1.ProbeResult{Ever: true, Failures: 3}
)

// live lets clusters beat every ten seconds, each at its own second.
func (b *bucket) live(d time.Duration, clusters ...string) {
	for range int(d / time.Second) {
		for _, c := range clusters {
			if int(time.Now().Unix())%10 == int(c[0])%10 {
				b.beat(c)
			}
		}
		pass(time.Second)
	}
}

// fleet is a federation of so many clusters that has run for a minute.
func fleet(t *testing.T, replicas string, clusters ...string) (*bucket, *running) {
	t.Helper()
	b := newBucket(t, clusters...)
	b.put(web, replicas, ringing)
	b.put(front, "", ringing)
	r := lead(t, b, "one", 1)
	b.live(time.Minute, clusters...)
	return b, r
}

// failed lists who is taken for dead, by what is kept in the bucket.
func (b *bucket) failed() (s string) {
	b.locked(func() {
		for _, name := range slices.Sorted(maps.Keys(b.verdicts.Clusters)) {
			if b.verdicts.Clusters[name].Failed {
				s += name
			}
		}
	})
	return s
}

func (b *bucket) verdict(name string) (v v1alpha1.ClusterVerdict) {
	b.locked(func() { v = b.verdicts.Clusters[name] })
	return v
}

func events(list []v1alpha1.Event) (s string) {
	for _, e := range list {
		s += e.Reason + ";"
	}
	return s
}

// b dies: 200 of 1000 replicas run elsewhere after four and a half intervals
// without a heartbeat where probes tell, and after two minutes where none can. When
// it is back it is trusted after a minute. A new leader in the middle of each
// comes to the same.
func TestAClusterWhoseServicesAnswerKeepsItsReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "1000", "a", "b", "c")
		b.locked(func() { b.sees["b"] = answers })
		b.live(20*time.Second, "a", "b", "c")
		before := b.replicas(web)
		b.live(30*time.Minute, "a", "c")
		equal(t, "failed", b.failed(), "")
		equal(t, "replicas", maps.Equal(b.replicas(web), before), true)
		c := meta.FindStatusCondition(b.statuses["b"].Conditions, v1alpha1.ConditionFailedOver)
		equal(t, "told", c.Reason+": "+c.Message, "KeptThoughSilent: no heartbeat, but its services answer 2 of 2 probers: replicas stay")
		r.crash(t)
		r = lead(t, b, "two", 2)
		b.live(5*time.Minute, "a", "c")
		equal(t, "by a new leader, too", b.failed(), "")
		equal(t, "told once", events(b.statuses["b"].Events), "KeptThoughSilent;")
		r.crash(t)
	})
}

// What cannot be kept for the next leader is not acted upon.
func TestDecisionsCarryTheVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "10", "a", "b")
		b.live(3*time.Minute, "a")
		b.put(web, "12", ringing)
		b.live(2*time.Second, "a")
		said := b.newest("a").Decision.Verdicts
		equal(t, "of a", said["a"], "")
		if !strings.HasPrefix(said["b"], "Failed: taken for dead: no heartbeat, and ") {
			t.Errorf("of b: %q", said["b"])
		}
		r.crash(t)
	})
}

func TestAnIdleFederationIsLookedAtLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "10", "a", "b")
		b.live(2*time.Minute, "a", "b")
		count := func(d time.Duration, clusters ...string) (n int) {
			b.locked(func() { clear(b.calls) })
			b.live(d, clusters...)
			b.locked(func() { n = b.calls["Heartbeats"] })
			return n
		}
		if n := count(time.Minute, "a", "b"); n > 25 {
			t.Errorf("%d looks in an idle minute", n)
		}
		b.live(40*time.Second, "a")
		if n := count(30*time.Second, "a"); n < 25 {
			t.Errorf("%d looks in half a minute with a silent cluster", n)
		}
		r.crash(t)
	})
}

// A removal that was recorded and then not written is not one.
func TestRemovalThatDidNotHappenDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "10", "a")
		p := newPlanner(newTerm(Config{Lock: r.lease, Store: b, Snapshots: b, Decode: decode}, 1))
		p.board.setPlan(func(pl *planned) { pl.federation = b.federation.UID })
		h, err := p.supersede(t.Context(), b.clusters["a"])
		if err != nil {
			t.Fatal(err)
		}
		p.heads["a"] = h
		removal := func(cluster, k string) v1alpha1.Removal { return v1alpha1.Removal{Cluster: cluster, Key: key(k)} }
		p.removals = []v1alpha1.Removal{removal("a", web), removal("a", c1), removal("unknown", web)}
		var left []string
		for _, x := range p.happened() {
			left = append(left, x.Cluster+" "+x.Key.String())
		}
		equal(t, "left", strings.Join(left, ", "), "a "+c1+", unknown "+web)
		first := time.Now()
		p.removals[0].Time, p.removals[1].Time = first, first
		again := p.dated([]v1alpha1.Removal{removal("a", web), removal("a", c1)})
		equal(t, "planned again", again[0].Time, first)
		equal(t, "another", again[1].Time.IsZero(), true)
		r.crash(t)
	})
}
