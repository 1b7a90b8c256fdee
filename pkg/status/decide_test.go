package status

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const beatEvery = 10 * time.Second

// fleet is a leader that looks at clusters that beat every ten seconds, each
// at its own second, until they are silenced.
type fleet struct {
	clusters  []v1alpha1.Cluster
	verdicts  map[string]v1alpha1.ClusterVerdict
	seen      map[string]Observation
	beats     map[string]*v1alpha1.Heartbeat
	published map[string][]string
	silent    map[string]bool
	// sees are what every prober says of a cluster; it says nothing of others.
	sees   map[string]v1alpha1.ProbeResult
	policy v1alpha1.FailoverPolicy
	frozen bool
	again  time.Time
	now    time.Time
	ticks  int
}

func newFleet(n int) *fleet {
	f := &fleet{verdicts: map[string]v1alpha1.ClusterVerdict{}, seen: map[string]Observation{}, beats: map[string]*v1alpha1.Heartbeat{},
		published: map[string][]string{}, silent: map[string]bool{}, sees: map[string]v1alpha1.ProbeResult{}, now: t0}
	for i := range n {
		c := cluster(string(rune('a' + i)))
		f.clusters = append(f.clusters, c)
		f.beats[c.Name] = &v1alpha1.Heartbeat{FederationUID: "fed", ClusterUID: c.UID, MemberUID: "m" + c.Name, Agent: "agent", Healthy: true,
			Interval: metav1.Duration{Duration: beatEvery}}
	}
	f.pass(21 * time.Second)
	return f
}

// pass looks every second.
func (f *fleet) pass(d time.Duration) {
	for range int(d / time.Second) {
		f.now = f.now.Add(time.Second)
		f.ticks++
		for i, c := range f.clusters {
			if beat := f.beats[c.Name]; beat != nil && !f.silent[c.Name] && f.ticks%10 == i%10 {
				next := *beat
				next.Sequence++
				next.Probes = nil
				for _, other := range f.clusters {
					if r, ok := f.sees[other.Name]; ok && other.Name != c.Name {
						next.Probes = append(next.Probes, r)
					}
				}
				f.beats[c.Name] = &next
			}
		}
		f.look()
	}
}

func (f *fleet) look() {
	judged := map[string]v1alpha1.ClusterVerdict{}
	for _, c := range f.clusters {
		judged[c.Name], f.seen[c.Name] = Judge(ClusterInput{Cluster: c, Beat: f.beats[c.Name], Seen: f.seen[c.Name], Previous: f.verdicts[c.Name], Now: f.now})
	}
	out := Decide(DecideInput{Federation: "fed", Clusters: f.clusters, Verdicts: judged, Seen: f.seen, Published: f.published, Policy: f.policy,
		Frozen: f.frozen, Now: f.now})
	f.verdicts, f.frozen, f.again = out.Verdicts, out.Frozen, out.Again
}

func (f *fleet) silence(names ...string) {
	for _, n := range names {
		f.silent[n] = true
	}
}

func (f *fleet) revive(names ...string) {
	for _, n := range names {
		delete(f.silent, n)
	}
}

// probed lets all that beat say the same of a cluster from now on.
func (f *fleet) probed(name string, r v1alpha1.ProbeResult) {
	r.Cluster = name
	f.published[name], f.sees[name] = []string{"192.0.2.1:80"}, r
}

func (f *fleet) edit(name string, edit func(*v1alpha1.ClusterSpec)) {
	for i := range f.clusters {
		if f.clusters[i].Name == name {
			edit(&f.clusters[i].Spec)
		}
	}
}

// newLeader takes over what is stored, with a clock that is off by so much.
func (f *fleet) newLeader(off time.Duration) {
	f.seen = map[string]Observation{}
	f.now = f.now.Add(off)
}

// failed lists who is taken for dead.
func (f *fleet) failed() (s string) {
	for _, c := range f.clusters {
		if f.verdicts[c.Name].Failed {
			s += c.Name
		}
	}
	return s
}

