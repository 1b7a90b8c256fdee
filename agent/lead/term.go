package lead

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
)

// term is the time from winning the lease to losing it. Nothing but the
// bucket carries over from one to the next.
type term struct {
	cfg   Config
	epoch int64
	board *board
	fence fence
	kept  *verdicts
	last  *last
	// carried is between the traffic loop and the others.
	carried *carried
}

func newTerm(cfg Config, epoch int64) *term {
	f := fence{cfg.Lock}
	return &term{cfg: cfg, epoch: epoch, board: newBoard(), fence: f, kept: &verdicts{fence: f, store: cfg.Store}, last: &last{},
		carried: newCarried()}
}

// run leads until the context ends or a loop finds the term to be over.
func (t *term) run(ctx context.Context) error {
	plans, statuses := newPlanner(t), newAggregator(t)
	if err := t.retry(ctx, "load", func(ctx context.Context) error { return t.begin(ctx, plans, statuses) }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context) error{plans.run, statuses.run, statuses.queue.run, newDispatcher(t).run} {
		loops.Go(func() {
			if err := loop(ctx); err != nil {
				cancel(err)
			}
		})
	}
	loops.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// begin loads, and tells people when that fails.
func (t *term) begin(ctx context.Context, p *planner, a *aggregator) error {
	err := t.load(ctx, p, a)
	if err == nil {
		t.board.setPlan(func(pl *planned) { pl.failing = "" })
	} else if !errors.Is(err, errGone) && ctx.Err() == nil {
		a.complain(ctx, err)
	}
	return err
}

// load reads what the last leader left, and looks at the members once: before
// anything is planned, it must be known whether they have seen more than the
// bucket holds.
func (t *term) load(ctx context.Context, p *planner, a *aggregator) error {
	snap, err := t.cfg.Snapshots.Snapshot(ctx)
	if apierrors.IsNotFound(err) {
		return errGone
	}
	if err != nil {
		return fmt.Errorf("read the users' side: %w", err)
	}
	t.board.setPlan(func(pl *planned) {
		pl.federation, pl.failover, pl.clusters = snap.Federation.UID, snap.Federation.Spec.Failover, snap.Clusters
	})
	clusters, err := t.cfg.Store.ClusterStatuses(ctx)
	if err != nil {
		return fmt.Errorf("read cluster statuses: %w", err)
	}
	left, err := t.cfg.Store.Verdicts(ctx)
	if v1alpha1.Unusable(err) {
		logr.FromContextOrDiscard(ctx).Info("verdicts cannot be used, those of the clusters' status take their place", "err", err.Error())
		left, err = &v1alpha1.Verdicts{Clusters: status.Recall(clusters)}, nil
	}
	if err != nil {
		return fmt.Errorf("read verdicts: %w", err)
	}
	objects, err := t.cfg.Store.ObjectStatuses(ctx, "")
	if err != nil {
		return fmt.Errorf("read object statuses: %w", err)
	}
	t.kept.load(*left)
	p.load(left, objects)
	a.load(ctx, left, clusters, objects)
	return a.look(ctx)
}

// retry repeats a step until it succeeds or the context ends.
func (t *term) retry(ctx context.Context, step string, do func(context.Context) error) error {
	var pause backoff
	for {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errGone) {
			return err
		}
		wait := pause.fail()
		logr.FromContextOrDiscard(ctx).Info("will retry", "step", step, "after", wait, "err", err.Error())
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
	}
}
