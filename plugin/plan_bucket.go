package plugin

import (
	"context"
	"fmt"
	"sync"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
)

// Decisions is what the leader decides from and has decided.
type Decisions interface {
	Snapshot(ctx context.Context) (*v1alpha1.Snapshot, error)
	Verdicts(ctx context.Context) (*v1alpha1.Verdicts, error)
	HeadRevision(ctx context.Context, cluster string) (int64, error)
	Revision(ctx context.Context, cluster string, n int64) (*v1alpha1.Shard, string, error)
	Report(ctx context.Context, cluster string) (*v1alpha1.Report, string, error)
}

// asideReads is how many members are read side by side.
const asideReads = 16

// readBucket reads all that a plan is made from.
func (s *session) readBucket(ctx context.Context, hub Hub) (forecast.Bucket, error) {
	b := forecast.Bucket{Heads: map[string]*v1alpha1.Shard{}, Unknown: map[string]bool{}, Reports: map[string]*v1alpha1.Report{}}
	var err error
	if b.Snapshot, err = hub.Snapshot(ctx); err != nil {
		return b, fmt.Errorf("read what is wanted: %w", err)
	}
	if b.Verdicts, err = hub.Verdicts(ctx); err != nil {
		return b, fmt.Errorf("read the verdicts: %w", err)
	}
	if b.Statuses, err = hub.ObjectStatuses(ctx, ""); err != nil {
		return b, fmt.Errorf("read the statuses: %w", err)
	}
	if b.Told, err = hub.ClusterStatuses(ctx); err != nil {
		return b, fmt.Errorf("read the clusters' statuses: %w", err)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, asideReads)
	for _, c := range b.Snapshot.Clusters {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			head, headErr := newestShard(ctx, hub, c.Name)
			report, _, reportErr := hub.Report(ctx, c.Name)
			mu.Lock()
			defer mu.Unlock()
			if headErr != nil {
				s.warn("the shard of %s cannot be read, its share is unknown: %v", c.Name, headErr)
				b.Unknown[c.Name] = true
			}
			if ignoreNotFound(reportErr) != nil {
				s.warn("the report of %s cannot be read: %v", c.Name, reportErr)
			}
			b.Heads[c.Name] = head
			if reportErr == nil {
				b.Reports[c.Name] = report
			}
		})
	}
	group.Wait()
	return b, ctx.Err()
}

// newestShard is the newest revision; nil where there is none.
func newestShard(ctx context.Context, hub Hub, cluster string) (*v1alpha1.Shard, error) {
	n, err := hub.HeadRevision(ctx, cluster)
	if err != nil || n == 0 {
		return nil, err
	}
	shard, _, err := hub.Revision(ctx, cluster, n)
	if err != nil { // pruned meanwhile, or corrupt: the leader looks further back
		return nil, fmt.Errorf("revision %d: %w", n, err)
	}
	return shard, nil
}