// until looks until the condition holds and says how long that took.
func (f *fleet) until(t *testing.T, most time.Duration, holds func() bool) time.Duration {
	t.Helper()
	from := f.now
	for !holds() {
		if f.now.Sub(from) > most {
			t.Fatalf("not within %s", most)
		}
		f.pass(time.Second)
	}
	return f.now.Sub(from)
}

func (f *fleet) fails(name string) func() bool {
	return func() bool { return f.verdicts[name].Failed }
}

var (
	alive = v1alpha1.ProbeResult{Alive: true, Ever: true}
	dead  = v1alpha1.ProbeResult{Ever: true, Failures: 2}
	once  = v1alpha1.ProbeResult{Ever: true, Failures: 1}
	never = v1alpha1.ProbeResult{Failures: 9}
)

func within(t *testing.T, what string, got, from, to time.Duration) {
	t.Helper()
	if got < from || got > to {
		t.Errorf("%s: %s, want %s to %s", what, got, from, to)
	}
}

// The rows of the decision table that are about silence, in numbers.
func TestWhenASilentClusterIsTakenForDead(t *testing.T) {
	cases := []struct {
		name     string
		probe    *v1alpha1.ProbeResult
		after    time.Duration
		from, to time.Duration // 0: never
	}{
		{"services answer", &alive, 0, 0, 0},
		{"services are dead", &dead, 0, 36 * time.Second, 46 * time.Second},
		{"one failure is none", &once, 0, 111 * time.Second, 121 * time.Second},
		{"probers that never reached it", &never, 0, 111 * time.Second, 121 * time.Second},
		{"nothing to probe", nil, 0, 111 * time.Second, 121 * time.Second},
		{"nothing to probe, and little patience", nil, time.Second, 36 * time.Second, 46 * time.Second},
		{"nothing to probe, and much patience", nil, time.Hour, time.Hour - 10*time.Second, time.Hour + time.Second},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			f := newFleet(5)
			f.policy.After = metav1.Duration{Duration: x.after}
			f.probed("b", alive)
			f.pass(20 * time.Second)
			f.silence("b")
			if x.probe != nil {
				f.probed("b", *x.probe)
			} else {
				delete(f.sees, "b")
				delete(f.published, "b")
			}
			if x.to == 0 {
				f.pass(time.Hour)
				equal(t, "failed", f.failed(), "")
				equal(t, "reason", f.verdicts["b"].Reason, "no heartbeat, but its services answer 4 of 4 probers: replicas stay")
				equal(t, "probed", f.verdicts["b"].Probed, v1alpha1.ProbeAlive)
				return
			}
			within(t, "after", f.until(t, 2*time.Hour, f.fails("b")), x.from, x.to)
			equal(t, "nobody else", f.failed(), "b")
			if !strings.HasPrefix(f.verdicts["b"].Reason, "taken for dead: no heartbeat, and ") {
				t.Error(f.verdicts["b"].Reason)
			}
		})
	}
}

