package lead

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// What went back in time, or under another name, is left alone until a user's
// word. Their requests are answered here.

const (
	// leap is how far beyond its last word the revisions of a cluster go on that
	// has not been heard since the bucket was restored: nobody knows how far it
	// had come.
	leap = 1000
	// Revisions and epochs beyond these are no federation's, and not believed.
	mostRevision = 1 << 40
	mostEpoch    = 1 << 30
)

// errRaised ends a term, so that the next has a higher epoch.
var errRaised = errors.New("the epoch was raised")

// reached is how far a member's agent says that it came.
type reached struct {
	revision, epoch int64
	// heard: it has said so in this term.
	heard bool
}

// reached collects what the members' heartbeats say.
func (a *aggregator) reached(pl planned) map[string]reached {
	found := map[string]reached{}
	for _, c := range pl.clusters {
		if beat, ok := a.members[c.Name].seen.Beat(); ok && plausible(beat) {
			found[c.Name] = reached{beat.Revision, beat.Epoch, a.members[c.Name].seen.Fresh()}
		}
	}
	return found
}

func plausible(beat v1alpha1.Heartbeat) bool {
	return beat.Revision < mostRevision && beat.Epoch < mostEpoch
}

// unanswered are the requests of a type that were not answered yet.
func (p *planner) unanswered(snap *v1alpha1.Snapshot, kind v1alpha1.RequestType) []v1alpha1.Request {
	return slices.DeleteFunc(slices.Clone(snap.Requests), func(r v1alpha1.Request) bool { return r.Type != kind || p.isAnswered(r.ID) })
}

// unheardEvery is how often those are waited for.
const unheardEvery = 2 * time.Second

// errRewound ends a term: the bucket lacks what it wrote.
var errRewound = errors.New("the bucket was restored to an earlier state")

// last is what this process wrote last under shards/, in whichever term.
type last struct {
	mu       sync.Mutex
	cluster  string
	revision int64
}

func (l *last) set(cluster string, revision int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cluster, l.revision = cluster, revision
}

// forget a cluster that has left.
func (l *last) forget(cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cluster == cluster {
		l.cluster, l.revision = "", 0
	}
}

// lost says whether the bucket no longer holds it.
func (l *last) lost(ctx context.Context, s Shards) bool {
	l.mu.Lock()
	cluster, revision := l.cluster, l.revision
	l.mu.Unlock()
	if cluster == "" {
		return false
	}
	n, err := s.HeadRevision(ctx, cluster)
	return err == nil && n < revision
}

// suspect looks whether the bucket went back in time under this process. Then
// nothing is planned before all members that answer have said how far they came:
// an error tells to wait, or that the term has to begin anew.
func (p *planner) suspect(ctx context.Context, snap *v1alpha1.Snapshot, health health) error {
	if p.last.lost(ctx, p.cfg.Store) && slices.ContainsFunc(snap.Clusters, func(c v1alpha1.Cluster) bool { return c.Name == p.last.cluster }) {
		if len(p.heads) > 0 {
			return errRewound
		}
		p.suspicious = true
		p.last.set("", 0)
	}
	if p.suspicious && unheard(health) {
		return errUnheard
	}
	p.suspicious = false
	return nil
}

// unheard says whether there is a member that answers and has not been heard in
// this term.
func unheard(health health) bool {
	for name, v := range health.verdicts {
		if r, beats := health.reached[name]; beats && !r.heard && v.Reported && !v.Stale {
			return true
		}
	}
	return false
}

// errUnheard: it is not known yet how far those members came that answer.
var errUnheard = errors.New("not all members that answer have been heard since the bucket was restored")

// acceptRestore takes a user's word that the restored bucket holds. It returns
// the requests that are answered once everything is written, none while nobody
// has said so, or an error when it is too soon or the term has to end first.
func (p *planner) acceptRestore(ctx context.Context, snap *v1alpha1.Snapshot, health health) (answered []string, err error) {
	requests := p.unanswered(snap, v1alpha1.RequestAcceptRestore)
	if health.restored == "" || len(requests) == 0 {
		return p.ids(ctx, requests, "there is nothing to accept"), nil
	}
	var highest int64
	for _, r := range health.reached {
		highest = max(highest, r.epoch)
	}
	if unheard(health) {
		return nil, errUnheard
	}
	if highest >= p.epoch {
		if err := p.cfg.Lock.Raise(ctx, highest); err != nil {
			return nil, err
		}
		return nil, errRaised
	}
	for _, c := range snap.Clusters {
		r, beats := health.reached[c.Name]
		if !beats {
			continue
		}
		if p.floors[c.Name] = r.revision; !r.heard {
			p.floors[c.Name] += leap
		}
		p.accepting[c.Name] = v1alpha1.AcceptRestore
		delete(p.heads, c.Name)
	}
	return p.ids(ctx, requests, "the restored bucket is accepted"), nil
}

