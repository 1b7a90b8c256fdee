package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// seeing lets the engine see addresses in the status.
func seeing(e *Engine) {
	e.Judge = func(u *unstructured.Unstructured) v1alpha1.ObjectReport {
		return v1alpha1.ObjectReport{Health: v1alpha1.HealthCurrent, Addresses: shown(u)}
	}
}

// shown are the addresses in an object's status.
func shown(u *unstructured.Unstructured) (out []string) {
	points, _, _ := unstructured.NestedSlice(u.Object, "status", "loadBalancer", "ingress")
	for _, p := range points {
		for kind, address := range p.(map[string]any) {
			out = append(out, kind+"="+address.(string))
		}
	}
	for i := range out {
		_, out[i], _ = strings.Cut(out[i], "=")
	}
	return out
}

func addressed(s *v1alpha1.Shard, o v1alpha1.ShardObject, addresses ...string) *v1alpha1.Shard {
	s.Addresses = append(s.Addresses, v1alpha1.ObjectAddresses{Key: o.Key, Addresses: addresses})
	return s
}

func putStatus(c *fakeCluster, o v1alpha1.ShardObject, addresses ...string) {
	c.edit(placeOf(o), func(u *unstructured.Unstructured) {
		points := []any{}
		for _, a := range addresses {
			points = append(points, map[string]any{"ip": a})
		}
		u.Object["status"] = map[string]any{"loadBalancer": map[string]any{"ingress": points}}
	})
	settle()
}

func TestAddressesAreShown(t *testing.T) {
	run(t, seeing, func(t *testing.T, c *fakeCluster, e *Engine) {
		i, watched := object("Ingress", "i", "1", ""), object("Ingress", "watched", "1", "")
		e.Take(shard(nil, watched)) // so that the watch is there before
		settle()
		c.takeCalls()
		expect := func(step string, calls []string, addresses ...string) {
			t.Helper()
			settle()
			if got := c.takeCalls(); !slices.Equal(got, calls) {
				t.Errorf("%s: calls %v, want %v", step, got, calls)
			}
			if got := shown(c.get(placeOf(i))); !slices.Equal(got, addresses) {
				t.Errorf("%s: shown %v, want %v", step, got, addresses)
			}
		}
		show := []string{"show ingresses/i"}
		e.Take(addressed(shard(nil, i, watched), i, "edge.example", "2001:DB8::1", "192.0.2.1", "192.0.2.1"))
		expect("with the object", []string{"look ingresses/i", "apply ingresses/i", "show ingresses/i"}, "192.0.2.1", "2001:db8::1", "edge.example")
		if got := c.get(placeOf(i)).Object["status"].(map[string]any)["loadBalancer"]; fmt.Sprint(got) !=
			"map[ingress:[map[ip:192.0.2.1] map[ip:2001:db8::1] map[hostname:edge.example]]]" {
			t.Errorf("status %v", got)
		}
		e.Take(addressed(shard(nil, i, watched), i, "192.0.2.1", "2001:db8::1", "edge.example"))
		expect("the same", nil, "192.0.2.1", "2001:db8::1", "edge.example")
		e.Take(addressed(shard(nil, i, watched), i, "192.0.2.2"))
		expect("another", show, "192.0.2.2")
		e.Take(shard(nil, i, watched))
		expect("none named", nil, "192.0.2.2")
		e.Take(addressed(shard(nil, i, watched), i))
		expect("none among those named", nil, "192.0.2.2")
		e.Take(addressed(shard(nil, i, watched), i, "192.0.2.2"))
		expect("shown already", nil, "192.0.2.2")
		e.Take(addressed(shard([]v1alpha1.Tombstone{tombstone(i, v1alpha1.PropagationOrphan)}, watched), i, "192.0.2.3"))
		expect("to be orphaned", []string{"look ingresses/i", "unmark ingresses/i", "look ingresses/i"}, "192.0.2.2")
	})
}

func TestAddressesAreRepaired(t *testing.T) {
	run(t, seeing, func(t *testing.T, c *fakeCluster, e *Engine) {
		i := object("Ingress", "i", "1", "")
		e.Take(addressed(shard(nil, i), i, "192.0.2.1"))
		settle()
		putStatus(c, i)
		if got := shown(c.get(placeOf(i))); !slices.Equal(got, []string{"192.0.2.1"}) {
			t.Errorf("emptied: %v", got)
		}
		if r := reportOf(t, e, i.Key); !slices.Contains(eventReasons(r), v1alpha1.ReasonDriftRepaired) || r.Reason != "" {
			t.Errorf("report %+v", r)
		}
		c.destroy(placeOf(i))
		settle()
		if got := shown(c.get(placeOf(i))); !slices.Equal(got, []string{"192.0.2.1"}) {
			t.Errorf("deleted and put back: %v", got)
		}
	})
}