func TestQuorum(t *testing.T) {
	cases := []struct {
		name  string
		says  []v1alpha1.ProbeResult // of the clusters b, c, …
		stale bool
		want  v1alpha1.ProbeVerdict
	}{
		{"one of two clusters", []v1alpha1.ProbeResult{dead}, true, v1alpha1.ProbeDead},
		{"one of two clusters, while it beats", []v1alpha1.ProbeResult{dead}, false, v1alpha1.ProbeUnknown},
		{"one who can tell among many", []v1alpha1.ProbeResult{dead, never, never}, true, v1alpha1.ProbeUnknown},
		{"two", []v1alpha1.ProbeResult{dead, dead, never}, true, v1alpha1.ProbeDead},
		{"one of two is not sure", []v1alpha1.ProbeResult{dead, once}, true, v1alpha1.ProbeUnknown},
		{"two of three", []v1alpha1.ProbeResult{dead, dead, once}, true, v1alpha1.ProbeDead},
		{"any answer", []v1alpha1.ProbeResult{dead, dead, dead, alive}, true, v1alpha1.ProbeAlive},
		{"an answer at the first try", []v1alpha1.ProbeResult{{Alive: true}}, true, v1alpha1.ProbeAlive},
		{"nobody says anything", nil, true, v1alpha1.ProbeUnknown},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			in := DecideInput{Federation: "fed", Verdicts: map[string]v1alpha1.ClusterVerdict{}, Seen: map[string]Observation{},
				Published: map[string][]string{"a": {"192.0.2.1:80"}}}
			for i := range len(x.says) + 1 {
				c := cluster(string(rune('a' + i)))
				in.Clusters, in.Verdicts[c.Name] = append(in.Clusters, c), v1alpha1.ClusterVerdict{UID: c.UID, Reported: true}
				if i > 0 {
					x.says[i-1].Cluster = "a"
					in.Seen[c.Name] = Observation{fresh: true, beat: v1alpha1.Heartbeat{FederationUID: "fed", Probes: x.says[i-1 : i]}}
				}
			}
			ask := func() v1alpha1.ProbeVerdict { return (&decider{in: in}).poll(in.Clusters[0], x.stale).verdict }
			equal(t, "verdict", ask(), x.want)
			in.Asked = map[string][]string{"b": {"a"}, "c": {"a"}, "d": {"a"}, "e": {"a"}}
			equal(t, "all were asked", ask(), x.want)
			in.Asked = map[string][]string{"b": {"c"}, "c": {"b"}, "d": {}, "e": nil}
			equal(t, "nobody was asked", ask(), v1alpha1.ProbeUnknown)
			in.Asked, in.Federation = nil, "another"
			equal(t, "of another federation", ask(), v1alpha1.ProbeUnknown)
			in.Federation = "fed"
			for name, seen := range in.Seen {
				seen.fresh = false
				in.Seen[name] = seen
			}
			equal(t, "silent themselves", ask(), v1alpha1.ProbeUnknown)
		})
	}
}

func TestWhoIsNotTrustedDoesNotCallAnotherDead(t *testing.T) {
	f := newFleet(3)
	f.probed("a", dead)
	f.pass(20 * time.Second)
	equal(t, "dead", f.verdicts["a"].Probed, v1alpha1.ProbeDead)
	equal(t, "but beating", f.failed(), "")
	f.silence("b")
	f.pass(31 * time.Second)
	f.revive("b")
	f.pass(20 * time.Second)
	equal(t, "holding", f.verdicts["b"].Holding, true)
	equal(t, "its word", f.verdicts["a"].Probed, v1alpha1.ProbeUnknown)
}

func TestATwoClusterFederationFailsOver(t *testing.T) {
	for name, probe := range map[string]v1alpha1.ProbeResult{"by probe": dead, "by time": never} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(2)
			f.probed("b", probe)
			f.silence("b")
			f.pass(121 * time.Second)
			equal(t, "failed", f.failed(), "b")
			equal(t, "frozen", f.frozen, false)
		})
	}
}

func TestManyThatDieTogetherFreeze(t *testing.T) {
	f := newFleet(5)
	for _, n := range []string{"a", "c", "e"} {
		f.probed(n, dead)
	}
	f.silence("a", "c", "e")
	f.pass(10 * time.Minute)
	equal(t, "frozen", f.frozen, true)
	equal(t, "failed", f.failed(), "")
	f.edit("a", func(s *v1alpha1.ClusterSpec) { s.Cordoned, s.Lost = true, true })
	f.pass(time.Second)
	equal(t, "lost fails at once, two of four are still too many", fmt.Sprint(f.frozen, " ", f.failed()), "true a")
	f.edit("c", func(s *v1alpha1.ClusterSpec) { s.Cordoned, s.Lost = true, true })
	f.pass(time.Second)
	equal(t, "thawed", fmt.Sprint(f.frozen, " ", f.failed()), "false ac")
	took := f.until(t, time.Minute, f.fails("e"))
	within(t, "the third, as if it had just fallen silent", took, 14*time.Second, 16*time.Second)
}

