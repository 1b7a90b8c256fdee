package status

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// DecideInput is what is known of all clusters at one look.
type DecideInput struct {
	// Federation is its UID: heartbeats of another one prove nothing.
	Federation types.UID
	Clusters   []v1alpha1.Cluster
	// Verdicts as Judge has just made them, by cluster.
	Verdicts map[string]v1alpha1.ClusterVerdict
	Seen     map[string]Observation
	// Published addresses of each cluster. One without any cannot be found dead
	// by probing.
	Published map[string][]string
	// Asked are the clusters that each prober's shard names; without an entry
	// for a prober, that is not known.
	Asked  map[string][]string
	Policy v1alpha1.FailoverPolicy
	// Frozen is what Decide said last.
	Frozen bool
	Now    time.Time
}

// Decision is what is concluded of all clusters together.
type Decision struct {
	Verdicts map[string]v1alpha1.ClusterVerdict
	// Frozen: neither Failed nor the end of a hold is decided by health.
	Frozen bool
	// Again is when time alone may change something; zero for never.
	Again time.Time
}

// Decide tells which clusters are taken for dead, which are back but not
// trusted yet, and what their probers see.
//
// A stale cluster fails when a quorum of probers finds it dead, or when
// nobody can tell and it has been silent for Policy.After; never while a prober
// reaches it, never before it has been stale for one and a half intervals, and
// never before all clusters that are not stale have been heard since: those
// that die together are to be seen together. One that is Lost fails at once.
//
// A cluster that is back holds for Policy.Stable, twice as long with every
// flap. Failed ends with the hold. While many are silent at once nothing of
// this changes but Lost; when that is over, the silence of who is still stale
// counts from then.
//
// All that is remembered is in the verdicts, in times of whoever led: they are
// brought within what the policy allows by this clock.
func Decide(in DecideInput) Decision {
	d := &decider{in: in, policy: policyOf(in.Policy)}
	_, _, d.frozen = Frozen(in.Clusters, in.Verdicts)
	verdicts := make(map[string]v1alpha1.ClusterVerdict, len(in.Clusters))
	for _, c := range in.Clusters {
		v, seen := in.Verdicts[c.Name], in.Seen[c.Name]
		verdicts[c.Name] = d.decide(c, v, seen)
		if v.Reported && !v.Stale {
			d.wake(seen.changed.Add(patience(seen.beat) + time.Millisecond))
		}
	}
	return Decision{Verdicts: verdicts, Frozen: d.frozen, Again: d.again}
}

type decider struct {
	in     DecideInput
	policy policy
	frozen bool
	again  time.Time
}

// wake asks for another look.
func (d *decider) wake(at time.Time) {
	if at.After(d.in.Now) && (d.again.IsZero() || at.Before(d.again)) {
		d.again = at
	}
}

func (d *decider) decide(c v1alpha1.Cluster, v v1alpha1.ClusterVerdict, seen Observation) v1alpha1.ClusterVerdict {
	d.bound(&v)
	p := d.poll(c, v.Stale)
	if p.verdict == v1alpha1.ProbeUnknown && v.Probed == v1alpha1.ProbeAlive && v.Stale && !c.Spec.Lost && !d.heardSince(c, time.Time{}) {
		return v // a new leader: who reaches it has not been heard yet
	}
	v.Probed = p.verdict
	switch {
	case c.Spec.Lost:
		lost(&v)
	case v.Stale:
		d.silent(c, &v, seen, p)
	case v.Reported:
		d.back(&v, seen)
	case !d.frozen: // never reported: nothing that could be taken for dead
		v.Failed, v.Reason = false, ""
	}
	return v
}

// bound brings the times of an earlier leader within this clock.
func (d *decider) bound(v *v1alpha1.ClusterVerdict) {
	now := d.in.Now
	if v.Stale && (v.StaleSince.IsZero() || v.StaleSince.After(now) || d.in.Frozen && !d.frozen) {
		v.StaleSince = now
	}
	if v.Flapped.After(now) {
		v.Flapped = now
	}
	if v.LastHeartbeat.After(now) {
		v.LastHeartbeat = now
	}
	if latest := now.Add(d.policy.stableMost); v.HoldUntil.After(latest) {
		v.HoldUntil = latest
	}
}

// reasonLost is the Reason of a cluster that a user has given up.
const reasonLost = "taken for dead: cordoned as lost"

