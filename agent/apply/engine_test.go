package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// run calls the test with a running engine over an empty cluster, in virtual
// time.
func run(t *testing.T, prepare func(*Engine), test func(t *testing.T, c *fakeCluster, e *Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster()
		e := New(Config{Federation: fed, Member: c, Watches: c.Watch, Show: c.Show, Judge: judge, Clock: clock.RealClock{}})
		if prepare != nil {
			prepare(e)
		}
		ctx, cancel := context.WithCancel(logf.IntoContext(context.Background(), logr.Discard()))
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.Run(ctx)
		}()
		test(t, c, e)
		cancel()
		<-done
	})
}

func settle() {
	time.Sleep(calm)
	synctest.Wait()
}

func reportOf(t *testing.T, e *Engine, key v1alpha1.Key) v1alpha1.ObjectReport {
	t.Helper()
	for _, o := range e.Objects() {
		if o.Key == key {
			return o
		}
	}
	t.Fatalf("no report of %s in %v", key, e.Objects())
	return v1alpha1.ObjectReport{}
}

func TestShardIsAppliedInOrder(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		e.Take(shard(nil,
			object("Ingress", "i", "1", ""), object("Deployment", "d", "1", ""), object("Service", "s", "1", ""),
			object("ConfigMap", "c", "1", ""), object("CustomResourceDefinition", "widgets.example.com", "1", ""), object("Namespace", "ns", "1", "")))
		settle()
		var applied []string
		for _, call := range c.takeCalls() {
			if what, ok := strings.CutPrefix(call, "apply "); ok {
				applied = append(applied, what)
			}
		}
		want := []string{"namespaces/ns", "customresourcedefinitions/widgets.example.com", "configmaps/c", "services/s", "deployments/d", "ingresses/i"}
		if !slices.Equal(applied, want) {
			t.Errorf("applied %v, want %v", applied, want)
		}
		o := c.get(placeOf(object("ConfigMap", "c", "1", "")))
		if o.GetLabels()[v1alpha1.LabelFederation] != string(fed) || o.GetAnnotations()[v1alpha1.AnnotationSpecUID] != "c-1" {
			t.Errorf("marks missing: %v", o.Object)
		}
		if r := reportOf(t, e, object("ConfigMap", "c", "1", "").Key); r.Health != v1alpha1.HealthCurrent || r.Generation != 7 || r.Adopted {
			t.Errorf("report %+v", r)
		}
	})
}

func TestOnlyWhatChangedIsApplied(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		a, b := object("ConfigMap", "a", "1", "x"), object("ConfigMap", "b", "1", "x")
		e.Take(shard(nil, a, b))
		settle()
		c.takeCalls()
		e.Take(shard(nil, a, object("ConfigMap", "b", "1", "y")))
		settle()
		if calls := c.takeCalls(); !slices.Equal(calls, []string{"apply configmaps/b"}) {
			t.Errorf("calls %v, want one apply of b and no look", calls)
		}
		a.Generation = 9
		e.Take(shard(nil, a, object("ConfigMap", "b", "1", "y")))
		settle()
		if calls := c.takeCalls(); len(calls) != 0 {
			t.Errorf("a pass with nothing to do made calls: %v", calls)
		}
		if r := reportOf(t, e, a.Key); r.Generation != 9 {
			t.Errorf("generation %d, want 9: the same manifest stems from a newer spec", r.Generation)
		}
	})
}

func TestDriftIsRepaired(t *testing.T) {
	cm := object("ConfigMap", "c", "1", "x")
	change := func(field, value string) func(c *fakeCluster) {
		return func(c *fakeCluster) {
			c.edit(placeOf(cm), func(u *unstructured.Unstructured) { u.Object[field] = map[string]any{"k": value} })
		}
	}
	for name, tc := range map[string]struct {
		disturb func(c *fakeCluster)
		repairs int64
	}{
		"a field of the spec changed":     {change("data", "other"), 1},
		"a field beside the spec changed": {change("status", "other"), 0},
		"deleted":                         {func(c *fakeCluster) { c.destroy(placeOf(cm)) }, 1},
		"label taken off": {func(c *fakeCluster) {
			c.edit(placeOf(cm), func(u *unstructured.Unstructured) { u.SetLabels(nil) })
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
				e.Take(shard(nil, cm))
				settle()
				c.takeCalls()
				tc.disturb(c)
				settle()
				if got := e.Stats().Repairs; got != tc.repairs {
					t.Errorf("%d repairs, want %d", got, tc.repairs)
				}
				if got := int64(counts(c.takeCalls())["apply"]); got != tc.repairs {
					t.Errorf("%d applies, want %d", got, tc.repairs)
				}
				live := c.get(placeOf(cm))
				if v, _, _ := unstructured.NestedString(live.Object, "data", "k"); v != "x" || !ours(live) {
					t.Errorf("not put back: %v", live.Object)
				}
				drift := slices.Contains(eventReasons(reportOf(t, e, cm.Key)), v1alpha1.ReasonDriftRepaired)
				if drift != (tc.repairs > 0) {
					t.Errorf("events %v", eventReasons(reportOf(t, e, cm.Key)))
				}
			})
		})
	}
}