// Whoever is still stale when a freeze ends gets time to come back as well.
func TestFreezeEndsSlowly(t *testing.T) {
	f := newFleet(5)
	f.silence("a", "b", "c")
	f.pass(10 * time.Minute)
	f.revive("a")
	f.pass(12 * time.Second)
	equal(t, "thawed", fmt.Sprint(f.frozen, " ", f.failed()), "false ")
	f.revive("b", "c")
	f.pass(10 * time.Minute)
	equal(t, "nobody failed", f.failed(), "")
}

// Two of five, and a third a moment later: the third must be seen before the
// first two are given up.
func TestNobodyFailsBeforeAllOthersWereHeard(t *testing.T) {
	f := newFleet(5)
	for _, n := range []string{"a", "b"} {
		f.probed(n, dead)
		f.beats[n].Interval = metav1.Duration{Duration: 2 * time.Second}
	}
	f.pass(10 * time.Second)
	f.silence("a", "b", "c") // c beats every 10 s, so it is stale much later
	f.pass(10 * time.Minute)
	equal(t, "frozen", fmt.Sprint(f.frozen, " ", f.failed()), "true ")
}

func TestFreezeKeepsFlagsAndHolds(t *testing.T) {
	f := newFleet(5)
	f.silence("a", "b")
	f.pass(3 * time.Minute)
	equal(t, "two of five fail over", f.failed(), "ab")
	f.revive("a")
	f.pass(15 * time.Second)
	equal(t, "a holds", f.verdicts["a"].Holding, true)
	f.silence("c", "d")
	f.pass(20 * time.Minute)
	equal(t, "frozen", f.frozen, true)
	equal(t, "a holds still, nobody else fails", fmt.Sprint(f.verdicts["a"].Holding, " ", f.failed()), "true ab")
	f.revive("b", "c", "d")
	f.pass(2 * time.Minute)
	equal(t, "all is over", fmt.Sprint(f.frozen, " ", f.failed()), "false ")
}

func TestHoldsGrowAndAreForgotten(t *testing.T) {
	f := newFleet(4)
	want := []time.Duration{1, 2, 4, 8, 10, 10, 10, 10, 10, 10}
	for i, minutes := range want {
		f.silence("b")
		f.pass(45 * time.Second)
		f.revive("b")
		f.until(t, time.Minute, func() bool { return f.verdicts["b"].Holding })
		v := f.verdicts["b"]
		equal(t, fmt.Sprint("hold ", i), v.HoldUntil.Sub(f.now), minutes*time.Minute)
		equal(t, fmt.Sprint("flaps ", i), v.Flaps, int64(i+1))
	}
	f.silence("c")
	f.pass(2 * time.Minute)
	f.revive("c")
	f.pass(10*time.Minute + 15*time.Second)
	equal(t, "held", fmt.Sprint(f.verdicts["b"].Holding, f.verdicts["b"].Flaps), "false 10")
	f.pass(30 * time.Minute)
	equal(t, "flaps left", f.verdicts["b"].Flaps, int64(7))
	f.pass(2 * time.Hour)
	equal(t, "forgotten", f.verdicts["b"].Flaps, int64(0))
	equal(t, "no time is kept", f.verdicts["b"].Flapped.IsZero(), true)
}

func TestFailedEndsWithTheHold(t *testing.T) {
	f := newFleet(3)
	f.silence("b")
	f.until(t, time.Hour, f.fails("b"))
	f.revive("b")
	took := f.until(t, time.Hour, func() bool { return !f.verdicts["b"].Failed })
	within(t, "trusted after", took, 60*time.Second, 71*time.Second)
	equal(t, "no word is left", f.verdicts["b"].Reason, "")

	f.silence("b")
	f.until(t, time.Hour, f.fails("b"))
	f.revive("b")
	f.pass(30 * time.Second)
	equal(t, "holding", f.verdicts["b"].Holding, true)
	f.silence("b")
	f.pass(45 * time.Second)
	equal(t, "silent again: failed all along", fmt.Sprint(f.verdicts["b"].Failed, f.verdicts["b"].Holding), "true false")
	f.revive("b")
	f.pass(10 * time.Second)
	equal(t, "hold", f.verdicts["b"].Flaps, int64(3))
}

