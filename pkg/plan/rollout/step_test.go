package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var t0 = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// world is a rollout as a leader sees it: what Step allows is given at once,
// and health is what the test says.
type world struct {
	t   *testing.T
	in  Input
	out Output
	// content that each cluster has, by name; "" for none.
	content map[string]string
	base    string
}

// newWorld has the clusters a1 a2 b1 b2 c1: the letter is the wave.
func newWorld(t *testing.T, names ...string) *world {
	w := &world{t: t, content: map[string]string{}, in: Input{Now: t0, CanUndo: true, Policy: v1alpha1.Rollout{Waves: make([]v1alpha1.Wave, 3)}}}
	if len(names) == 0 {
		names = []string{"a1", "a2", "b1", "b2", "c1"}
	}
	for _, n := range names {
		w.join(n)
	}
	return w
}

func (w *world) join(name string) {
	w.in.Clusters = append(w.in.Clusters, Cluster{Name: name, Wave: int(name[0] - 'a')})
}

func (w *world) cluster(name string) *Cluster {
	i := slices.IndexFunc(w.in.Clusters, func(c Cluster) bool { return c.Name == name })
	if i < 0 {
		w.t.Fatalf("no cluster %s", name)
	}
	return &w.in.Clusters[i]
}

// deployed is a world in which a first version is complete.
func deployed(t *testing.T, names ...string) *world {
	w := newWorld(t, names...)
	w.submit("v1")
	w.allHealthy()
	w.step()
	w.is(v1alpha1.RolloutComplete, strings.Join(w.names(), " "))
	return w
}

func (w *world) names() []string {
	var list []string
	for _, c := range w.in.Clusters {
		list = append(list, c.Name)
	}
	return list
}

// submit writes a spec and lets the leader act on it.
func (w *world) submit(content string) {
	w.in.Hash = content
	w.in.Generation++
	w.step()
}

// step decides, as a leader that has only what was written down, and again,
// which must change nothing; then it gives what may be given.
func (w *world) step() {
	w.t.Helper()
	w.look()
	before := w.in.Hash
	given := w.in
	w.out = Step(w.in)
	w.in.Previous = stored(w.t, w.out.Status)
	again := Step(w.in)
	if got, want := dump(w.t, again), dump(w.t, w.out); got != want {
		w.t.Fatalf("not the same again:\n%s\n%s\nfrom %s", got, want, dump(w.t, given))
	}
	if w.out.Status.Phase == v1alpha1.RolloutComplete {
		w.base = before
	}
	for i := range w.in.Clusters {
		c := &w.in.Clusters[i]
		switch {
		case w.out.Undo:
			w.give(c, w.base)
		case w.out.May[i]:
			w.give(c, w.in.Hash)
		}
	}
	w.look()
}

func (w *world) give(c *Cluster, content string) {
	if w.content[c.Name] != content {
		w.content[c.Name], c.Synced, c.Health = content, false, v1alpha1.HealthUnknown
	}
}

// look tells Step's input what each cluster has.
func (w *world) look() {
	for i := range w.in.Clusters {
		c := &w.in.Clusters[i]
		c.Has, c.Current = w.content[c.Name] != "", w.content[c.Name] == w.in.Hash
	}
}

func (w *world) after(d time.Duration) { w.in.Now = w.in.Now.Add(d); w.step() }

func (w *world) report(h v1alpha1.Health, names ...string) {
	for _, n := range names {
		c := w.cluster(n)
		c.Synced, c.Health = true, h
	}
	w.step()
}

func (w *world) healthy(names ...string) { w.t.Helper(); w.report(v1alpha1.HealthCurrent, names...) }
func (w *world) allHealthy()             { w.t.Helper(); w.healthy(w.names()...) }

func (w *world) silence(silent bool, names ...string) {
	for _, n := range names {
		w.cluster(n).Silent = silent
	}
	w.step()
}

