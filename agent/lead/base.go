package lead

import (
	"context"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// bases keeps what rollouts that are under way would go back to: one past
// version of a spec for each.
type bases struct {
	store  Versions
	decode func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error)
	known  map[v1alpha1.Key]base
}

// base is one version. object is nil where it could not be had.
type base struct {
	generation int64
	object     *unstructured.Unstructured
	// settled: asking again would not help, or is not needed.
	settled bool
	err     error
}

func newBases(cfg Config) *bases {
	return &bases{store: cfg.Store, decode: cfg.Decode, known: map[v1alpha1.Key]base{}}
}

// fill gives the planner the content that each rollout under way began with.
// What cannot be read is left out: that rollout cannot be undone now.
func (b *bases) fill(ctx context.Context, records map[v1alpha1.Key]plan.Record, in *plan.Input) {
	next := map[v1alpha1.Key]base{}
	var missing []int
	for i := range in.Specs {
		k := in.Specs[i].Key
		generation := wantedBase(records[k].Rollout)
		if generation == 0 {
			continue
		}
		if known := b.known[k]; known.generation == generation {
			next[k] = known
		}
		if !next[k].settled {
			missing = append(missing, i)
		}
	}
	for j, found := range b.readAll(ctx, records, in.Specs, missing) {
		k := in.Specs[missing[j]].Key
		if before := next[k]; found.err != nil && before.err == nil {
			logr.FromContextOrDiscard(ctx).Info("the version that a rollout would go back to cannot be read", "key", k.String(),
				"generation", found.generation, "err", found.err.Error())
		}
		next[k] = found
	}
	for i := range in.Specs {
		in.Specs[i].Base = next[in.Specs[i].Key].object
	}
	b.known = next
}

// wantedBase is the generation that an undo would need; 0 for none.
func wantedBase(r *v1alpha1.RolloutStatus) int64 {
	if r == nil || r.Phase == v1alpha1.RolloutComplete {
		return 0
	}
	return r.Base
}

func (b *bases) readAll(ctx context.Context, records map[v1alpha1.Key]plan.Record, specs []plan.Spec, missing []int) []base {
	ctx, cancel := context.WithTimeout(ctx, snapshotLimit)
	defer cancel()
	found := make([]base, len(missing))
	parallel(len(missing), func(j int) {
		k := specs[missing[j]].Key
		found[j] = b.read(ctx, k, wantedBase(records[k].Rollout))
	})
	return found
}

func (b *bases) read(ctx context.Context, k v1alpha1.Key, generation int64) base {
	rec, err := b.store.SpecAt(ctx, k, generation)
	if err != nil {
		gone := apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || v1alpha1.Unusable(err)
		return base{generation: generation, settled: gone, err: err}
	}
	o, err := b.decode(*rec)
	return base{generation: generation, object: o, settled: err == nil, err: err}
}