func TestLostIsTakenAtItsWordUntilUncordoned(t *testing.T) {
	f := newFleet(3)
	f.edit("b", func(s *v1alpha1.ClusterSpec) { s.Lost = true })
	f.pass(time.Second)
	equal(t, "although it beats", f.failed(), "b")
	f.pass(time.Hour)
	equal(t, "as long as that is so", f.failed(), "b")
	f.edit("b", func(s *v1alpha1.ClusterSpec) { s.Lost = false })
	f.pass(time.Second)
	equal(t, "holds first", fmt.Sprint(f.verdicts["b"].Holding, " ", f.failed()), "true b")
	f.pass(time.Minute + time.Second)
	equal(t, "trusted", fmt.Sprint(f.failed(), f.verdicts["b"].Flaps), "0")
}

func TestCordonedClustersFailButDoNotFreeze(t *testing.T) {
	f := newFleet(4)
	f.edit("a", func(s *v1alpha1.ClusterSpec) { s.Cordoned = true })
	f.edit("b", func(s *v1alpha1.ClusterSpec) { s.Cordoned = true })
	f.silence("a", "b")
	f.pass(3 * time.Minute)
	equal(t, "failed", fmt.Sprint(f.frozen, " ", f.failed()), "false ab")
}

func TestFirstJoinIsNoFlap(t *testing.T) {
	f := newFleet(2)
	c := cluster("z")
	f.clusters = append(f.clusters, c)
	f.pass(10 * time.Minute)
	f.beats["z"] = &v1alpha1.Heartbeat{FederationUID: "fed", ClusterUID: c.UID, MemberUID: "mz", Interval: metav1.Duration{Duration: beatEvery}}
	f.pass(15 * time.Second)
	v := f.verdicts["z"]
	equal(t, "trusted", fmt.Sprint(v.Reported, v.Holding, v.Flaps), "true false 0")
}

// A change of leader at any moment, with any clock, comes to the same.
func TestNewLeaderComesToTheSame(t *testing.T) {
	for _, off := range []time.Duration{0, -time.Hour, time.Hour} {
		for at := time.Duration(0); at < 100*time.Second; at += 7 * time.Second {
			name := fmt.Sprint(off, " ", at)
			f := newFleet(5)
			f.probed("b", dead)
			f.silence("b")
			f.pass(at)
			f.newLeader(off)
			took := f.until(t, 10*time.Minute, f.fails("b"))
			if took > 60*time.Second {
				t.Errorf("%s: failed after %s more", name, took)
			}
			equal(t, name+": others", f.failed(), "b")
			f.revive("b")
			f.until(t, time.Minute, func() bool { return f.verdicts["b"].Holding })
			f.newLeader(off)
			took = f.until(t, time.Hour, func() bool { return !f.verdicts["b"].Failed })
			if took > 10*time.Minute+10*time.Second {
				t.Errorf("%s: trusted after %s", name, took)
			}
			equal(t, name+": flaps", f.verdicts["b"].Flaps, int64(1))
			for _, other := range []string{"a", "c", "d", "e"} {
				equal(t, name+": no flap of "+other, f.verdicts[other].Flaps, int64(0))
			}
		}
	}
}

// A record of the last heartbeat is not written every time: a leader that
// takes over must not believe that it is long ago.
func TestNewLeaderGivesASilentClusterItsTime(t *testing.T) {
	f := newFleet(3)
	v := f.verdicts["b"]
	v.LastHeartbeat = t0.Add(-time.Hour)
	f.verdicts["b"] = v
	f.silence("b")
	f.newLeader(0)
	within(t, "failed", f.until(t, time.Hour, f.fails("b")), 119*time.Second, 123*time.Second)
}

func TestNewLeaderInAFreeze(t *testing.T) {
	f := newFleet(5)
	f.silence("a", "b", "c")
	f.pass(90 * time.Second)
	f.newLeader(0)
	f.pass(30 * time.Minute)
	equal(t, "nothing moved", fmt.Sprint(f.frozen, " ", f.failed()), "true ")
}

