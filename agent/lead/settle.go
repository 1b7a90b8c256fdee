package lead

import (
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
)

const (
	// lively is an interval of heartbeats that is looked at every second.
	lively = 3 * time.Second
	// busyFor is how long one looks more often after something has changed.
	busyFor = 30 * time.Second
	// soonest is the shortest pause between two looks.
	soonest = 50 * time.Millisecond
)

// concluded is what was found out of the members and is kept in the bucket.
type concluded struct {
	verdicts map[string]v1alpha1.ClusterVerdict
	frozen   bool
	limits   map[string]map[v1alpha1.Key]int64
}

// settle keeps what was concluded, for the next leader, before anything is
// planned by it: a crash in between must not lose how often a cluster fell
// silent. What cannot be kept has no effect yet. It says whether the planner is
// to be told.
func (a *aggregator) settle(ctx context.Context, pl planned, changed bool) bool {
	now := time.Now()
	err := a.kept.update(ctx, func(v *v1alpha1.Verdicts) {
		v.Epoch, v.Clusters, v.Frozen, v.Capacities = a.epoch, a.verdicts, a.frozen, a.capacities
		if pl.complete {
			v.Answered = pl.answered
		}
	})
	changed = changed || a.unrung
	if a.unrung = err != nil && changed; err != nil {
		if ctx.Err() == nil {
			logr.FromContextOrDiscard(ctx).Info("verdicts not written", "err", err.Error())
		}
		return false
	}
	limits := status.Limits(a.capacities, now)
	changed = changed || !sameLimits(limits, a.settled.limits)
	a.tell(ctx)
	a.settled = concluded{verdicts: a.verdicts, frozen: a.frozen, limits: limits}
	return changed
}

// tell logs what has changed since it was last settled.
func (a *aggregator) tell(ctx context.Context) {
	log := logr.FromContextOrDiscard(ctx)
	for name, v := range a.verdicts {
		if old := a.settled.verdicts[name]; v.Failed != old.Failed || v.Holding != old.Holding || v.Stale != old.Stale {
			log.Info("verdict", "cluster", name, "stale", v.Stale, "failed", v.Failed, "holding", v.Holding, "probed", v.Probed, "reason", v.Reason)
		}
	}
	if a.frozen != a.settled.frozen {
		log.Info("freeze begins or ends", "frozen", a.frozen)
	}
}

func sameLimits(a, b map[string]map[v1alpha1.Key]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for cluster, limits := range a {
		if len(limits) != len(b[cluster]) {
			return false
		}
		for k, n := range limits {
			if old, ok := b[cluster][k]; !ok || old != n {
				return false
			}
		}
	}
	return true
}

// measure finds what members can run at most and where they can be probed. It
// says whether the latter changed.
func (a *aggregator) measure(pl planned) (changed bool) {
	now := time.Now()
	var loads []status.Load
	for name, m := range a.members {
		h, ok := pl.heads[name]
		if !ok || m.report == nil {
			continue
		}
		for _, k := range m.crowded {
			if l, ok := m.load(name, k, h); ok {
				loads = append(loads, l)
			}
		}
		if p := published(h, m.rows, m.services, m.ranges); !slices.Equal(p, m.published) {
			m.published, changed = p, true
		}
	}
	estimates, again := status.Capacities(a.capacities, loads, func(cluster string, k v1alpha1.Key) bool {
		return a.members[cluster] != nil && (!pl.complete || pl.has(k))
	}, now)
	a.capacities = estimates
	if !again.IsZero() && (a.again.IsZero() || again.Before(a.again)) {
		a.again = again
	}
	return changed
}

// load is a row whose pods found no node, as far as its word is about the
// newest revision.
func (m *memberView) load(cluster string, k v1alpha1.Key, h head) (status.Load, bool) {
	placed, ok := h.shard.Object(k)
	if !ok || placed.Replicas == plan.NoReplicas {
		return status.Load{}, false
	}
	l := status.Load{Cluster: cluster, Key: k, Given: placed.Replicas}
	row := m.rows[k]
	if m.seen.Fresh() && m.report.Revision == h.revision && row.UID == placed.UID && row.Generation == placed.Generation {
		l.Report = row
	}
	return l, true
}

