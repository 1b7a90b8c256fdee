package lead

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
)

// lookLimit bounds one look: a member's silence is not to go unnoticed because
// another's report is slow.
const lookLimit = 20 * time.Second

// aggregator is the loop from reports to status.
type aggregator struct {
	*term
	members  map[string]*memberView
	verdicts map[string]v1alpha1.ClusterVerdict
	frozen   bool
	// capacities found, those that have expired included.
	capacities []v1alpha1.CapacityEstimate
	// settled is what the planner may act on: it is kept in the bucket.
	settled concluded
	// unrung: something changed that the planner could not be told yet.
	unrung bool
	// again is when time alone may change a verdict or an estimate.
	again time.Time
	// busyUntil: something changed lately, and more may.
	busyUntil time.Time
	// blind: the last look found nothing to look at, because the bucket did
	// not answer.
	blind  bool
	queue  *statusQueue
	claims claims

	clusters   map[string]v1alpha1.ClusterStatus
	objects    map[v1alpha1.Key]v1alpha1.ObjectStatus
	federation *v1alpha1.FederationStatus
	// described is the version of the plan that every object was last
	// described from.
	described int64
	// carriedAt is the version of what carriers serve that Ingresses were last
	// described from, told the problems that were told of each.
	carriedAt int64
	told      map[v1alpha1.Key][]status.Problem
}

// memberView is what is known of one member.
type memberView struct {
	seen   status.Observation
	stale  bool
	report *v1alpha1.Report
	// digest that the heartbeat named when the report was read.
	digest string
	// useless is the heartbeat whose report was corrupt or did not count. It
	// may have been put right by the next.
	useless sighted
	rows    map[v1alpha1.Key]*v1alpha1.ObjectReport
	gone    acknowledged
	// crowded rows have pods that found no node, services have addresses.
	crowded, services []v1alpha1.Key
	published         []string
	// ranges that the member's addresses must lie in.
	ranges []string
	// offer is made of a report, within ranges.
	offer   *offer
	offerOf *v1alpha1.Report
	offerIn []string
	// unhealthy objects of the shard at a revision.
	unhealthy   int64
	unhealthyAt int64
	// elsewhere is the other name that this member is bound to.
	elsewhere *v1alpha1.ClusterClaim
	// corrupt is the corrupt revision that the planner was last told of.
	corrupt int64
}

// sighted tells one heartbeat from another.
type sighted struct {
	agent    string
	sequence int64
}

func sight(beat v1alpha1.Heartbeat) sighted { return sighted{beat.Agent, beat.Sequence} }

func newAggregator(t *term) *aggregator {
	return &aggregator{term: t, members: map[string]*memberView{}, queue: newStatusQueue(t), told: map[v1alpha1.Key][]status.Problem{}}
}

// load takes over what the last leader concluded.
func (a *aggregator) load(ctx context.Context, v *v1alpha1.Verdicts, clusters map[string]v1alpha1.ClusterStatus,
	objects map[v1alpha1.Key]v1alpha1.ObjectStatus) {
	if fed, err := a.cfg.Store.FederationStatus(ctx); err == nil {
		a.federation = fed
	}
	a.verdicts = v.Clusters
	if a.verdicts == nil {
		a.verdicts = map[string]v1alpha1.ClusterVerdict{}
	}
	a.frozen, a.capacities = v.Frozen, v.Capacities
	a.settled = concluded{verdicts: a.verdicts, frozen: v.Frozen, limits: status.Limits(v.Capacities, time.Now())}
	a.clusters, a.objects = clusters, objects
}

// complain tells people why the term cannot begin. Without the last status, it
// would overwrite what it does not know.
func (a *aggregator) complain(ctx context.Context, cause error) {
	if a.federation == nil {
		fed, err := a.cfg.Store.FederationStatus(ctx)
		switch {
		case err == nil:
			a.federation = fed
		case !apierrors.IsNotFound(err):
			return
		}
	}
	a.board.setPlan(func(pl *planned) { pl.failing = cause.Error() })
	a.writeFederation(ctx, a.board.plan())
}

// run looks at the members every second while there is something to be seen,
// else every three.
func (a *aggregator) run(ctx context.Context) error {
	for a.wait(ctx) {
		if err := a.look(ctx); err != nil && ctx.Err() == nil {
			logr.FromContextOrDiscard(ctx).Info("cannot look at the members", "err", err.Error())
		}
		a.describe(ctx)
	}
	return nil
}

// look reads heartbeats and the reports that changed, judges, and tells the
// planner. Without an answer nothing is judged: silence of the bucket is not
// silence of the members.
func (a *aggregator) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	beats, err := a.cfg.Store.Heartbeats(ctx)
	if err != nil {
		a.blind, a.again = true, time.Time{}
		return fmt.Errorf("read heartbeats: %w", err)
	}
	pl := a.board.plan()
	a.rebind()
	changed := a.judge(pl, beats)
	a.listen(ctx)
	a.blind = false
	keys := a.read(ctx, pl)
	changed = a.measure(pl) || changed
	if len(keys) > 0 {
		a.busyUntil = time.Now().Add(busyFor)
	}
	restored, unchecked := a.restored(ctx, pl)
	changed = a.settle(ctx, pl, changed)
	h := a.health(pl)
	h.restored, h.unchecked = restored, unchecked
	if old := a.board.healthy().restored; old != restored {
		changed = true
		logr.FromContextOrDiscard(ctx).Info("planning stops or goes on", "restored", restored)
	}
	if !sameForTraffic(h, a.board.healthy()) {
		defer a.carried.ring()
	}
	a.board.setHealth(h)
	if changed || a.toConclude(pl, h) || awaited(pl, keys) {
		a.board.ring()
	}
	a.describeKeys(pl, keys)
	return nil
}