// With its verdicts lost, a leader still knows who was taken for dead.
func TestRecallKeepsFailed(t *testing.T) {
	f := newFleet(3)
	f.silence("b")
	f.until(t, time.Hour, f.fails("b"))
	told := map[string]v1alpha1.ClusterStatus{}
	for _, c := range f.clusters {
		told[c.Name] = Cluster(ClusterStatusInput{Cluster: c, Verdict: f.verdicts[c.Name], Seen: f.seen[c.Name], Now: f.now})
	}
	f.verdicts = Recall(told)
	f.newLeader(0)
	for range 120 {
		f.pass(time.Second)
		equal(t, "failed", f.failed(), "b")
	}
	f.revive("b")
	took := f.until(t, time.Hour, func() bool { return !f.verdicts["b"].Failed })
	within(t, "trusted after", took, 60*time.Second, 71*time.Second)
}

func TestPolicyBounds(t *testing.T) {
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	equal(t, "defaults", policyOf(v1alpha1.FailoverPolicy{}), policy{2 * time.Minute, time.Minute, 10 * time.Minute})
	equal(t, "bounds", policyOf(v1alpha1.FailoverPolicy{After: d(time.Second), Stable: d(time.Hour), StableMost: d(time.Minute)}),
		policy{5 * time.Second, time.Hour, time.Hour})
	equal(t, "nonsense", policyOf(v1alpha1.FailoverPolicy{After: d(-1), Stable: d(-1), StableMost: d(-1)}), policyOf(v1alpha1.FailoverPolicy{}))
}

// Whatever happens: nobody becomes Failed while a prober reaches it, and a
// freeze sets and clears nothing, unless a user says that a cluster is lost.
func FuzzVerdicts(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(2+seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		fl := newFleet(1 + int(size%8))
		for range 300 {
			name := fl.clusters[r.IntN(len(fl.clusters))].Name
			switch r.IntN(9) {
			case 0, 1:
				fl.silence(name)
			case 2, 3:
				fl.revive(name)
			case 4:
				fl.probed(name, []v1alpha1.ProbeResult{alive, dead, once, never}[r.IntN(4)])
			case 5:
				fl.edit(name, func(s *v1alpha1.ClusterSpec) { s.Lost = r.IntN(4) == 0 })
			case 6:
				fl.edit(name, func(s *v1alpha1.ClusterSpec) { s.Cordoned = r.IntN(3) == 0 })
			case 7:
				fl.newLeader(time.Duration(r.IntN(7200)-3600) * time.Second)
			}
			for range 1 + r.IntN(90) {
				before := fl.verdicts
				fl.pass(time.Second)
				check(t, fl, before)
			}
		}
	})
}

func check(t *testing.T, f *fleet, before map[string]v1alpha1.ClusterVerdict) {
	t.Helper()
	for _, c := range f.clusters {
		v, old := f.verdicts[c.Name], before[c.Name]
		switch {
		case c.Spec.Lost:
			if !v.Failed {
				t.Fatalf("%s is lost and not failed", c.Name)
			}
		case v.Failed && !old.Failed && (v.Probed == v1alpha1.ProbeAlive || !v.Stale):
			t.Fatalf("%s became failed: %+v", c.Name, v)
		case f.frozen && v.Failed != old.Failed:
			t.Fatalf("%s: the freeze changed it: %+v", c.Name, v)
		case f.frozen && old.Holding && !v.Holding && !v.Stale:
			t.Fatalf("%s: its hold ended in the freeze: %+v", c.Name, v)
		}
		if v.HoldUntil.Sub(f.now) > 10*time.Minute || v.StaleSince.After(f.now) {
			t.Fatalf("%s: times out of bounds at %s: %+v", c.Name, f.now, v)
		}
		if v.Holding && v.Stale || v.Holding && v.HoldUntil.IsZero() {
			t.Fatalf("%s: %+v", c.Name, v)
		}
	}
}