// is checks the phase and who has the content now.
func (w *world) is(phase v1alpha1.RolloutPhase, have string) {
	w.t.Helper()
	var got []string
	for _, n := range w.names() {
		if w.content[n] == w.in.Hash {
			got = append(got, n)
		}
	}
	if w.out.Status.Phase != phase || strings.Join(got, " ") != have {
		w.t.Fatalf("%s, %q has the content; want %s, %q: %s", w.out.Status.Phase, strings.Join(got, " "), phase, have, w.out.Status.Message)
	}
}

func (w *world) says(message string) {
	w.t.Helper()
	if w.out.Status.Message != message {
		w.t.Fatalf("it says %q, want %q", w.out.Status.Message, message)
	}
}

func (w *world) again(after time.Duration) {
	w.t.Helper()
	want := time.Time{}
	if after > 0 {
		want = w.in.Now.Add(after)
	}
	if !w.out.Again.Equal(want) {
		w.t.Fatalf("again at %s, want %s", w.out.Again, want)
	}
}

// stored is what the next leader reads.
func stored(t *testing.T, st v1alpha1.RolloutStatus) *v1alpha1.RolloutStatus {
	t.Helper()
	var back v1alpha1.RolloutStatus
	if err := json.Unmarshal([]byte(dump(t, st)), &back); err != nil {
		t.Fatal(err)
	}
	return &back
}

func dump(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func seconds(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Second} }

func TestFirstCreationGoesEverywhereAtOnce(t *testing.T) {
	w := newWorld(t)
	w.in.Policy.Waves[0].Approval = true
	w.silence(true, "b2")
	w.submit("v1")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 c1")
	w.join("c2")
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 c1 c2")
	w.healthy("a1", "a2", "b1", "c1", "c2")
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1 c2")
	if w.out.Status.Base != w.in.Generation {
		t.Errorf("base is %d", w.out.Status.Base)
	}
}

func TestWavesInOrder(t *testing.T) {
	w := deployed(t)
	base := w.in.Generation
	w.in.Policy.MinHealthyTime = seconds(30)
	w.in.Policy.Waves[1].Pause = seconds(60)
	w.submit("v2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	if got := strings.Join(w.out.Status.Updated, " "); got != "a1 a2" { // with the plan that this is part of
		t.Errorf("updated: %s", got)
	}
	w.says("wave 1 of 3: 0 of 2 clusters healthy; waiting for a1, a2")
	w.again(10 * time.Minute)
	w.healthy("a1")
	w.says("wave 1 of 3: 1 of 2 clusters healthy; waiting for a2")
	w.after(time.Minute)
	w.healthy("a2")
	w.is(v1alpha1.RolloutWaiting, "a1 a2")
	w.says("wave 1 of 3: 2 of 2 clusters healthy; wave 2 begins at 2026-05-04T12:01:30Z")
	w.again(30 * time.Second)
	w.after(29 * time.Second)
	w.is(v1alpha1.RolloutWaiting, "a1 a2")
	w.report(v1alpha1.HealthInProgress, "a1") // not healthy all the time
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	w.healthy("a1")
	w.after(29 * time.Second)
	w.is(v1alpha1.RolloutWaiting, "a1 a2")
	w.after(time.Second)
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.healthy("b1", "b2")
	w.again(90 * time.Second)
	w.after(89 * time.Second)
	w.is(v1alpha1.RolloutWaiting, "a1 a2 b1 b2")
	if w.out.Status.Base != base {
		t.Errorf("base is %d before the end", w.out.Status.Base)
	}
	w.after(time.Second)
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 c1")
	w.healthy("c1")
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1")
	w.says("complete")
	w.again(0)
	if w.out.Status.Base != w.in.Generation {
		t.Errorf("base is %d at the end", w.out.Status.Base)
	}
}

// A health report about the content before says nothing about this one.
func TestReportsOfTheContentBeforeDoNotCount(t *testing.T) {
	w := deployed(t)
	w.submit("v2")
	for _, n := range []string{"a1", "a2"} {
		w.cluster(n).Health = v1alpha1.HealthCurrent
	}
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	for _, n := range []string{"a1", "a2"} {
		w.cluster(n).Health = v1alpha1.HealthFailed
	}
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
}

