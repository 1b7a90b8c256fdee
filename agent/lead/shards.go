package lead

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

const (
	// forceEvery is how often one cluster's corrupt revision is superseded.
	forceEvery = time.Minute
	// lookBack is how many unreadable revisions are passed over in search of
	// the last good one.
	lookBack = 8
)

// forced is a corrupt revision that was superseded.
type forced struct {
	revision int64
	at       time.Time
}

// takeOver makes the chain of every cluster that is new in this term its own.
// A cluster whose shard cannot be read, or may have been put back to an
// earlier state, stays unknown and keeps nobody waiting; unread tells that
// there is one. Superseded ends the term.
func (p *planner) takeOver(ctx context.Context, clusters []v1alpha1.Cluster, unchecked map[string]bool) (unread bool, superseded error) {
	var missing []v1alpha1.Cluster
	for _, c := range clusters {
		_, known := p.heads[c.Name]
		switch {
		case !known && unchecked[c.Name]:
			unread = true
		case !known:
			missing = append(missing, c)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotLimit)
	defer cancel()
	heads, errs := make([]head, len(missing)), make([]error, len(missing))
	parallel(len(missing), func(i int) { heads[i], errs[i] = p.supersede(ctx, missing[i]) })
	for i, c := range missing {
		switch {
		case errors.Is(errs[i], errSuperseded):
			return false, errs[i]
		case errs[i] == nil:
			p.heads[c.Name] = heads[i]
			p.leapt(c.Name, heads[i])
		default:
			logr.FromContextOrDiscard(ctx).Info("shard is unknown", "cluster", c.Name, "err", errs[i].Error())
			unread = true
		}
	}
	return unread, nil
}

// supersede appends the newest readable revision again, under this term's
// epoch: what an older leader still tries to append will then fail.
func (p *planner) supersede(ctx context.Context, c v1alpha1.Cluster) (head, error) {
	cluster, floor := c.Name, p.floors[c.Name]
	newest, err := p.cfg.Store.HeadRevision(ctx, cluster)
	if err != nil || newest == 0 {
		return head{revision: floor}, err
	}
	good, digest, err := p.lastGood(ctx, c, newest)
	if err != nil {
		return head{}, err
	}
	h := head{revision: newest, digest: digest, buried: newest}
	if floor > newest { // the next follows none of those that are there
		h.revision, h.digest, h.buried = floor, "", floor
	}
	if good == nil {
		return h, nil
	}
	h.shard = plan.FromRevision(good)
	switch {
	case good.Epoch > p.epoch:
		return head{}, errSuperseded
	case good.Epoch == p.epoch && good.Revision == h.revision && good.Decision.Leader == p.cfg.Lock.Identity():
		return h, nil // its own: the answer to the append was lost
	}
	next, err := p.append(ctx, cluster, h, plan.ClusterPlan{Shard: h.shard, Reason: p.why(newest, floor, good)})
	next.buried = next.revision
	return next, err
}

// lastGood reads back to the newest revision that can be read and is the
// cluster's; nil for none. The digest is that of the newest, empty when it is
// another one.
func (p *planner) lastGood(ctx context.Context, c v1alpha1.Cluster, newest int64) (*v1alpha1.Shard, string, error) {
	cluster := c.Name
	for n := newest; n > max(0, newest-lookBack); n-- {
		r, digest, err := p.cfg.Store.Revision(ctx, cluster, n)
		if apierrors.IsInvalid(err) || apierrors.IsNotFound(err) && n < newest {
			logr.FromContextOrDiscard(ctx).Info("revision cannot be used", "cluster", cluster, "revision", n, "err", err.Error())
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if !p.own(r, c) {
			logr.FromContextOrDiscard(ctx).Info("revision cannot be used", "cluster", cluster, "revision", n, "err", "it is another's")
			continue
		}
		if n < newest {
			digest = ""
		}
		return r, digest, nil
	}
	return nil, "", nil
}

// append writes the next revision.
func (p *planner) append(ctx context.Context, cluster string, h head, wanted plan.ClusterPlan) (head, error) {
	r := wanted.Shard.Revision()
	r.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Shard"}
	r.Revision, r.Epoch, r.Previous = h.revision+1, p.epoch, h.digest
	r.Cluster, r.FederationUID, r.Accept = cluster, p.board.plan().federation, p.accepting[cluster]
	r.Decision = v1alpha1.Decision{Time: metav1.NewTime(time.Now().UTC().Truncate(time.Second)), Leader: p.cfg.Lock.Identity(),
		Reason: wanted.Reason, Replicas: wanted.Replicas, Reasons: wanted.Reasons, Verdicts: p.said}
	next := h
	err := p.fence.write(ctx, func(ctx context.Context) error {
		var err error
		next.digest, err = p.cfg.Store.AppendRevision(ctx, r)
		return err
	})
	if err != nil {
		return h, fmt.Errorf("append revision %d of %s: %w", r.Revision, cluster, err)
	}
	p.board.stir()
	p.last.set(cluster, r.Revision)
	next.revision, next.shard = r.Revision, wanted.Shard
	if slices.ContainsFunc(wanted.Shard.Tombstones, func(t v1alpha1.Tombstone) bool { return !slices.Contains(h.shard.Tombstones, t) }) {
		next.buried = next.revision
	}
	return next, nil
}

// write appends a revision to every cluster whose shard changed. One that
// fails is tried again at the next pass and keeps no other waiting; false says
// that there was one.
func (p *planner) write(ctx context.Context, snap *v1alpha1.Snapshot, out plan.Output, health health) (bool, error) {
	if err := p.record(ctx, out.Removals); err != nil {
		return false, err
	}
	var changed []plan.ClusterPlan
	for _, c := range out.Clusters {
		corrupt := health.corrupt[c.Name]
		if !c.Changed && p.force(c.Name, corrupt) {
			c.Changed, c.Reason = true, fmt.Sprintf("revision %d was found corrupt", corrupt)
		}
		if mode := p.accepting[c.Name]; mode != "" && !c.Changed {
			c.Changed, c.Reason = true, "accepted by a user: "+string(mode)
		}
		if c.Changed {
			changed = append(changed, c)
		}
	}
	heads, errs := make([]head, len(changed)), make([]error, len(changed))
	parallel(len(changed), func(i int) {
		heads[i], errs[i] = p.append(ctx, changed[i].Name, p.heads[changed[i].Name], changed[i])
	})
	log, ok := logr.FromContextOrDiscard(ctx), true
	for i, c := range changed {
		if errs[i] == nil {
			if corrupt := p.heads[c.Name].revision; corrupt != 0 && corrupt == health.corrupt[c.Name] {
				p.forced[c.Name] = forced{revision: corrupt, at: time.Now()}
			}
			p.heads[c.Name] = heads[i]
			p.leapt(c.Name, heads[i])
			log.Info("shard written", "cluster", c.Name, "revision", heads[i].revision, "reason", c.Reason)
			continue
		}
		ok = false
		log.Info("shard not written", "cluster", c.Name, "err", errs[i].Error())
		if apierrors.IsAlreadyExists(errs[i]) {
			delete(p.heads, c.Name) // somebody decided meanwhile: read it first
		}
	}
	p.prune(ctx, snap.Federation.Spec.KeepRevisions)
	return ok, nil
}

// record makes removals that no user asked for durable before they happen, so
// that no change of leader gives the budget back.
func (p *planner) record(ctx context.Context, removals []v1alpha1.Removal) error {
	if len(removals) == 0 || slices.Equal(removals, p.removals) {
		return nil
	}
	if err := p.kept.update(ctx, func(v *v1alpha1.Verdicts) { v.Removals = removals }); err != nil {
		return fmt.Errorf("record removals: %w", err)
	}
	return nil
}

// force says whether a revision is to be written although nothing changed:
// the agent found the newest corrupt.
func (p *planner) force(cluster string, corrupt int64) bool {
	last := p.forced[cluster]
	if corrupt == 0 || corrupt != p.heads[cluster].revision || corrupt == last.revision || time.Since(last.at) < forceEvery {
		return false
	}
	return true
}

// prune removes old revisions now and then, not at every one. What could not
// be removed now is found again the next time.
func (p *planner) prune(ctx context.Context, keep int) {
	if keep <= 0 {
		keep = v1alpha1.DefaultKeepRevisions
	}
	var due []string
	for name, h := range p.heads {
		if h.revision > int64(keep) && h.revision-h.pruned > int64(keep/4) {
			due = append(due, name)
		}
	}
	errs := make([]error, len(due))
	parallel(len(due), func(i int) {
		errs[i] = p.fence.write(ctx, func(ctx context.Context) error {
			_, err := p.cfg.Store.PruneRevisions(ctx, due[i], keep)
			return err
		})
	})
	for i, name := range due {
		h := p.heads[name]
		if h.pruned = h.revision; errs[i] != nil {
			logr.FromContextOrDiscard(ctx).Info("old revisions not pruned", "cluster", name, "err", errs[i].Error())
		}
		p.heads[name] = h
	}
}