// judge updates every cluster's verdict; true means that one changed.
func (a *aggregator) judge(pl planned, beats map[string]v1alpha1.Heartbeat) bool {
	judged, members := make(map[string]v1alpha1.ClusterVerdict, len(pl.clusters)), make(map[string]*memberView, len(pl.clusters))
	changed := len(pl.clusters) != len(a.members)
	in := status.DecideInput{Federation: pl.federation, Clusters: pl.clusters, Verdicts: judged, Seen: map[string]status.Observation{},
		Published: map[string][]string{}, Asked: map[string][]string{}, Policy: pl.failover, Frozen: a.frozen, Now: time.Now()}
	for _, c := range pl.clusters {
		m := a.members[c.Name]
		old := a.verdicts[c.Name]
		if m == nil || old.UID != "" && old.UID != c.UID {
			m = &memberView{}
		}
		one := status.ClusterInput{Cluster: c, Seen: m.seen, Previous: old, Blind: a.blind, Now: in.Now}
		if beat, ok := beats[c.Name]; ok {
			if m.elsewhere = a.elsewhere(pl.clusters, c, beat); m.elsewhere == nil {
				one.Beat = &beat
			}
		}
		m.ranges = c.Spec.AddressRanges
		judged[c.Name], m.seen = status.Judge(one)
		in.Seen[c.Name], in.Published[c.Name] = m.seen, m.published
		if h, ok := pl.heads[c.Name]; ok {
			in.Asked[c.Name] = asked(h)
		}
		members[c.Name] = m
	}
	out := status.Decide(in)
	for name, v := range out.Verdicts {
		changed = changed || differ(v, a.verdicts[name])
	}
	changed = changed || out.Frozen != a.frozen
	a.verdicts, a.frozen, a.again, a.members = out.Verdicts, out.Frozen, out.Again, members
	return changed
}

// differ says whether two verdicts plan differently.
func differ(a, b v1alpha1.ClusterVerdict) bool {
	return a.State != b.State || a.Stale != b.Stale || a.Reported != b.Reported || a.Failed != b.Failed || a.Holding != b.Holding
}

// read fetches the reports that heartbeats say are new and returns the keys
// whose state they change.
func (a *aggregator) read(ctx context.Context, pl planned) map[v1alpha1.Key]bool {
	var due []string
	for name, m := range a.members {
		// Before a member is bound to its name, nobody's report counts.
		beat, ok := m.seen.Beat()
		if ok && a.verdicts[name].MemberUID != "" && beat.Report != "" && beat.Report != m.digest && sight(beat) != m.useless {
			due = append(due, name)
		}
	}
	slices.Sort(due)
	reports, errs := make([]*v1alpha1.Report, len(due)), make([]error, len(due))
	parallel(len(due), func(i int) { reports[i], _, errs[i] = a.cfg.Store.Report(ctx, due[i]) })
	keys := map[v1alpha1.Key]bool{}
	for i, name := range due {
		m := a.members[name]
		beat, _ := m.seen.Beat()
		if errs[i] != nil {
			logr.FromContextOrDiscard(ctx).Info("report cannot be read", "cluster", name, "err", errs[i].Error())
			if v1alpha1.Unusable(errs[i]) {
				m.useless = sight(beat)
			}
			continue
		}
		if !status.Counts(reports[i], clusterNamed(pl.clusters, name), a.verdicts[name]) {
			logr.FromContextOrDiscard(ctx).V(1).Info("report does not count: it is another member's", "cluster", name)
			m.useless = sight(beat)
			continue // its own may be put back
		}
		m.digest = beat.Report
		m.take(reports[i], keys)
	}
	return keys
}

// take replaces the report and notes the keys it speaks of differently.
func (m *memberView) take(r *v1alpha1.Report, keys map[v1alpha1.Key]bool) {
	rows := make(map[v1alpha1.Key]*v1alpha1.ObjectReport, len(r.Objects))
	m.crowded, m.services = nil, nil
	for i := range r.Objects {
		row := &r.Objects[i]
		rows[row.Key] = row
		if row.Unschedulable > 0 {
			m.crowded = append(m.crowded, row.Key)
		}
		if isService(row.Key) && len(row.Addresses) > 0 {
			m.services = append(m.services, row.Key)
		}
		if old, ok := m.rows[row.Key]; !ok || !equality.Semantic.DeepEqual(*old, *row) {
			keys[row.Key] = true
		}
	}
	for k := range m.rows {
		if _, ok := rows[k]; !ok {
			keys[k] = true
		}
	}
	m.report, m.rows, m.unhealthyAt = r, rows, -1
	m.gone = acknowledged{revision: r.Revision, objects: make(map[v1alpha1.GoneObject]bool, len(r.Gone))}
	for _, g := range r.Gone {
		m.gone.objects[g] = true
	}
}