func TestContestedFieldsAreReportedNotFoughtOver(t *testing.T) {
	for name, tc := range map[string]struct {
		force   bool
		applies int
	}{"reported": {false, contestLimit}, "forced": {true, 6}} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
				cm := object("ConfigMap", "c", "1", "x")
				if tc.force {
					cm.Manifest = []byte(strings.Replace(string(cm.Manifest), `"name":`, `"annotations":{"kubectl-fed.io/force":"true"},"name":`, 1))
				}
				disturb := func() {
					c.edit(placeOf(cm), func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"k": "other"} })
					settle()
				}
				e.Take(shard(nil, cm))
				settle()
				c.takeCalls()
				for range 6 {
					disturb()
				}
				if got := counts(c.takeCalls())["apply"]; got != tc.applies {
					t.Errorf("%d applies, want %d", got, tc.applies)
				}
				if r := reportOf(t, e, cm.Key); (r.Reason == v1alpha1.ReasonFieldConflict) == tc.force {
					t.Errorf("reason %q", r.Reason)
				}
				time.Sleep(contestPause)
				settle()
				if r := reportOf(t, e, cm.Key); r.Reason != "" || c.get(placeOf(cm)).Object["data"].(map[string]any)["k"] != "x" {
					t.Errorf("not repaired after the pause: %+v", r)
				}
			})
		})
	}
}

func TestOneRefusalBlocksNothing(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		bad, good := object("ConfigMap", "bad", "1", ""), object("Deployment", "good", "1", "")
		c.refuse["apply configmaps/bad"] = apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "bad", errors.New("exceeded quota"))
		e.Take(shard(nil, bad, good))
		settle()
		r := reportOf(t, e, bad.Key)
		if r.Reason != v1alpha1.ReasonApplyRefused || r.Health != v1alpha1.HealthFailed || !strings.Contains(r.Message, "exceeded quota") || r.Generation != 0 {
			t.Errorf("report %+v", r)
		}
		if r := reportOf(t, e, good.Key); r.Health != v1alpha1.HealthCurrent {
			t.Errorf("the neighbour: %+v", r)
		}
		c.mu.Lock()
		delete(c.refuse, "apply configmaps/bad")
		c.mu.Unlock()
		time.Sleep(10 * time.Second)
		settle()
		if r := reportOf(t, e, bad.Key); r.Health != v1alpha1.HealthCurrent || r.Reason != "" {
			t.Errorf("not retried: %+v", r)
		}
	})
}

func TestNamespaceWakesWhatFailedInIt(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "")
		c.refuse["apply configmaps/c"] = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "ns")
		e.Take(shard(nil, cm))
		time.Sleep(4 * time.Minute) // deep into the backoff
		c.mu.Lock()
		delete(c.refuse, "apply configmaps/c")
		c.mu.Unlock()
		e.Take(shard(nil, cm, object("Namespace", "ns", "1", "")))
		settle()
		if r := reportOf(t, e, cm.Key); r.Health != v1alpha1.HealthCurrent {
			t.Errorf("still waiting: %+v", r)
		}
	})
}

func TestUnservedKinds(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		c.unserved["ConfigMap"] = true
		a, b := object("ConfigMap", "a", "1", ""), object("ConfigMap", "b", "1", "")
		e.Take(shard([]v1alpha1.Tombstone{tombstone(b, v1alpha1.PropagationBackground)}, a))
		settle()
		if r := reportOf(t, e, a.Key); r.Reason != v1alpha1.ReasonApplyRefused {
			t.Errorf("report %+v", r)
		}
		if gone := e.Gone(); len(gone) != 1 || gone[0].Key != b.Key {
			t.Errorf("gone %v: no object can be of a kind that is not served", gone)
		}
	})
}

