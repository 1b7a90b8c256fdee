package lead

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// A custom resource may be read before its definition: it must not stay broken
// when the definition comes.
func TestIntakeTriesWhatItCouldNotDecodeAgain(t *testing.T) {
	key := v1alpha1.Key{Group: "acme.example", Resource: "widgets", Name: "a"}
	fails, calls := true, 0
	in := newIntake(func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error) {
		calls++
		if fails {
			return nil, errors.New("no matches for kind")
		}
		return &unstructured.Unstructured{Object: map[string]any{}}, nil
	})
	snap := &v1alpha1.Snapshot{Specs: []v1alpha1.SpecRecord{{Key: key, Generation: 7}}}
	seen := map[v1alpha1.Key]plan.Record{key: {SpecGeneration: 7}} // not young
	var first, second, third plan.Input
	in.take(snap, seen, &first)
	fails = false
	in.take(snap, seen, &second)
	in.take(snap, seen, &third)
	if len(first.Broken) != 1 || len(second.Specs) != 1 || len(second.Broken) != 0 || len(third.Specs) != 1 {
		t.Errorf("broken %d, then specs %d and broken %d, then specs %d", len(first.Broken), len(second.Specs), len(second.Broken), len(third.Specs))
	}
	if calls != 2 {
		t.Errorf("decoded %d times, want 2: what is decoded stays so", calls)
	}
}
