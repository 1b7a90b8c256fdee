package lead

import (
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

const (
	// keptAnswers is how many answered requests are remembered, for those
	// whose removal from the bucket failed.
	keptAnswers = 64
	// departedAfter is how long a cluster must be missing from the roster,
	// without having been unjoined, until what it left is removed.
	departedAfter = 10 * time.Minute
	// departedEvery is how often leftovers are looked for.
	departedEvery = 10 * time.Minute
)

func (p *planner) isAnswered(id string) bool { return slices.Contains(p.answered, id) }

// conclude strikes off what the plan, now written, has done.
func (p *planner) conclude(ctx context.Context, snap *v1alpha1.Snapshot, out plan.Output) {
	done := p.finish(ctx, out.Finished)
	done += len(out.Answered)
	p.answered = append(p.answered, out.Answered...)
	p.answered = slices.Clone(p.answered[max(0, len(p.answered)-keptAnswers):])
	for _, r := range snap.Requests {
		if !p.isAnswered(r.ID) {
			continue
		}
		err := p.fence.write(ctx, func(ctx context.Context) error { return p.cfg.Store.DeleteRequest(ctx, r.ID) })
		if err != nil && !apierrors.IsNotFound(err) {
			logr.FromContextOrDiscard(ctx).Info("answered request not removed", "request", r.ID, "err", err.Error())
		}
	}
	if done == 0 {
		return
	}
	p.board.setPlan(func(pl *planned) {
		pl.answered = p.answered
		pl.objects = slices.DeleteFunc(slices.Clone(pl.objects), func(o plan.Object) bool {
			_, known := p.records[o.Key]
			return !known
		})
	})
	p.board.ring() // what waited for a finished delete may go on
}

// finish removes specs whose delete is done and returns how many went. A spec
// that was written since stays.
func (p *planner) finish(ctx context.Context, finished []plan.Finished) int {
	log, done := logr.FromContextOrDiscard(ctx), 0
	for _, f := range finished {
		err := p.fence.write(ctx, func(ctx context.Context) error { return p.cfg.Store.DeleteSpec(ctx, f.Key, f.Generation) })
		if err != nil && !apierrors.IsNotFound(err) {
			log.Info("deleted spec not removed", "key", f.Key.String(), "err", err.Error())
			continue
		}
		// Who creates the key again gets another uid.
		delete(p.records, f.Key)
		done++
		log.Info("delete finished", "key", f.Key.String())
	}
	return done
}

// absentees are clusters that have a shard and no entry in the roster.
type absentees struct {
	since map[string]time.Time
	next  time.Time
}

func newAbsentees() *absentees { return &absentees{since: map[string]time.Time{}} }

// forgetDeparted removes what departed clusters left. One that was unjoined
// goes at once. One whose entry is merely missing may be a mistake: its shard
// stays a while, and as long as the whole roster is empty.
func (p *planner) forgetDeparted(ctx context.Context, snap *v1alpha1.Snapshot) {
	for _, name := range p.leftovers(ctx, snap) {
		first, seen := p.absent.since[name]
		if !seen {
			first = time.Now()
			p.absent.since[name] = first
		}
		overdue := time.Since(first) >= departedAfter && len(snap.Clusters) > 0
		if !overdue && !p.unjoined(ctx, name) {
			continue
		}
		log := logr.FromContextOrDiscard(ctx)
		err := p.fence.write(ctx, func(ctx context.Context) error { return p.cfg.Store.ForgetCluster(ctx, name) })
		if err != nil {
			log.Info("departed cluster not forgotten", "cluster", name, "err", err.Error())
			continue
		}
		delete(p.heads, name)
		p.last.forget(name)
		delete(p.absent.since, name)
		log.Info("departed cluster forgotten", "cluster", name)
	}
}

// leftovers lists clusters that are not in the roster: those this leader
// knew, and now and then those that the bucket has.
func (p *planner) leftovers(ctx context.Context, snap *v1alpha1.Snapshot) []string {
	names := map[string]bool{}
	for name := range p.heads {
		names[name] = true
	}
	for name := range p.absent.since {
		names[name] = true
	}
	if now := time.Now(); !now.Before(p.absent.next) {
		stored, err := p.cfg.Store.ShardClusters(ctx)
		if err != nil {
			logr.FromContextOrDiscard(ctx).Info("cannot look for departed clusters", "err", err.Error())
		} else {
			p.absent.next = now.Add(departedEvery)
		}
		for _, name := range stored {
			names[name] = true
		}
	}
	var left []string
	for name := range names {
		if slices.ContainsFunc(snap.Clusters, func(c v1alpha1.Cluster) bool { return c.Name == name }) {
			delete(p.absent.since, name)
		} else {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

// unjoined says whether the cluster was on its way out when it was last given
// anything.
func (p *planner) unjoined(ctx context.Context, name string) bool {
	if h, ok := p.heads[name]; ok {
		return h.shard.Leaving != ""
	}
	n, err := p.cfg.Store.HeadRevision(ctx, name)
	if err != nil || n == 0 {
		return false
	}
	r, _, err := p.cfg.Store.Revision(ctx, name, n)
	return err == nil && r.Leaving != ""
}