// sick counts the shard's objects that the member does not report as current.
func (m *memberView) sick(h head) int64 {
	if m.report == nil {
		return 0
	}
	if m.unhealthyAt != h.revision {
		m.unhealthy, m.unhealthyAt = 0, h.revision
		for k, row := range m.rows {
			if _, ok := h.shard.Object(k); ok && row.Health != v1alpha1.HealthCurrent {
				m.unhealthy++
			}
		}
	}
	return m.unhealthy
}

// health is what the planner is told.
func (a *aggregator) health(pl planned) health {
	h := health{verdicts: a.settled.verdicts, frozen: a.settled.frozen, limits: a.settled.limits,
		rows: map[string]map[v1alpha1.Key]*v1alpha1.ObjectReport{}, services: map[string][]v1alpha1.Key{},
		offers: map[string]*offer{}, gone: map[string]acknowledged{}, corrupt: map[string]int64{}, refused: map[string]int64{},
		waiting: map[string]bool{}, reached: a.reached(pl), told: a.clusters}
	for _, c := range pl.clusters {
		m := a.members[c.Name]
		if beat, ok := m.seen.Beat(); ok && beat.Waiting != "" {
			h.waiting[c.Name] = true
		}
		if m.report == nil {
			continue
		}
		if n := len(m.report.Refused); n > 0 && m.report.Refused[n-1].Revision > m.report.Revision {
			h.refused[c.Name] = m.report.Refused[n-1].Revision
		}
		h.gone[c.Name], h.rows[c.Name], h.services[c.Name] = m.gone, m.rows, m.services
		h.offers[c.Name] = m.offered(c.Spec.AddressRanges)
		if n := len(m.report.Refused); n > 0 && m.report.Refused[n-1].Reason == v1alpha1.ReasonCorruptRevision {
			h.corrupt[c.Name] = m.report.Refused[n-1].Revision
		}
	}
	return h
}

// toConclude says whether a report tells the planner something it waits for.
// Of a corrupt revision it is told once: it may have to wait before it acts.
func (a *aggregator) toConclude(pl planned, h health) bool {
	for name, head := range pl.heads {
		if corrupt := h.corrupt[name]; corrupt != 0 && corrupt == head.revision && corrupt != a.members[name].corrupt {
			a.members[name].corrupt = corrupt
			return true
		}
		if refused := h.refused[name]; refused > head.revision && refused != a.members[name].corrupt {
			a.members[name].corrupt = refused
			return true
		}
		gone := head.acknowledgedBy(h.gone[name])
		for _, t := range head.shard.Tombstones {
			if gone[v1alpha1.GoneObject{Key: t.Key, UID: t.UID}] {
				return true
			}
		}
	}
	return false
}

// restored says which agent has seen a revision or an epoch that the bucket
// does not know: it was put back to an earlier state, and planning on would
// undo what came after. Empty while there is none. Unchecked are clusters of
// which the bucket does not tell; they keep no other waiting.
func (a *aggregator) restored(ctx context.Context, pl planned) (restored string, unchecked map[string]bool) {
	var ahead []v1alpha1.Heartbeat
	for _, c := range pl.clusters {
		beat, ok := a.members[c.Name].seen.Beat()
		if !ok || !plausible(beat) {
			continue
		}
		beat.Cluster = c.Name
		if beat.Epoch > a.epoch && a.cfg.Lock.Remaining() > margin {
			return fmt.Sprintf("the agent of %s has seen epoch %d, the bucket is at %d: the bucket was restored from an earlier state",
				c.Name, beat.Epoch, a.epoch), nil
		}
		if beat.Revision > pl.heads[c.Name].revision {
			ahead = append(ahead, beat)
		}
	}
	// The planner may be about to hear of its own append: the bucket knows.
	newest, errs := make([]int64, len(ahead)), make([]error, len(ahead))
	parallel(len(ahead), func(i int) { newest[i], errs[i] = a.cfg.Store.HeadRevision(ctx, ahead[i].Cluster) })
	unchecked = map[string]bool{}
	for i, beat := range ahead {
		switch {
		case errs[i] != nil:
			logr.FromContextOrDiscard(ctx).Info("newest revision cannot be read", "cluster", beat.Cluster, "err", errs[i].Error())
			unchecked[beat.Cluster] = true
		case beat.Revision > newest[i] && restored == "":
			restored = fmt.Sprintf("the agent of %s has revision %d, the bucket's newest is %d: the bucket was restored from an earlier state",
				beat.Cluster, beat.Revision, newest[i])
		}
	}
	return restored, unchecked
}

func clusterNamed(clusters []v1alpha1.Cluster, name string) v1alpha1.Cluster {
	for _, c := range clusters {
		if c.Name == name {
			return c
		}
	}
	return v1alpha1.Cluster{}
}
