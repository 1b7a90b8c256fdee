package apply

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// stick applies objects and puts a finalizer of somebody else on the first.
func stick(c *fakeCluster, e *Engine, objects ...v1alpha1.ShardObject) {
	e.Take(shard(nil, objects...))
	settle()
	c.edit(placeOf(objects[0]), func(u *unstructured.Unstructured) { u.SetFinalizers([]string{"example.com/hold"}) })
}

func TestAStuckDeletionHoldsNothingElseUp(t *testing.T) {
	for name, stuck := range map[string]v1alpha1.ShardObject{
		"an object":           object("ConfigMap", "stuck", "1", ""),
		"the namespace":       object("Namespace", "ns", "1", ""),
		"a kind's definition": object("CustomResourceDefinition", "widgets.example.com", "1", ""),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
				cm, doomed := object("ConfigMap", "c", "1", "old"), object("ConfigMap", "doomed", "1", "")
				stick(c, e, stuck, cm, doomed)
				tomb := tombstone(stuck, v1alpha1.PropagationBackground)
				e.Take(shard([]v1alpha1.Tombstone{tomb}, cm, doomed))
				time.Sleep(2 * finalizerLimit)
				// Its namespace's neighbours change, come and go as if nothing were.
				e.Take(shard([]v1alpha1.Tombstone{tomb, tombstone(doomed, v1alpha1.PropagationBackground)},
					object("ConfigMap", "c", "1", "new"), object("Deployment", "fresh", "1", "")))
				settle()
				if v, _, _ := unstructured.NestedString(c.get(placeOf(cm)).Object, "data", "k"); v != "new" {
					t.Errorf("the neighbour still has %q", v)
				}
				if c.get(placeOf(object("Deployment", "fresh", "1", ""))) == nil || c.get(placeOf(doomed)) != nil {
					t.Error("the neighbours wait for the stuck one")
				}
				if gone := e.Gone(); len(gone) != 1 || gone[0].Key != doomed.Key {
					t.Errorf("gone %v: a user's delete waits for the object's end", gone)
				}
				r := reportOf(t, e, stuck.Key)
				if r.Reason != v1alpha1.ReasonFinalizers || !strings.Contains(r.Message, "under way since 2000-01-01T00:0") || !strings.Contains(r.Message, "example.com/hold") {
					t.Errorf("report %+v", r)
				}
			})
		})
	}
}

func TestADeletionThatIsStuckIsLookedAtSeldom(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "")
		stick(c, e, cm)
		e.Take(shard([]v1alpha1.Tombstone{tombstone(cm, v1alpha1.PropagationBackground)}))
		time.Sleep(finalizerLimit + stuckPoll)
		c.takeCalls()
		time.Sleep(10 * stuckPoll)
		if n := counts(c.takeCalls())["look"]; n > 11 {
			t.Errorf("%d looks in ten minutes", n)
		}
		c.edit(placeOf(cm), func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
		c.destroy(placeOf(cm))
		settle()
		if len(e.Gone()) != 1 {
			t.Error("its end is not noticed at once")
		}
	})
}

func TestAClusterLeavesWithoutOthersFinalizers(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "")
		stick(c, e, cm)
		tomb := tombstone(cm, v1alpha1.PropagationBackground)
		tomb.Cause = v1alpha1.CauseLeaving
		e.Take(shard([]v1alpha1.Tombstone{tomb}))
		time.Sleep(finalizerLimit - 2*deletionPoll)
		if r := reportOf(t, e, cm.Key); len(e.Gone()) != 0 || r.Reason != v1alpha1.ReasonFinalizers {
			t.Errorf("too early: gone %v, report %+v", e.Gone(), r)
		}
		time.Sleep(3 * deletionPoll)
		if len(e.Gone()) != 1 || c.get(placeOf(cm)) == nil {
			t.Errorf("gone %v, live %v", e.Gone(), c.get(placeOf(cm)))
		}
		if n := counts(c.takeCalls()); n["delete"] != 1 || n["unmark"] != 0 {
			t.Errorf("calls %v: it is to be deleted, by its finalizers' leave", n)
		}
	})
}

func TestTheNextLifeWaitsForTheLast(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		old, fresh := object("ConfigMap", "c", "1", "old"), object("ConfigMap", "c", "2", "new")
		stick(c, e, old)
		e.Take(shard([]v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationBackground)}, fresh))
		time.Sleep(finalizerPatience + 2*deletionPoll)
		r := reportOf(t, e, fresh.Key)
		if r.UID != fresh.UID || r.Reason != v1alpha1.ReasonFinalizers || !strings.Contains(r.Message, "an earlier spec") || !strings.Contains(r.Message, "example.com/hold") {
			t.Errorf("report %+v", r)
		}
		c.edit(placeOf(old), func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
		c.destroy(placeOf(old))
		settle()
		if r := reportOf(t, e, fresh.Key); r.Health != v1alpha1.HealthCurrent || slices.Contains(eventReasons(r), v1alpha1.ReasonFinalizers) {
			t.Errorf("report %+v", r)
		}
	})
}
