package lead

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// SpecAt has the newest version only.
func (b *bucket) SpecAt(ctx context.Context, k v1alpha1.Key, generation int64) (*v1alpha1.SpecRecord, error) {
	leave, err := b.enter(ctx, "SpecAt", k.String())
	if err != nil {
		return nil, err
	}
	defer leave()
	rec, ok := b.specs[k]
	if !ok || rec.Generation != generation {
		return nil, apierrors.NewNotFound(res, k.Name)
	}
	return &rec, nil
}

func TestBases(t *testing.T) {
	b := newBucket(t, "a")
	keys := []v1alpha1.Key{key("default/configmaps/a"), key("default/configmaps/b"), key("default/configmaps/c")}
	records := map[v1alpha1.Key]plan.Record{}
	for _, k := range keys {
		b.put(k.String(), "{}", silently)
		records[k] = plan.Record{Rollout: &v1alpha1.RolloutStatus{Base: b.specs[k].Generation, Phase: v1alpha1.RolloutProgressing}}
	}
	records[keys[2]].Rollout.Phase = v1alpha1.RolloutComplete
	decode := func(r v1alpha1.SpecRecord) (*unstructured.Unstructured, error) {
		return &unstructured.Unstructured{Object: map[string]any{"generation": r.Generation}}, nil
	}
	said := 0
	ctx := logr.NewContext(t.Context(), funcr.New(func(string, string) { said++ }, funcr.Options{}))
	bases := newBases(Config{Store: b, Decode: decode})
	fill := func() string {
		in := plan.Input{}
		for _, k := range keys {
			in.Specs = append(in.Specs, plan.Spec{Key: k, Generation: 99})
		}
		bases.fill(ctx, records, &in)
		text := ""
		for _, s := range in.Specs {
			if s.Base == nil {
				text += "- "
				continue
			}
			text += fmt.Sprint(s.Base.Object["generation"], " ")
		}
		return text
	}
	check := func(what, got string, want string, reads, logged int) {
		t.Helper()
		if got != want || b.calls["SpecAt"] != reads || said != logged {
			t.Errorf("%s: %q after %d reads, said %d times; want %q, %d, %d", what, got, b.calls["SpecAt"], said, want, reads, logged)
		}
	}
	away := func(_, about string) error {
		if about == keys[1].String() {
			return errAway
		}
		return nil
	}
	b.setFail(away)
	check("one cannot be read", fill(), "1 - - ", 2, 1)
	check("it is tried again, and said once", fill(), "1 - - ", 3, 1)
	b.setFail(func(string, string) error { return nil })
	check("it can be read", fill(), "1 2 - ", 4, 1)
	check("read once", fill(), "1 2 - ", 4, 1)

	records[keys[0]].Rollout.Base = 77
	check("a version that is gone", fill(), "- 2 - ", 5, 2)
	check("is not asked for again", fill(), "- 2 - ", 5, 2)
	records[keys[0]].Rollout.Base = 0
	check("none", fill(), "- 2 - ", 5, 2)
	records[keys[0]].Rollout.Base = 1
	bases.decode = func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error) { return nil, errors.New("unreadable") }
	check("one that cannot be decoded", fill(), "- 2 - ", 6, 3)
}
