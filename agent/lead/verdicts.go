package lead

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// verdicts are what the next leader starts from, as they are in the bucket.
// Both loops write them, one after the other and never over the other's word.
type verdicts struct {
	mu     sync.Mutex
	fence  fence
	store  Conclusions
	stored v1alpha1.Verdicts
}

// load takes over what the last leader stored.
func (s *verdicts) load(v v1alpha1.Verdicts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = v
}

// update stores what change makes of the verdicts. Heartbeat times alone are
// not worth a write: the next leader judges by what it sees itself.
func (s *verdicts) update(ctx context.Context, change func(*v1alpha1.Verdicts)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.stored
	change(&v)
	if sameVerdicts(s.stored, v) {
		return nil
	}
	if err := s.fence.write(ctx, func(ctx context.Context) error { return s.store.PutVerdicts(ctx, &v) }); err != nil {
		return err
	}
	s.stored = v
	return nil
}

// sameVerdicts compares as they would be stored.
func sameVerdicts(a, b v1alpha1.Verdicts) bool {
	x, errX := json.Marshal(timeless(a))
	y, errY := json.Marshal(timeless(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// timeless copies verdicts without the times of heartbeats.
func timeless(v v1alpha1.Verdicts) v1alpha1.Verdicts {
	clusters := make(map[string]v1alpha1.ClusterVerdict, len(v.Clusters))
	for name, c := range v.Clusters {
		c.LastHeartbeat, c.Since = time.Time{}, metav1.NewTime(c.Since).UTC().Truncate(time.Second)
		clusters[name] = c
	}
	v.Clusters = clusters
	return v
}