// ids logs what becomes of requests, and who asked.
func (p *planner) ids(ctx context.Context, requests []v1alpha1.Request, outcome string) (ids []string) {
	for _, r := range requests {
		logr.FromContextOrDiscard(ctx).Info("recover", "type", r.Type, "cluster", r.Cluster, "member", r.MemberUID,
			"author", r.Author, "reason", r.Reason, "request", r.ID, "outcome", outcome)
		ids = append(ids, r.ID)
	}
	return ids
}

// rebind binds names to members by a user's word. A request is answered once
// the verdicts, which the next leader starts from, say so.
func (p *planner) rebind(ctx context.Context, snap *v1alpha1.Snapshot, health health) (answered []string) {
	for _, r := range p.unanswered(snap, v1alpha1.RequestRebind) {
		c := clusterNamed(snap.Clusters, r.Cluster)
		one := []v1alpha1.Request{r}
		switch {
		case c.Name == "" || r.MemberUID == "":
			answered = append(answered, p.ids(ctx, one, "there is no such cluster, or no member is named")...)
		case len(r.UIDs) > 0 && r.UIDs[0] != c.UID:
			answered = append(answered, p.ids(ctx, one, "the cluster has left and joined again since")...)
		case named(snap.Clusters, r.Cluster, r.MemberUID):
			answered = append(answered, p.ids(ctx, one, "another cluster of the roster names the member")...)
		case boundAlone(health.verdicts, r.Cluster, r.MemberUID):
			answered = append(answered, p.ids(ctx, one, "bound")...)
		default:
			p.board.bind(r.Cluster, r.MemberUID)
		}
	}
	return answered
}

// named says whether another cluster's entry names the member.
func named(clusters []v1alpha1.Cluster, cluster, member string) bool {
	return slices.ContainsFunc(clusters, func(c v1alpha1.Cluster) bool { return c.Name != cluster && c.Spec.MemberUID == member })
}

// boundAlone says whether the member is bound to this name and no other.
func boundAlone(verdicts map[string]v1alpha1.ClusterVerdict, cluster, member string) bool {
	for name, v := range verdicts {
		if (name == cluster) != (v.MemberUID == member) {
			return false
		}
	}
	return verdicts[cluster].MemberUID == member
}

// acceptMember notes whose agents may go on in a member that was restored. Their
// next revision says so.
func (p *planner) acceptMember(ctx context.Context, snap *v1alpha1.Snapshot, health health) (answered []string) {
	for _, r := range p.unanswered(snap, v1alpha1.RequestAcceptMember) {
		if _, known := p.heads[r.Cluster]; health.waiting[r.Cluster] && known {
			p.accepting[r.Cluster] = v1alpha1.AcceptMember
			answered = append(answered, p.ids(ctx, []v1alpha1.Request{r}, "the restored member is accepted")...)
		} else if !health.waiting[r.Cluster] {
			answered = append(answered, p.ids(ctx, []v1alpha1.Request{r}, "there is nothing to accept")...)
		}
	}
	return answered
}

// passOver leaves behind what an agent refused beyond the newest revision known
// here: somebody else put it there.
func (p *planner) passOver(health health) {
	for name, refused := range health.refused {
		h, known := p.heads[name]
		if !known || refused <= h.revision || refused >= mostRevision || time.Since(p.forced[name].at) < forceEvery {
			continue
		}
		p.floors[name], p.forced[name] = refused, forced{revision: refused, at: time.Now()}
		delete(p.heads, name)
	}
}

// own says whether a revision is of this federation and of this very cluster.
func (p *planner) own(r *v1alpha1.Shard, c v1alpha1.Cluster) bool {
	return r.FederationUID == p.board.plan().federation && r.ClusterUID == c.UID
}