func TestContestedAddressesAreReported(t *testing.T) {
	run(t, seeing, func(t *testing.T, c *fakeCluster, e *Engine) {
		i := object("Ingress", "i", "1", "")
		e.Take(addressed(shard(nil, i), i, "192.0.2.1"))
		settle()
		c.takeCalls()
		for range 6 {
			putStatus(c, i, "198.51.100.1")
		}
		if n := counts(c.takeCalls())["show"]; n != contestLimit {
			t.Errorf("%d writes", n)
		}
		if r := reportOf(t, e, i.Key); r.Reason != v1alpha1.ReasonFieldConflict || r.Health != v1alpha1.HealthCurrent {
			t.Errorf("report %+v", r)
		}
		c.edit(placeOf(i), func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"k": "other"} })
		settle()
		if n := counts(c.takeCalls())["apply"]; n != 1 {
			t.Errorf("the spec was repaired %d times meanwhile", n)
		}
		time.Sleep(contestPause)
		settle()
		if r := reportOf(t, e, i.Key); r.Reason != "" || !slices.Equal(shown(c.get(placeOf(i))), []string{"192.0.2.1"}) {
			t.Errorf("after the pause: %+v", r)
		}
	})
}

func TestRefusedAddressesHoldUpNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		reason string
		most   int // writes in ten minutes
	}{
		"refused": {apierrors.NewForbidden(schema.GroupResource{Resource: "ingresses/status"}, "i", errors.New("may not")), v1alpha1.ReasonAddressRefused, 10},
		"away":    {errors.New("connection refused"), v1alpha1.ReasonAPIServerUnready, 30},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, seeing, func(t *testing.T, c *fakeCluster, e *Engine) {
				i, other := object("Ingress", "i", "1", ""), object("Ingress", "other", "1", "")
				c.refuse["show ingresses/i"] = tc.err
				e.Take(addressed(addressed(shard(nil, i, other), i, "192.0.2.1"), other, "192.0.2.1"))
				time.Sleep(10 * time.Minute)
				settle()
				if n := counts(c.takeCalls())["show"]; n < 3 || n > tc.most {
					t.Errorf("%d writes", n)
				}
				r := reportOf(t, e, i.Key)
				if r.Reason != tc.reason || !strings.Contains(r.Message, tc.err.Error()) || r.Health != v1alpha1.HealthCurrent || r.Generation != 7 {
					t.Errorf("report %+v", r)
				}
				if r := reportOf(t, e, other.Key); r.Reason != "" || !slices.Equal(shown(c.get(placeOf(other))), []string{"192.0.2.1"}) {
					t.Errorf("the neighbour: %+v", r)
				}
				c.edit(placeOf(i), func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"k": "other"} })
				settle()
				if n := counts(c.takeCalls())["apply"]; n != 1 {
					t.Errorf("the spec was repaired %d times meanwhile", n)
				}
				c.mu.Lock()
				clear(c.refuse)
				c.mu.Unlock()
				e.Wake()
				time.Sleep(5 * time.Minute)
				settle()
				if r := reportOf(t, e, i.Key); r.Reason != "" || !slices.Equal(r.Addresses, []string{"192.0.2.1"}) {
					t.Errorf("in the end: %+v", r)
				}
			})
		})
	}
}

func TestOnlyOurIngressesShowAddresses(t *testing.T) {
	run(t, seeing, func(t *testing.T, c *fakeCluster, e *Engine) {
		s, foreign := object("Service", "s", "1", ""), object("Ingress", "f", "1", "")
		c.create(placeOf(foreign), `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"f","namespace":"ns","labels":{"`+v1alpha1.LabelFederation+`":"fed-2"}}}`)
		e.Take(addressed(addressed(shard(nil, s, foreign), s, "192.0.2.1"), foreign, "192.0.2.1"))
		settle()
		if n := counts(c.takeCalls())["show"]; n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestAddressesWaitForTheSeat(t *testing.T) {
	var may atomic.Bool
	may.Store(true)
	prepare := func(e *Engine) {
		seeing(e)
		e.MayWrite = may.Load
	}
	run(t, prepare, func(t *testing.T, c *fakeCluster, e *Engine) {
		i := object("Ingress", "i", "1", "")
		e.Take(shard(nil, i))
		settle()
		may.Store(false)
		e.Take(addressed(shard(nil, i), i, "192.0.2.1"))
		settle()
		if n := counts(c.takeCalls())["show"]; n != 0 {
			t.Errorf("%d writes", n)
		}
		may.Store(true)
		time.Sleep(2 * retryIdle)
		settle()
		if got := shown(c.get(placeOf(i))); !slices.Equal(got, []string{"192.0.2.1"}) {
			t.Errorf("shown %v", got)
		}
	})
}