func TestWhatExistsIsNotGoneWithAVersion(t *testing.T) {
	for name, spoil := range map[string]func(*v1alpha1.ShardObject){
		"the new version is not served": func(o *v1alpha1.ShardObject) {
			o.Manifest = []byte(strings.Replace(string(o.Manifest), `"v1"`, `"v2"`, 1))
		},
		"the new manifest cannot be read": func(o *v1alpha1.ShardObject) { o.Manifest = []byte("{") },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
				c.unserved["ConfigMap v2"], c.unserved[""] = true, true
				old, fresh := object("ConfigMap", "c", "1", "old"), object("ConfigMap", "c", "2", "new")
				spoil(&fresh)
				e.Take(shard(nil, old))
				settle()
				e.Take(shard([]v1alpha1.Tombstone{tombstone(old, v1alpha1.PropagationBackground)}, fresh))
				settle()
				if c.get(placeOf(old)) != nil || len(e.Gone()) != 1 {
					t.Errorf("live %v, gone %v: the tombstone is to be carried out", c.get(placeOf(old)), e.Gone())
				}
				if r := reportOf(t, e, fresh.Key); r.UID != fresh.UID || r.Reason != v1alpha1.ReasonApplyRefused {
					t.Errorf("report %+v", r)
				}
			})
		})
	}
}

func TestNothingIsWrittenWithoutTheSeat(t *testing.T) {
	var may atomic.Bool
	prepare := func(e *Engine) { e.MayWrite = may.Load }
	run(t, prepare, func(t *testing.T, c *fakeCluster, e *Engine) {
		cm := object("ConfigMap", "c", "1", "")
		e.Take(shard(nil, cm))
		settle()
		if calls := c.takeCalls(); len(calls) != 0 {
			t.Errorf("calls %v", calls)
		}
		may.Store(true)
		time.Sleep(2 * retryIdle)
		synctest.Wait()
		if c.get(placeOf(cm)) == nil {
			t.Error("not applied once it may")
		}
	})
}

func TestRestartKeepsWhatWasReported(t *testing.T) {
	cm := object("ConfigMap", "c", "1", "")
	last := v1alpha1.ObjectReport{Key: cm.Key, UID: cm.UID, Generation: 5, Health: v1alpha1.HealthCurrent, Counts: map[string]int64{"replicas": 3}}
	prepare := func(e *Engine) {
		e.MayWrite = func() bool { return false }
		e.Recall([]v1alpha1.ObjectReport{last})
	}
	run(t, prepare, func(t *testing.T, _ *fakeCluster, e *Engine) {
		other := object("ConfigMap", "other", "1", "")
		e.Take(shard(nil, cm, other))
		settle()
		if r := reportOf(t, e, cm.Key); r.Health != v1alpha1.HealthCurrent || r.Counts["replicas"] != 3 || r.Generation != 5 {
			t.Errorf("report %+v", r)
		}
		if r := reportOf(t, e, other.Key); r.Health != v1alpha1.HealthInProgress {
			t.Errorf("report %+v", r)
		}
		e.Take(shard(nil, object("ConfigMap", "c", "2", "")))
		settle()
		if r := reportOf(t, e, cm.Key); r.Health != v1alpha1.HealthInProgress || len(r.Counts) != 0 {
			t.Errorf("an earlier life speaks for the new one: %+v", r)
		}
	})
}

func TestOutageIsWaitedOut(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		var objects []v1alpha1.ShardObject
		for i := range 20 {
			o := object("ConfigMap", fmt.Sprintf("c%d", i), "1", "")
			objects = append(objects, o)
			c.refuse["look configmaps/"+o.Key.Name] = errors.New("connection refused")
		}
		e.Take(shard(nil, objects...))
		time.Sleep(5 * time.Minute)
		if r := reportOf(t, e, objects[0].Key); r.Reason != v1alpha1.ReasonAPIServerUnready || r.Health != v1alpha1.HealthInProgress {
			t.Errorf("report %+v", r)
		}
		c.mu.Lock()
		clear(c.refuse)
		c.mu.Unlock()
		e.Wake()
		settle()
		if s := e.Stats(); s.Conforming != 20 {
			t.Errorf("%+v", s)
		}
	})
}