// why a head is superseded.
func (p *planner) why(newest, floor int64, good *v1alpha1.Shard) string {
	switch {
	case floor > newest:
		return "goes on beyond what its agent has seen"
	case good.Revision != newest:
		return "the newest revision cannot be used"
	}
	return "a new leader took over"
}

// leapt drops what was to be done once, now that a revision has been written.
func (p *planner) leapt(cluster string, h head) {
	if h.revision > p.floors[cluster] {
		delete(p.floors, cluster)
		delete(p.accepting, cluster)
	}
}

// bind asks the aggregator to bind a name to a member.
func (b *board) bind(cluster, member string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bound == nil {
		b.bound = map[string]string{}
	}
	b.bound[cluster] = member
}

// rebind carries that out. What was seen of the other member is forgotten.
func (a *aggregator) rebind() {
	a.board.mu.Lock()
	bound := a.board.bound
	a.board.bound = nil
	a.board.mu.Unlock()
	if len(bound) > 0 {
		a.verdicts = maps.Clone(a.verdicts) // what is on the board stays as it is
	}
	for name, member := range bound {
		for other, v := range a.verdicts {
			switch {
			case other == name && v.MemberUID != member:
				v.MemberUID = member
			case other != name && v.MemberUID == member:
				v.MemberUID = ""
			default:
				continue
			}
			a.verdicts[other] = v
			delete(a.members, other)
		}
	}
}

// claims are agents that are refused a cluster's name.
type claims struct {
	next time.Time
	seen map[string]claim
}

type claim struct {
	beat v1alpha1.Heartbeat
	// heard is when it was last seen to change; the first sight is no change.
	heard time.Time
}

const (
	claimsEvery = 5 * time.Second
	// claimsCount is how long a claim counts after it was last heard.
	claimsCount = 45 * time.Second
)

// listen reads claims now and then.
func (a *aggregator) listen(ctx context.Context) {
	now := time.Now()
	if now.Before(a.claims.next) {
		return
	}
	a.claims.next = now.Add(claimsEvery)
	found, err := a.cfg.Store.Claims(ctx)
	if err != nil {
		logr.FromContextOrDiscard(ctx).V(1).Info("claims cannot be read", "err", err.Error())
		return
	}
	seen := make(map[string]claim, len(found))
	for name, beat := range found {
		old, known := a.claims.seen[name]
		if known && sight(old.beat) != sight(beat) {
			old.heard = now
		}
		seen[name] = claim{beat: beat, heard: old.heard}
	}
	a.claims.seen = seen
}

// claim is who asks for the cluster's name in vain, or nil.
func (a *aggregator) claim(c v1alpha1.Cluster) *v1alpha1.ClusterClaim {
	if m := a.members[c.Name]; m != nil && m.elsewhere != nil {
		return m.elsewhere
	}
	asks, v := a.claims.seen[c.Name], a.verdicts[c.Name]
	beat := asks.beat
	mine := beat.MemberUID == v.MemberUID && (beat.BoundTo == "" || v.Reported)
	if beat.ClusterUID != c.UID || mine || asks.heard.IsZero() || time.Since(asks.heard) > claimsCount {
		return nil
	}
	return &v1alpha1.ClusterClaim{MemberUID: beat.MemberUID, Agent: beat.Agent, BoundTo: beat.BoundTo}
}

// elsewhere finds the other name of a member that beats under this one: who
// bound it first keeps it.
func (a *aggregator) elsewhere(clusters []v1alpha1.Cluster, c v1alpha1.Cluster, beat v1alpha1.Heartbeat) *v1alpha1.ClusterClaim {
	if v := a.verdicts[c.Name]; beat.ClusterUID != c.UID || v.UID == c.UID && v.Reported && v.MemberUID == beat.MemberUID {
		return nil
	}
	for _, o := range clusters {
		v := a.verdicts[o.Name]
		reports := v.UID == o.UID && v.Reported && v.MemberUID == beat.MemberUID
		named := o.Spec.MemberUID == beat.MemberUID && c.Spec.MemberUID != beat.MemberUID
		if o.Name != c.Name && (reports || named) {
			return &v1alpha1.ClusterClaim{MemberUID: beat.MemberUID, Agent: beat.Agent, BoundTo: o.Name}
		}
	}
	return nil
}
