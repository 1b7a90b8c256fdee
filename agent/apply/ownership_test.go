package apply

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestAdoption(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "fed")
		c.create(placeOf(cm), `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"ns"},"data":{"k":"user","z":"kept"}}`)
		e.Take(shard(nil, cm))
		settle()
		live := c.get(placeOf(cm))
		if data := live.Object["data"].(map[string]any); data["k"] != "fed" || data["z"] != "kept" {
			t.Errorf("data %v", data)
		}
		r := reportOf(t, e, cm.Key)
		if !r.Adopted || !slices.Contains(eventReasons(r), v1alpha1.ReasonAdopted) || live.GetAnnotations()[v1alpha1.AnnotationAdopted] != "true" {
			t.Errorf("adoption is not said: %+v", r)
		}
		e.Take(shard(nil, object("ConfigMap", "c", "1", "fed2")))
		settle()
		if r := reportOf(t, e, cm.Key); !r.Adopted || c.get(placeOf(cm)).GetAnnotations()[v1alpha1.AnnotationAdopted] != "true" {
			t.Errorf("the next change forgot the adoption: %+v", r)
		}
	})
}

func TestAnAdoptedNamespaceOutlivesTheFederation(t *testing.T) {
	var said []string
	listen := func(e *Engine) {
		e.Announce = func(_ corev1.ObjectReference, _, reason, message string) { said = append(said, reason+": "+message) }
	}
	run(t, listen, func(t *testing.T, c *fakeCluster, e *Engine) {
		ns := object("Namespace", "monitoring", "1", "fed")
		c.create(placeOf(ns), `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"monitoring"},"data":{"k":"theirs"}}`)
		e.Take(shard(nil, ns))
		settle()
		e.Take(shard([]v1alpha1.Tombstone{tombstone(ns, v1alpha1.PropagationBackground)}))
		settle()
		if live := c.get(placeOf(ns)); live == nil || ours(live) || len(e.Gone()) != 1 {
			t.Errorf("live %v, gone %v", live, e.Gone())
		}
		const want = "Orphaned: the namespace was there before the federation; it keeps it and what is in it"
		if len(said) == 0 || said[len(said)-1] != want {
			t.Errorf("said %q, want %q last", said, want)
		}
	})
}

func TestForeignObjectsStayUntouched(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "fed")
		c.create(placeOf(cm), `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"ns","labels":{"kubectl-fed.io/federation":"other"}},"data":{"k":"theirs"}}`)
		e.Take(shard(nil, cm))
		settle()
		if r := reportOf(t, e, cm.Key); r.Reason != v1alpha1.ReasonForeignOwner {
			t.Errorf("report %+v", r)
		}
		e.Take(shard([]v1alpha1.Tombstone{tombstone(cm, v1alpha1.PropagationBackground)}))
		settle()
		if n := counts(c.takeCalls()); n["apply"]+n["delete"]+n["unmark"] != 0 {
			t.Errorf("it was touched: %v", n)
		}
		if gone := e.Gone(); len(gone) != 1 {
			t.Errorf("gone %v: nothing of ours is left, so the tombstone is done", gone)
		}
	})
}

func TestTombstones(t *testing.T) {
	old, fresh := object("ConfigMap", "c", "1", "old"), object("ConfigMap", "c", "2", "new")
	background := []v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationBackground)}
	for name, tc := range map[string]struct {
		next   *v1alpha1.Shard
		uid    string // of the spec the live object stems from; "" when it is gone
		marked bool
		gone   int
	}{
		"deleted":                        {shard(background), "", false, 1},
		"deleted and created again":      {shard(background, fresh), "c-2", true, 1},
		"vanished without a tombstone":   {shard(nil), "c-1", true, 0},
		"another life's tombstone":       {shard([]v1alpha1.Tombstone{tombstone(fresh, v1alpha1.PropagationBackground)}), "c-1", true, 1},
		"orphaned":                       {shard([]v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationOrphan)}), "kept", false, 1},
		"wanted and buried at once":      {shard(background, old), "c-1", true, 0},
		"created again without one":      {shard(nil, fresh), "c-2", true, 0},
		"orphaned, then created anew":    {shard([]v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationOrphan)}, fresh), "c-2", true, 1},
		"foreground waits for the end":   {shard([]v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationForeground)}), "", false, 1},
		"tombstone of a key never there": {shard([]v1alpha1.Tombstone{tombstone(object("ConfigMap", "x", "1", ""), v1alpha1.PropagationBackground)}, old), "c-1", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
				e.Take(shard(nil, old))
				settle()
				e.Take(tc.next)
				settle()
				live := c.get(placeOf(old))
				switch {
				case (live == nil) != (tc.uid == ""):
					t.Fatalf("live object %v, want that of spec %q", live, tc.uid)
				case live == nil:
				case ours(live) != tc.marked:
					t.Errorf("marked %v, want %v", ours(live), tc.marked)
				case tc.marked && live.GetAnnotations()[v1alpha1.AnnotationSpecUID] != tc.uid:
					t.Errorf("stems from %v, want %s", live.GetAnnotations(), tc.uid)
				}
				if gone := e.Gone(); len(gone) != tc.gone {
					t.Errorf("gone %v, want %d", gone, tc.gone)
				}
			})
		})
	}
}

func TestANewLifeStartsFromNothing(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		old, fresh := object("ConfigMap", "c", "1", "old"), object("ConfigMap", "c", "2", "new")
		e.Take(shard(nil, old))
		settle()
		c.refuse["delete configmaps/c"] = errors.New("connection refused")
		e.Take(shard([]v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationBackground)}, fresh))
		settle()
		if r := reportOf(t, e, fresh.Key); r.UID != fresh.UID || r.Generation != 0 || r.Health == v1alpha1.HealthCurrent || len(r.Events) != 0 {
			t.Errorf("what the old life was is said of the new: %+v", r)
		}
	})
}

func TestFinalizersAreNamed(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "")
		e.Take(shard(nil, cm))
		settle()
		c.edit(placeOf(cm), func(u *unstructured.Unstructured) { u.SetFinalizers([]string{"example.com/hold"}) })
		e.Take(shard([]v1alpha1.Tombstone{tombstone(cm, v1alpha1.PropagationBackground)}))
		settle()
		if r := reportOf(t, e, cm.Key); r.Health != v1alpha1.HealthTerminating || r.Reason != "" || len(e.Gone()) != 0 {
			t.Errorf("report %+v, gone %v", r, e.Gone())
		}
		time.Sleep(finalizerPatience + deletionPoll)
		if r := reportOf(t, e, cm.Key); r.Reason != v1alpha1.ReasonFinalizers || !strings.Contains(r.Message, "example.com/hold") {
			t.Errorf("report %+v", r)
		}
		c.edit(placeOf(cm), func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
		c.destroy(placeOf(cm))
		settle()
		if len(e.Objects()) != 0 || len(e.Gone()) != 1 {
			t.Errorf("objects %v, gone %v", e.Objects(), e.Gone())
		}
	})
}
