package rollout

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// allowed is a slow second opinion: whether a cluster without the new content
// may get it, from what was decided before and nothing else.
func allowed(w *world, c Cluster, before v1alpha1.RolloutStatus) error {
	if c.Current || w.out.Status.Phase == v1alpha1.RolloutComplete || w.out.Status.Waves == 1 {
		return nil
	}
	wave := int64(min(c.Wave, int(w.out.Status.Waves)-1))
	switch {
	case w.in.Paused:
		return fmt.Errorf("%s is given it while paused", c.Name)
	case w.out.Status.Phase == v1alpha1.RolloutStopped || w.out.Status.Phase == v1alpha1.RolloutUndone:
		return fmt.Errorf("%s is given it after the stop", c.Name)
	case wave > w.out.Status.Wave || w.out.Status.Started.IsZero():
		return fmt.Errorf("%s is given it before its wave", c.Name)
	case before.Hash == w.in.Hash && wave <= before.Wave && !before.Started.IsZero():
		return nil // reached before
	}
	for _, o := range w.in.Clusters { // its wave begins: the ones before are done
		failed := contains(w.out.Status.Failed, o.Name)
		if int64(o.Wave) < wave && !o.Silent && !o.healthy() && !failed {
			return fmt.Errorf("%s is given it while %s is not healthy", c.Name, o.Name)
		}
	}
	if wave < int64(len(w.in.Policy.Waves)) && w.in.Policy.Waves[wave].Approval {
		for upTo := wave; upTo < 10; upTo++ {
			if w.in.Approved == Approval(upTo, w.in.Hash) {
				return nil
			}
		}
		return fmt.Errorf("%s is given it without approval", c.Name)
	}
	return nil
}

func contains(list []string, name string) bool {
	for _, s := range list {
		if s == name {
			return true
		}
	}
	return false
}

// Whatever happens, in any order: nobody is given anything too early, a second
// decision at the same moment is the same (step checks it, with a status that
// was written down), waves only go forward, and once nothing bad happens any
// more it ends.
func TestAnyRollout(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		w.in.Policy = somePolicy(r)
		w.submit("v1")
		for range 60 {
			event(w, r)
			walk(t, w, seed)
		}
		end(t, w, seed)
	}
}

func somePolicy(r *rand.Rand) v1alpha1.Rollout {
	p := v1alpha1.Rollout{Waves: make([]v1alpha1.Wave, 1+r.IntN(4)), MinHealthyTime: seconds(r.IntN(3) * 20),
		MaxFailedClusters: int64(r.IntN(3)), Deadline: seconds(r.IntN(2) * 100)}
	if r.IntN(2) == 0 {
		p.OnFailure = v1alpha1.RolloutUndo
	}
	for i := range p.Waves {
		p.Waves[i].Pause, p.Waves[i].Approval = seconds(r.IntN(2)*30), r.IntN(4) == 0
	}
	return p
}

func event(w *world, r *rand.Rand) {
	c := &w.in.Clusters[r.IntN(len(w.in.Clusters))]
	switch r.IntN(12) {
	case 0:
		w.in.Hash = fmt.Sprintf("v%d", r.IntN(4))
		w.in.Generation++
	case 1:
		w.in.Paused = !w.in.Paused
	case 2:
		w.in.Approved = Approval(int64(r.IntN(4)), w.in.Hash)
	case 3:
		c.Silent = !c.Silent
	case 4:
		c.Synced, c.Health = true, v1alpha1.HealthFailed
	case 5:
		w.in.CanUndo = !w.in.CanUndo
	case 6:
		if len(w.in.Clusters) < 9 {
			w.join(fmt.Sprintf("%c%d", 'a'+r.IntN(5), len(w.in.Clusters)))
		}
	case 7, 8:
		w.in.Now = w.in.Now.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
	default:
		c.Synced, c.Health = true, v1alpha1.HealthCurrent
	}
}

// walk takes one step and checks it.
func walk(t *testing.T, w *world, seed uint64) {
	t.Helper()
	before := w.out.Status
	w.look()
	clusters := append([]Cluster(nil), w.in.Clusters...)
	previous := w.in.Previous
	w.step()
	out := w.out
	for i, c := range clusters {
		if out.May[i] {
			if err := allowed(w, c, before); err != nil {
				t.Fatalf("seed %d: %v: %+v", seed, err, out.Status)
			}
		}
		if c.Current && !out.May[i] && !out.Undo {
			t.Fatalf("seed %d: %s may not keep it", seed, c.Name)
		}
	}
	same := previous != nil && previous.Hash == w.in.Hash
	if same && previous.Waves == out.Status.Waves && out.Status.Wave < previous.Wave {
		t.Fatalf("seed %d: back from wave %d to %d", seed, previous.Wave, out.Status.Wave)
	}
	if same && previous.Phase == v1alpha1.RolloutComplete && out.Status.Phase != v1alpha1.RolloutComplete {
		t.Fatalf("seed %d: complete, and then %s", seed, out.Status.Phase)
	}
	if out.Undo && (out.Status.Phase != v1alpha1.RolloutUndone || out.Status.Base == 0 || !w.in.CanUndo) {
		t.Fatalf("seed %d: undone to nothing: %+v", seed, out.Status)
	}
	if !out.Again.IsZero() && out.Again.Before(w.in.Now) {
		t.Fatalf("seed %d: again in the past", seed)
	}
}

// end lets time pass without trouble: it completes, unless it has stopped.
func end(t *testing.T, w *world, seed uint64) {
	t.Helper()
	w.in.Paused, w.in.CanUndo = false, true
	w.in.Approved = Approval(9, w.in.Hash)
	for range 30 {
		for i := range w.in.Clusters {
			w.in.Clusters[i].Silent, w.in.Clusters[i].Synced, w.in.Clusters[i].Health = false, true, v1alpha1.HealthCurrent
		}
		w.in.Now = w.in.Now.Add(time.Minute)
		w.step()
	}
	switch p := w.out.Status.Phase; p {
	case v1alpha1.RolloutComplete, v1alpha1.RolloutStopped, v1alpha1.RolloutUndone:
	default:
		t.Fatalf("seed %d: it ends as %s: %+v", seed, p, w.out.Status)
	}
	if w.out.Status.Phase == v1alpha1.RolloutComplete && (len(w.out.Status.Updated) != len(w.in.Clusters) || w.out.Status.Base != w.in.Generation) {
		t.Fatalf("seed %d: complete without being so: %+v", seed, w.out.Status)
	}
}
