package lead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// planner is the loop from specs to shards.
type planner struct {
	*term
	intake   *intake
	bases    *bases
	cache    *plan.Cache
	heads    map[string]head
	records  map[v1alpha1.Key]plan.Record
	removals []v1alpha1.Removal
	answered []string
	// forced are, per cluster, the corrupt revisions that were superseded.
	forced map[string]forced
	// floors are revisions that a cluster's next is to be beyond, accepting what
	// it is to say that a user has accepted.
	floors map[string]int64
	// suspicious: the bucket seems to have gone back in time.
	suspicious bool
	accepting  map[string]v1alpha1.AcceptMode
	absent     *absentees
	bell       int64
	// said are, in words, the verdicts that this pass plans with.
	said map[string]string
	// followed is what is to be served, by the last plan.
	followed *followed
	// incomplete paces the passes while a cluster's shard cannot be had.
	incomplete backoff
	// quietUntil is until when nothing but the bell shortens that pause: what
	// reports say stays said.
	quietUntil time.Time
}

func newPlanner(t *term) *planner {
	return &planner{term: t, intake: newIntake(t.cfg.Decode), bases: newBases(t.cfg), cache: plan.NewCache(), heads: map[string]head{},
		records: map[v1alpha1.Key]plan.Record{}, forced: map[string]forced{}, absent: newAbsentees(), followed: &followed{},
		floors: map[string]int64{}, accepting: map[string]v1alpha1.AcceptMode{}}
}

// load takes over what the last leader kept.
func (p *planner) load(v *v1alpha1.Verdicts, objects map[v1alpha1.Key]v1alpha1.ObjectStatus) {
	p.removals, p.answered = v.Removals, v.Answered
	for k, st := range objects {
		r := plan.RecordOf(st)
		r.Stepped = notAfter(r.Stepped, time.Now())
		p.records[k] = r
	}
}

// notAfter takes no time from another clock that is yet to come.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// run plans whenever the bell rings, health changes or time has passed.
func (p *planner) run(ctx context.Context) error {
	poll := time.NewTicker(bellEvery)
	defer poll.Stop()
	var pause backoff
	due, notBefore := time.Now(), time.Now()
	for ctx.Err() == nil {
		if now := time.Now(); !now.Before(due) && !now.Before(notBefore) {
			again, err := p.pass(ctx)
			switch {
			case errors.Is(err, errSuperseded), errors.Is(err, errGone), errors.Is(err, errRaised), errors.Is(err, errRewound):
				return err
			case err != nil && ctx.Err() == nil:
				again = pause.fail()
				notBefore = time.Now().Add(again)
				logr.FromContextOrDiscard(ctx).Info("planning will be retried", "after", again, "err", err.Error())
			default:
				pause.succeed()
			}
			due = time.Now().Add(again)
		}
		select {
		case <-ctx.Done():
		case <-p.board.wake:
			if !time.Now().Before(p.quietUntil) {
				due = time.Now()
			}
		case <-poll.C:
			if time.Now().After(notBefore) && p.listen(ctx) {
				due = time.Now()
			}
		}
	}
	return nil
}

// listen polls the bell. A bell that cannot be heard is made up for by the
// regular look.
func (p *planner) listen(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	bell, generation, err := p.cfg.Store.Listen(ctx, p.bell)
	if err != nil {
		logr.FromContextOrDiscard(ctx).V(1).Info("cannot listen to the bell", "err", err.Error())
		return false
	}
	rang := generation != p.bell // also when it was taken away
	p.bell = generation
	if bell != nil {
		p.intake.nursery.rang(bell)
	}
	return rang
}

// pass reads the users' side, plans, and writes what changed. It returns when
// to look again.
func (p *planner) pass(ctx context.Context) (time.Duration, error) {
	snap, err := p.snapshot(ctx)
	if err != nil {
		return 0, err
	}
	health := p.board.healthy()
	recovered, wait, err := p.trust(ctx, snap, health)
	if wait > 0 || err != nil {
		return wait, err
	}
	p.passOver(health)
	recovered = append(recovered, p.rebind(ctx, snap, health)...)
	unread, err := p.takeOver(ctx, snap.Clusters, health.unchecked)
	if err != nil {
		return 0, err
	}
	recovered = append(recovered, p.acceptMember(ctx, snap, health)...)
	out, again := p.plan(ctx, snap, health)
	written, err := p.write(ctx, snap, out, health)
	if err != nil {
		return 0, err
	}
	p.remember(out)
	p.publish(snap, out)
	if out.Answered = append(out.Answered, recovered...); !written {
		out.Answered = nil // an approval counts once all it lets through is written
	}
	p.conclude(ctx, snap, out)
	p.forgetDeparted(ctx, snap)
	return sooner(again, p.rest(unread || !written)), nil
}