// published are the addresses at which the others may probe a member.
func published(h head, rows map[v1alpha1.Key]*v1alpha1.ObjectReport, services []v1alpha1.Key, ranges []string) []string {
	var found []status.PublishedService
	for _, k := range services {
		if placed, ok := h.shard.Object(k); ok && rows[k].UID == placed.UID {
			found = append(found, status.PublishedService{Manifest: placed.Manifest, Addresses: rows[k].Addresses})
		}
	}
	return status.Published(found, ranges)
}

// asked are the clusters that a member is to probe.
func asked(h head) (targets []string) {
	for _, t := range h.shard.Probes {
		targets = append(targets, t.Cluster)
	}
	return targets
}

func isService(k v1alpha1.Key) bool { return k.Group == "" && k.Resource == "services" }

// has says whether the plan knows the object and means to keep it.
func (pl planned) has(k v1alpha1.Key) bool {
	i, ok := slices.BinarySearchFunc(pl.objects, k, func(o plan.Object, k v1alpha1.Key) int { return o.Key.Compare(k) })
	return ok && !pl.objects[i].Deleting
}

// awaited says whether a report changed what the plan waits for.
func awaited(pl planned, keys map[v1alpha1.Key]bool) bool {
	for k := range keys {
		if pl.waiting[k] {
			return true
		}
	}
	return false
}

// waiting lists the objects that a change of what members report may bring
// on: a move waits for its replacement, a rollout for a wave, replicas for room.
func waiting(objects []plan.Object) map[v1alpha1.Key]bool {
	keys := map[v1alpha1.Key]bool{}
	for _, o := range objects {
		if o.Waits || o.Unplaced > 0 {
			keys[o.Key] = true
		}
	}
	return keys
}

// wait sleeps until the next look; false means that the context ended.
func (a *aggregator) wait(ctx context.Context) bool {
	timer := time.NewTimer(a.pause(time.Now()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-a.board.stirred:
			now := time.Now()
			idle := !a.busy(now)
			a.busyUntil = now.Add(busyFor)
			if idle {
				timer.Reset(a.pause(now))
			}
		}
	}
}

// pause is how long the next look can wait: listing heartbeats costs.
func (a *aggregator) pause(now time.Time) time.Duration {
	pause := idleEvery
	if a.busy(now) {
		pause = aggregateEvery
	}
	if !a.again.IsZero() {
		pause = min(pause, max(a.again.Sub(now), soonest))
	}
	return pause
}

// busy: somebody is about to be taken for dead or to be trusted again, beats
// fast, or something has changed lately.
func (a *aggregator) busy(now time.Time) bool {
	if a.blind || a.unrung || now.Before(a.busyUntil) {
		return true
	}
	for name, v := range a.verdicts {
		if v.Holding || v.Stale && !v.Failed {
			return true
		}
		if m := a.members[name]; m != nil && m.seen.Fresh() {
			if beat, _ := m.seen.Beat(); beat.Interval.Duration > 0 && beat.Interval.Duration < lively {
				return true
			}
		}
	}
	return false
}

// happened are the removals that count against the budget: not those that
// were recorded and then could not be written, which would count twice.
func (p *planner) happened() []v1alpha1.Removal {
	return slices.DeleteFunc(slices.Clone(p.removals), p.pending)
}

// pending says whether what was to be removed runs there still.
func (p *planner) pending(r v1alpha1.Removal) bool {
	h, known := p.heads[r.Cluster]
	placed, there := h.shard.Object(r.Key)
	return known && there && placed.Replicas != 0
}

// dated gives removals that are planned again the time of the first plan, so
// that nothing new is recorded of them.
func (p *planner) dated(removals []v1alpha1.Removal) []v1alpha1.Removal {
	for i, r := range removals {
		same := func(o v1alpha1.Removal) bool { return o.Cluster == r.Cluster && o.Key == r.Key && p.pending(o) }
		if at := slices.IndexFunc(p.removals, same); at >= 0 {
			removals[i].Time = p.removals[at].Time
		}
	}
	return removals
}
