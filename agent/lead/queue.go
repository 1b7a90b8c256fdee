package lead

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// statusEvery is how often one object's status is written at most: Google
	// Cloud Storage takes one write per second and name.
	statusEvery = time.Second
	// queueEvery is how often the queue looks for what is due.
	queueEvery = 100 * time.Millisecond
)

// statusQueue writes objects' statuses behind the aggregator's back, the
// newest of each, so that a thousand of them delay no verdict.
type statusQueue struct {
	*term
	mu      sync.Mutex
	pending map[v1alpha1.Key]*v1alpha1.ObjectStatus // nil removes
	last    map[v1alpha1.Key]time.Time
}

func newStatusQueue(t *term) *statusQueue {
	return &statusQueue{term: t, pending: map[v1alpha1.Key]*v1alpha1.ObjectStatus{}, last: map[v1alpha1.Key]time.Time{}}
}

func (q *statusQueue) put(st v1alpha1.ObjectStatus) { q.set(st.Key, &st) }

func (q *statusQueue) remove(k v1alpha1.Key) { q.set(k, nil) }

func (q *statusQueue) set(k v1alpha1.Key, st *v1alpha1.ObjectStatus) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending[k] = st
}

// run writes what is due until the context ends.
func (q *statusQueue) run(ctx context.Context) error {
	for sleep(ctx, queueEvery) {
		keys, statuses := q.due(time.Now())
		if len(keys) == 0 {
			continue
		}
		errs := make([]error, len(keys))
		parallel(len(keys), func(i int) { errs[i] = q.write(ctx, keys[i], statuses[i]) })
		q.requeue(ctx, keys, statuses, errs)
	}
	return nil
}

// due takes out what may be written now, in key order.
func (q *statusQueue) due(now time.Time) ([]v1alpha1.Key, []*v1alpha1.ObjectStatus) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var keys []v1alpha1.Key
	for k, at := range q.last {
		if now.Sub(at) >= statusEvery {
			delete(q.last, k)
		}
	}
	for k := range q.pending {
		if _, recent := q.last[k]; !recent {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, v1alpha1.Key.Compare)
	statuses := make([]*v1alpha1.ObjectStatus, len(keys))
	for i, k := range keys {
		statuses[i], q.last[k] = q.pending[k], now
		delete(q.pending, k)
	}
	return keys, statuses
}

func (q *statusQueue) write(ctx context.Context, k v1alpha1.Key, st *v1alpha1.ObjectStatus) error {
	return q.fence.write(ctx, func(ctx context.Context) error {
		if st != nil {
			return q.cfg.Store.PutObjectStatus(ctx, st)
		}
		err := q.cfg.Store.DeleteObjectStatus(ctx, k)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// requeue puts back what failed, unless there is something newer.
func (q *statusQueue) requeue(ctx context.Context, keys []v1alpha1.Key, statuses []*v1alpha1.ObjectStatus, errs []error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	failed := 0
	var last error
	for i, k := range keys {
		if errs[i] == nil {
			continue
		}
		failed, last = failed+1, errs[i]
		if _, newer := q.pending[k]; !newer {
			q.pending[k] = statuses[i]
		}
	}
	if failed > 0 && ctx.Err() == nil {
		logr.FromContextOrDiscard(ctx).Info("object statuses not written", "count", failed, "err", last.Error())
	}
}