// trust finds out whether the bucket can be planned from: it may have gone back
// in time. It returns the requests by which a user says that it did so on
// purpose, or how long to wait when nothing may be planned.
func (p *planner) trust(ctx context.Context, snap *v1alpha1.Snapshot, health health) (recovered []string, wait time.Duration, err error) {
	if err := p.suspect(ctx, snap, health); errors.Is(err, errUnheard) {
		return nil, unheardEvery, nil
	} else if err != nil {
		return nil, 0, err
	}
	recovered, err = p.acceptRestore(ctx, snap, health)
	if err != nil && !errors.Is(err, errUnheard) {
		return nil, 0, err
	}
	if health.restored == "" || len(recovered) > 0 {
		return recovered, 0, nil
	}
	p.board.setPlan(func(pl *planned) {
		pl.failover, pl.clusters, pl.failing = snap.Federation.Spec.Failover, snap.Clusters, ""
	})
	if err != nil {
		return nil, unheardEvery, nil
	}
	return nil, snapshotEvery, nil
}

// plan decides. It returns when time alone may change what was decided; 0 for
// never.
func (p *planner) plan(ctx context.Context, snap *v1alpha1.Snapshot, health health) (plan.Output, time.Duration) {
	in := p.input(snap, health)
	again := p.intake.take(snap, p.records, &in)
	p.bases.fill(ctx, p.records, &in)
	out := plan.Plan(in)
	out.Removals = p.dated(out.Removals)
	return out, sooner(again, until(out.Again, in.Now))
}

// rest is the pause after a pass. One that could not do everything is made up
// for before long, and at every ring: the other clusters go on.
func (p *planner) rest(incomplete bool) time.Duration {
	if incomplete {
		wait := p.incomplete.fail()
		p.quietUntil = time.Now().Add(wait)
		return wait
	}
	p.incomplete.succeed()
	p.quietUntil = time.Time{}
	return snapshotEvery
}

func (p *planner) snapshot(ctx context.Context) (*v1alpha1.Snapshot, error) {
	limited, cancel := context.WithTimeout(ctx, snapshotLimit)
	defer cancel()
	snap, err := p.cfg.Snapshots.Snapshot(limited)
	if apierrors.IsNotFound(err) {
		return nil, errGone
	}
	if err == nil && snap.Federation.UID != p.board.plan().federation {
		err = fmt.Errorf("the bucket now holds another federation (%s)", snap.Federation.UID)
	}
	if err != nil {
		err = fmt.Errorf("read the users' side: %w", err)
		if ctx.Err() == nil {
			p.board.setPlan(func(pl *planned) { pl.failing = err.Error() })
		}
		return nil, err
	}
	return snap, nil
}

// input is what is known beside the specs.
func (p *planner) input(snap *v1alpha1.Snapshot, health health) plan.Input {
	in := plan.Input{Federation: snap.Federation, Records: p.records, Removals: p.happened(), Now: time.Now(), Frozen: health.frozen, Cache: p.cache}
	results, _ := p.carried.said()
	in.Addresses = addresses(results)
	p.said = map[string]string{}
	for _, c := range snap.Clusters {
		in.Clusters = append(in.Clusters, p.member(c, health))
		if v := health.verdicts[c.Name]; v.UID == c.UID && say(v) != "" {
			p.said[c.Name] = say(v)
		}
	}
	for _, r := range snap.Requests {
		if !p.isAnswered(r.ID) {
			in.Requests = append(in.Requests, r)
		}
	}
	return in
}

// member is what is known of one cluster.
func (p *planner) member(c v1alpha1.Cluster, health health) plan.Cluster {
	m := plan.NewCluster(c, health.verdicts[c.Name], health.told[c.Name])
	h, known := p.heads[c.Name]
	m.Unknown, m.Previous, m.Gone = !known, h.shard, h.acknowledgedBy(health.gone[c.Name])
	m.Holding = m.Holding || health.waiting[c.Name]
	m.Capacity, m.Reports = health.limits[c.Name], health.rows[c.Name]
	m.Published = published(h, m.Reports, health.services[c.Name], c.Spec.AddressRanges)
	return m
}

// say is what a revision tells of a verdict; empty for a cluster that is
// simply ready.
func say(v v1alpha1.ClusterVerdict) string {
	s := string(v.State)
	switch {
	case v.Holding:
		s = "Holding"
	case v.Failed:
		s = "Failed"
	case v.State == v1alpha1.ClusterReady || v.State == "":
		return ""
	}
	if v.Reason != "" {
		s += ": " + v.Reason
	}
	return s
}

// remember keeps what the next plan starts from.
func (p *planner) remember(out plan.Output) {
	p.records = make(map[v1alpha1.Key]plan.Record, len(out.Objects))
	for _, o := range out.Objects {
		p.records[o.Key] = o.Record
	}
	p.removals = out.Removals
}

// publish tells the other loops.
func (p *planner) publish(snap *v1alpha1.Snapshot, out plan.Output) {
	heads := make(map[string]head, len(p.heads))
	for name, h := range p.heads {
		heads[name] = h
	}
	serve := p.follow(snap, out.Objects)
	p.board.setPlan(func(pl *planned) {
		pl.clusters, pl.heads, pl.objects, pl.held = snap.Clusters, heads, out.Objects, out.Held
		pl.failover, pl.waiting = snap.Federation.Spec.Failover, waiting(out.Objects)
		pl.answered, pl.complete, pl.failing = p.answered, true, ""
		pl.followed = serve
	})
	p.carried.ring()
}
