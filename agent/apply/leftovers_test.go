package apply

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func leftover(e *Engine) (names []string) {
	for _, k := range e.Leftovers() {
		names = append(names, k.String())
	}
	return names
}

func TestLeftoversAreToldOfAndLeftAlone(t *testing.T) {
	run(t, nil, func(t *testing.T, c *fakeCluster, e *Engine) {
		a, b, s := object("ConfigMap", "a", "1", "x"), object("ConfigMap", "b", "1", "x"), object("Service", "s", "1", "")
		if got := leftover(e); got != nil {
			t.Errorf("before the first shard: %v", got)
		}
		e.Take(shard(nil, a, b, s))
		settle()
		if got := leftover(e); got != nil {
			t.Errorf("all is wanted: %v", got)
		}
		// A shard that forgot two, one of them the last of its kind.
		c.takeCalls()
		e.Take(shard(nil, a))
		settle()
		if got := leftover(e); !slices.Equal(got, []string{b.Key.String(), s.Key.String()}) {
			t.Errorf("left over: %v", got)
		}
		if calls := c.takeCalls(); len(calls) > 0 {
			t.Errorf("they were touched: %v", calls)
		}
		// What merely inherited the label is none.
		c.edit(placeOf(b), func(u *unstructured.Unstructured) {
			annotations := u.GetAnnotations()
			delete(annotations, v1alpha1.AnnotationSpecUID)
			u.SetAnnotations(annotations)
		})
		c.destroy(placeOf(s))
		settle()
		if got := leftover(e); got != nil {
			t.Errorf("left over: %v", got)
		}
	})
}

func TestWhatIsOnItsWayOutIsNoLeftover(t *testing.T) {
	run(t, nil, func(t *testing.T, _ *fakeCluster, e *Engine) {
		a, b := object("ConfigMap", "a", "1", "x"), object("ConfigMap", "b", "1", "x")
		e.Take(shard(nil, a, b))
		settle()
		e.Take(shard([]v1alpha1.Tombstone{tombstone(b, v1alpha1.PropagationOrphan)}, a))
		settle()
		e.Take(shard(nil, a))
		settle()
		if got := leftover(e); got != nil {
			t.Errorf("left over: %v", got)
		}
	})
}