// lost takes the user's word. What it does while it is lost is no flap.
func lost(v *v1alpha1.ClusterVerdict) {
	v.Failed, v.Holding, v.HoldUntil = true, false, time.Time{}
	v.Reason = reasonLost
	if !v.Stale {
		v.StaleSince = time.Time{}
	}
}

// silent judges a stale cluster.
func (d *decider) silent(c v1alpha1.Cluster, v *v1alpha1.ClusterVerdict, seen Observation, p poll) {
	relapsed := v.Holding
	v.Holding, v.HoldUntil = false, time.Time{}
	switch {
	case v.Failed && relapsed:
		v.Reason = "taken for dead: silent again before it was trusted"
		return
	case v.Failed && v.Reason == reasonLost:
		v.Reason = "taken for dead: no longer cordoned as lost, but no heartbeat either"
		return
	case v.Failed:
		return
	case p.verdict == v1alpha1.ProbeAlive:
		v.Reason = fmt.Sprintf("no heartbeat, but its services answer %d of %d probers: replicas stay", p.reach, p.of)
		return
	case d.frozen:
		v.Reason = "no heartbeat; so many clusters are silent at once that nothing is moved"
		return
	}
	since, due := d.dead(*v, seen, p)
	if d.in.Now.Before(due) || !d.heardSince(c, v.StaleSince) {
		v.Reason = "no heartbeat, and " + since + ": about to be taken for dead"
		d.wake(due)
		return
	}
	v.Failed, v.Reason = true, "taken for dead: no heartbeat, and "+since
}

// dead says in words why a stale cluster may be dead, and from when on it is
// taken for it. This leader must itself have found it silent for a while.
func (d *decider) dead(v v1alpha1.ClusterVerdict, seen Observation, p poll) (why string, due time.Time) {
	settle := settling(seen.beat)
	due = later(v.StaleSince.Add(settle), seen.changed.Add(settle))
	if p.verdict == v1alpha1.ProbeDead {
		return fmt.Sprintf("its services answer none of %d probers", p.of), due
	}
	// The last heartbeat that is on record may be much older than the last one.
	silence := later(v.LastHeartbeat, v.StaleSince.Add(-patience(seen.beat)))
	return fmt.Sprintf("nobody can tell by its services for %s", d.policy.after), later(due, silence.Add(d.policy.after))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// heardSince says whether all other clusters that count and are not stale
// have beaten since. Who has not may have died along.
func (d *decider) heardSince(c v1alpha1.Cluster, since time.Time) bool {
	for _, o := range d.in.Clusters {
		v := d.in.Verdicts[o.Name]
		if o.Name != c.Name && considered(o, v) && !v.Stale && !d.in.Seen[o.Name].heard.After(since) {
			return false
		}
	}
	return true
}

// back judges a cluster that beats, or of which this leader cannot tell yet.
func (d *decider) back(v *v1alpha1.ClusterVerdict, seen Observation) {
	now := d.in.Now
	switch {
	case !v.StaleSince.IsZero(): // it was stale until this look
		v.StaleSince = time.Time{}
		v.Flaps, v.Flapped = v.Flaps+1, now
		v.Holding, v.HoldUntil = true, now.Add(d.policy.hold(v.Flaps))
	case v.Failed && !v.Holding: // no longer lost
		v.Holding, v.HoldUntil = true, now.Add(d.policy.hold(v.Flaps))
	}
	switch {
	case !v.Holding:
		v.Reason = ""
		d.forget(v, seen)
	case !d.frozen && seen.fresh && !now.Before(v.HoldUntil):
		v.Holding, v.Failed, v.HoldUntil, v.Reason = false, false, time.Time{}, ""
		v.Flapped = now
	default:
		v.Reason = fmt.Sprintf("back, and given nothing new until %s (fell silent %s)", v.HoldUntil.UTC().Format(time.RFC3339), times(v.Flaps))
		d.wake(v.HoldUntil)
	}
}

// forget takes back one flap for each StableMost of good behaviour.
func (d *decider) forget(v *v1alpha1.ClusterVerdict, seen Observation) {
	due := v.Flapped.Add(d.policy.stableMost)
	switch {
	case v.Flaps <= 0:
	case d.in.Now.Before(due):
		d.wake(due)
	case seen.fresh:
		v.Flaps, v.Flapped = v.Flaps-1, d.in.Now
	}
	if v.Flaps <= 0 {
		v.Flaps, v.Flapped = 0, time.Time{}
	}
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
