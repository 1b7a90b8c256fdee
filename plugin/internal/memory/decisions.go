package memory

import (
	"context"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Decided is what the leader decides from and has decided.
type Decided struct {
	Judged v1alpha1.Verdicts
	// Chains are the revisions of every cluster, the first at index 0.
	Chains map[string][]*v1alpha1.Shard
	Told   map[string]*v1alpha1.Report
}

// Snapshot reads the users' side.
func (f *Hub) Snapshot(ctx context.Context) (*v1alpha1.Snapshot, error) {
	fed, err := f.Federation(ctx)
	if err != nil {
		return nil, err
	}
	clusters, err := f.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	snap := &v1alpha1.Snapshot{Federation: fed, Clusters: clusters, Requests: slices.Clone(f.Said)}
	for _, k := range slices.SortedFunc(maps.Keys(f.Specs), v1alpha1.Key.Compare) {
		snap.Specs = append(snap.Specs, f.Specs[k])
	}
	return snap, nil
}

// Verdicts are those that a new leader would start from.
func (f *Hub) Verdicts(context.Context) (*v1alpha1.Verdicts, error) {
	v := f.Decided.Judged
	return &v, nil
}

// HeadRevision is 0 before the first.
func (f *Hub) HeadRevision(_ context.Context, cluster string) (int64, error) {
	return int64(len(f.Decided.Chains[cluster])), nil
}

// Revision reads one.
func (f *Hub) Revision(_ context.Context, cluster string, n int64) (*v1alpha1.Shard, string, error) {
	chain := f.Decided.Chains[cluster]
	if n < 1 || n > int64(len(chain)) || chain[n-1] == nil {
		return nil, "", apierrors.NewNotFound(schema.GroupResource{Resource: "shards"}, cluster)
	}
	return chain[n-1], "", nil
}

// Report is a member's last word.
func (f *Hub) Report(_ context.Context, cluster string) (*v1alpha1.Report, string, error) {
	if r := f.Decided.Told[cluster]; r != nil {
		return r, "", nil
	}
	return nil, "", apierrors.NewNotFound(schema.GroupResource{Resource: "reports"}, cluster)
}