func TestApproval(t *testing.T) {
	w := deployed(t)
	w.in.Policy.Waves[0].Approval, w.in.Policy.Waves[2].Approval = true, true
	w.submit("v2")
	w.is(v1alpha1.RolloutWaiting, "")
	w.says("no wave has begun; wave 1 waits for `kubectl fed rollout approve`")
	w.again(0)
	if a := w.out.Status.Awaiting; a == nil || *a != 0 {
		t.Errorf("awaiting %v", a)
	}
	for _, void := range []string{Approval(2, "v1"), "2", "@v2", "x@v2", "-1@v2", "0@"} {
		w.in.Approved = void
		w.after(time.Hour)
		w.is(v1alpha1.RolloutWaiting, "")
	}
	w.in.Approved = Approval(0, "v2")
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	w.healthy("a1", "a2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2") // the second needs none
	w.healthy("b1", "b2")
	w.is(v1alpha1.RolloutWaiting, "a1 a2 b1 b2")
	if a := w.out.Status.Awaiting; a == nil || *a != 2 {
		t.Errorf("awaiting %v", a)
	}
	w.in.Approved = Approval(2, "v2")
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 c1")
	if w.out.Status.Awaiting != nil {
		t.Error("nothing is waited for")
	}
}

func TestTooManyFailedClustersStop(t *testing.T) {
	for _, how := range []string{"health", "deadline"} {
		w := deployed(t)
		w.in.Policy.MaxFailedClusters = 1
		w.in.Policy.Deadline = seconds(60)
		w.submit("v2")
		fail := func(name string) {
			if how == "health" {
				w.report(v1alpha1.HealthFailed, name)
				return
			}
			w.report(v1alpha1.HealthInProgress, name)
			w.after(60 * time.Second)
		}
		w.healthy("a2")
		fail("a1")
		w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2") // one may
		w.healthy("b2")
		fail("b1")
		w.is(v1alpha1.RolloutStopped, "a1 a2 b1 b2")
		w.says("2 clusters failed in wave 2 of 3, 1 allowed: a1, b1")
		w.again(0)
		w.allHealthy() // what is said stays said until there is another version
		w.after(time.Hour)
		w.is(v1alpha1.RolloutStopped, "a1 a2 b1 b2")
		w.submit("v3")
		w.is(v1alpha1.RolloutProgressing, "a1 a2")
	}
}

func TestToleratedFailureCompletes(t *testing.T) {
	w := deployed(t)
	w.in.Policy.MaxFailedClusters = 1
	w.submit("v2")
	w.healthy("a2")
	w.report(v1alpha1.HealthFailed, "a1")
	w.healthy("b1", "b2")
	w.healthy("c1")
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1")
	w.says("complete; 1 cluster failed, as many are allowed: a1")
}

// The deadline counts from when the cluster was given the content, by whichever
// leader.
func TestDeadlineIsOfEachCluster(t *testing.T) {
	w := deployed(t)
	w.submit("v2")
	w.after(9 * time.Minute)
	w.healthy("a1", "a2")
	w.after(9 * time.Minute)
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.again(time.Minute)
	w.after(time.Minute)
	w.is(v1alpha1.RolloutStopped, "a1 a2 b1 b2")
}

func TestUndo(t *testing.T) {
	w := deployed(t)
	w.in.Policy.OnFailure = v1alpha1.RolloutUndo
	base := w.in.Generation
	w.submit("v2")
	w.report(v1alpha1.HealthFailed, "a1")
	w.is(v1alpha1.RolloutUndone, "")
	if !w.out.Undo || w.out.Status.Base != base || w.content["a1"] != "v1" {
		t.Errorf("undo %v, base %d, %v", w.out.Undo, w.out.Status.Base, w.content)
	}
	w.says("1 cluster failed in wave 1 of 3, 0 allowed: a1")
	if len(w.out.Status.Updated) > 0 {
		t.Errorf("updated: %v", w.out.Status.Updated)
	}
	w.join("b3")
	w.step()
	if w.content["b3"] != "v1" {
		t.Errorf("who joins gets %q", w.content["b3"])
	}
	w.in.Generation++ // an annotation, a scaling
	w.step()
	w.is(v1alpha1.RolloutUndone, "")
	w.submit("v1") // the user takes it back too: every cluster has it
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1 b3")
}

func TestUndoThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.in.Policy.OnFailure = v1alpha1.RolloutUndo
	w.submit("v1")
	w.report(v1alpha1.HealthFailed, "a1")
	w.is(v1alpha1.RolloutStopped, "a1 a2 b1 b2 c1")
	w.says("1 cluster failed in wave 1 of 1, 0 allowed: a1; not undone: no earlier version was ever rolled out completely")

	w = deployed(t)
	w.in.Policy.OnFailure, w.in.CanUndo = v1alpha1.RolloutUndo, false
	w.submit("v2")
	w.report(v1alpha1.HealthFailed, "a1")
	w.is(v1alpha1.RolloutStopped, "a1 a2")
	w.says("1 cluster failed in wave 1 of 3, 0 allowed: a1; not undone: the last good version cannot be read back, or it is the Placement that was changed")
	w.in.CanUndo = true // it can be read again
	w.step()
	w.is(v1alpha1.RolloutUndone, "")
	w.says("1 cluster failed in wave 1 of 3, 0 allowed: a1")
	w.in.CanUndo = false // and once more it cannot: nobody gets the new one for that
	w.step()
	w.is(v1alpha1.RolloutUndone, "")
}

func TestSilentClustersAreSkippedAndCatchUp(t *testing.T) {
	w := deployed(t)
	w.silence(true, "a2", "c1")
	w.submit("v2")
	w.is(v1alpha1.RolloutProgressing, "a1")
	w.healthy("a1")
	w.is(v1alpha1.RolloutProgressing, "a1 b1 b2")
	w.says("wave 2 of 3: 1 of 3 clusters healthy; waiting for b1, b2; silent, to catch up when back: a2, c1")
	w.after(9 * time.Minute)
	w.silence(false, "a2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.healthy("b1", "b2")
	w.after(9 * time.Minute) // its own deadline
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.healthy("a2")
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1")
	w.says("complete; silent, to catch up when back: c1")
	w.silence(false, "c1")
	w.healthy("c1")
	w.says("complete")
}

func TestSilentWaveKeepsItsApproval(t *testing.T) {
	w := deployed(t)
	w.in.Policy.Waves[2].Approval = true
	w.silence(true, "b1", "b2", "c1")
	w.submit("v2")
	w.healthy("a1", "a2")
	w.is(v1alpha1.RolloutWaiting, "a1 a2")
	w.silence(false, "b1", "b2", "c1")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
}

// A cluster that falls silent with the new content may have done so because of
// it.
func TestFallingSilentWithTheNewContentIsWaitedFor(t *testing.T) {
	w := deployed(t)
	w.submit("v2")
	w.silence(true, "a1", "a2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	w.after(9 * time.Minute)
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	w.again(time.Minute)
	w.after(time.Minute)
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.silence(true, w.names()...) // from silence nothing is concluded
	w.after(time.Hour)
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.silence(false, w.names()...)
	w.healthy("a1", "a2", "b1", "b2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 c1")
}

func TestPause(t *testing.T) {
	w := deployed(t)
	w.in.Policy.MinHealthyTime = seconds(30)
	w.in.Paused = true
	w.submit("v2")
	w.is(v1alpha1.RolloutPaused, "")
	w.says("paused; no wave has begun")
	w.in.Paused = false
	w.in.Generation++
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	w.in.Paused = true
	w.join("a3")
	w.healthy("a1", "a2")
	w.after(time.Hour)
	w.is(v1alpha1.RolloutPaused, "a1 a2") // what has it keeps it, who joins gets nothing
	w.report(v1alpha1.HealthFailed, "a1")
	w.is(v1alpha1.RolloutPaused, "a1 a2") // and nothing is undone under the user's eyes
	w.again(0)
	w.healthy("a1")
	w.in.Paused = false
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2 a3")
	w.again(10 * time.Minute)
}

func TestSupersede(t *testing.T) {
	w := deployed(t)
	base := w.in.Generation
	w.submit("v2")
	w.healthy("a1", "a2")
	w.healthy("b1")
	w.submit("v3")
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
	if w.content["b1"] != "v2" || w.content["c1"] != "v1" || w.out.Status.Base != base || w.out.Status.Wave != 0 {
		t.Errorf("%v, %+v", w.content, w.out.Status)
	}
	w.healthy("a1", "a2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
	w.submit("v1") // taken back by the user: in waves, as not every cluster has it
	w.is(v1alpha1.RolloutProgressing, "a1 a2 c1")
	w.healthy("a1", "a2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 c1")
	w.healthy("b1", "b2")
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1")
}

func TestWhoJoinsBelongsToItsWave(t *testing.T) {
	w := deployed(t)
	w.submit("v2")
	w.join("a3")
	w.join("b3")
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2 a3")
	w.healthy("a1", "a2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 a3")
	w.healthy("a3")
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2 a3 b3")
	w.healthy("b1", "b2", "b3")
	w.healthy("c1")
	w.join("c3")
	w.step()
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1 a3 b3 c3")
}

func TestEmptyWavesArePassedOver(t *testing.T) {
	w := deployed(t, "b1", "d1")
	w.in.Policy.Waves[0].Pause, w.in.Policy.Waves[2].Approval = seconds(60), true
	w.in.Policy.Waves[1].Pause = seconds(10)
	w.submit("v2")
	w.is(v1alpha1.RolloutProgressing, "b1")
	w.says("wave 2 of 4: 0 of 1 cluster healthy; waiting for b1")
	w.healthy("b1")
	w.again(10 * time.Second)
	w.after(10 * time.Second)
	w.is(v1alpha1.RolloutProgressing, "b1 d1")
}

func TestPolicyOnWhatIsThere(t *testing.T) {
	w := newWorld(t)
	for _, n := range w.names() {
		w.content[n] = "v1"
	}
	w.submit("v1")
	w.is(v1alpha1.RolloutComplete, "a1 a2 b1 b2 c1")
	if w.out.Status.Base != w.in.Generation {
		t.Errorf("base %d", w.out.Status.Base)
	}
	w.in.Generation++ // scaled
	w.step()
	if w.out.Status.Phase != v1alpha1.RolloutComplete || w.out.Status.Base != w.in.Generation {
		t.Errorf("%+v", w.out.Status)
	}
	w.in.Policy.Waves = w.in.Policy.Waves[:1] // everything else is another
	w.submit("v2")
	w.is(v1alpha1.RolloutProgressing, "a1 a2")
}

func TestNowhere(t *testing.T) {
	w := &world{t: t, content: map[string]string{}, in: Input{Now: t0}}
	w.submit("v1")
	w.is(v1alpha1.RolloutComplete, "")
	w.join("a1")
	w.step()
	w.is(v1alpha1.RolloutComplete, "a1")
}

func TestTimesAreNeverShortened(t *testing.T) {
	w := deployed(t)
	w.in.Policy.MinHealthyTime = seconds(1)
	w.submit("v2")
	w.in.Now = t0.Add(300 * time.Millisecond)
	w.healthy("a1", "a2")
	w.after(time.Second)
	w.is(v1alpha1.RolloutWaiting, "a1 a2")
	w.in.Now = w.out.Again
	w.step()
	w.is(v1alpha1.RolloutProgressing, "a1 a2 b1 b2")
}

func ExampleApproval() {
	fmt.Println(Approval(1, "0123456789abcdef"))
	// Output: 1@0123456789abcdef
}
