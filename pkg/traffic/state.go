package traffic

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Reasons of a cluster's standing.
const (
	reasonDrained     = "drained"
	reasonLeaving     = "the cluster leaves the federation"
	reasonFailed      = "the cluster is taken for dead"
	reasonHolding     = "the cluster is back, and waits until it is trusted"
	reasonProbedDead  = "other clusters no longer reach it"
	reasonSilent      = "the cluster is silent: kept as last known"
	reasonNoNews      = "the cluster does not report it: kept as last known"
	reasonUnready     = "nothing is ready"
	reasonUnreported  = "not reported yet"
	reasonUnreachable = "it has no address outside the cluster"
	reasonNoAddress   = "it has no address yet"
	// reasonLast is for what goes on because nothing else is left.
	reasonLast = "nothing healthy is left anywhere: kept as the last that was"
)

// view is what is known of a backend in one cluster.
type view struct {
	cluster *Cluster
	// weight that a user gave it.
	weight int64
	frozen bool
	now    time.Time
	// previous entry; nil for none.
	previous *v1alpha1.BackendCluster
	// row is the port in the cluster's last report; nil: it does not tell.
	row *v1alpha1.ServicePortReport
	// endpoints of the report, and why there are none.
	endpoints []string
	why       string
	// blind: endpoints are missing only because nodes are not known.
	blind   bool
	maxRate int64
}

func (n *backend) view(in *Input, c *Cluster, previous *v1alpha1.BackendCluster) *view {
	v := &view{cluster: c, weight: v1alpha1.FullWeight, frozen: in.Frozen, now: in.Now, why: reasonNoAddress}
	if previous != nil && sound(previous) {
		v.previous = previous
	}
	if c.Weight != nil {
		v.weight = max(0, min(*c.Weight, v1alpha1.FullWeight))
	}
	report := c.Services[n.doc.Service]
	if report == nil {
		return v
	}
	for i := range report.Ports {
		if report.Ports[i].Port == n.doc.Port {
			v.row = &report.Ports[i]
		}
	}
	if v.row == nil {
		return v
	}
	v.endpoints = reach(n.service.Spec.Type, report, v.row, c.NodeAddresses)
	if t := n.service.Spec.Type; t != corev1.ServiceTypeLoadBalancer && t != corev1.ServiceTypeNodePort {
		v.why = reasonUnreachable
	}
	v.blind = c.NodesUntold && !v.row.Pods && v.row.NodePort > 0 && n.service.Spec.Type != corev1.ServiceTypeLoadBalancer
	if n.maxRate > 0 {
		v.maxRate = n.maxRate * max(1, min(v.row.Ready, MaxReady))
	}
	return v
}

// decide is the first of these that holds:
//
//	a user's weight of 0, or it leaves          Drained
//	taken for dead, also while not trusted yet  Out; as before while frozen
//	fresh, but other clusters' probes fail      Out; not judged while frozen
//	its report does not tell of the port        as before; Pending without
//	silent                                      Kept; Out if it was
//	no endpoint that could be reached           Pending
//	nothing ready                               Serving for UnreadyFor since, if it was, then Out; as before while frozen
//	else                                        Serving
//
// One that was silent and never taken for dead has kept its traffic, and keeps
// it while it is given nothing new. "Frozen" keeps only what takes traffic:
// nothing is taken out by health. A report that names no endpoints while nothing
// is ready leaves the last ones.
func (v *view) decide() (e v1alpha1.BackendCluster, again time.Time) {
	if e, ok := v.taken(); ok {
		return e, again
	}
	stale := v.cluster.Verdict.Stale
	switch {
	case v.row == nil:
		return v.untold(), again
	case stale && v.was(v1alpha1.BackendOut):
		return v.same(), again
	case len(v.known()) == 0:
		return v.entry(v1alpha1.BackendPending, v.pendingReason()), again
	case stale:
		return v.entry(v1alpha1.BackendKept, reasonSilent), again
	case v.row.Ready <= 0:
		return v.unready()
	}
	return v.entry(v1alpha1.BackendServing, ""), again
}

// taken out by a user's word or by the verdict on the cluster.
func (v *view) taken() (e v1alpha1.BackendCluster, ok bool) {
	verdict := &v.cluster.Verdict
	switch {
	case v.cluster.Leaving:
		return v.entry(v1alpha1.BackendDrained, reasonLeaving), true
	case v.weight == 0:
		return v.entry(v1alpha1.BackendDrained, reasonDrained), true
	case verdict.Failed && v.holds():
		return v.same(), true
	case verdict.Failed && verdict.Holding:
		return v.entry(v1alpha1.BackendOut, reasonHolding), true
	case verdict.Failed:
		return v.entry(v1alpha1.BackendOut, reasonFailed), true
	case verdict.Probed == v1alpha1.ProbeDead && !verdict.Stale && !v.holds():
		return v.entry(v1alpha1.BackendOut, reasonProbedDead), true
	}
	return e, false
}

func (v *view) was(s v1alpha1.BackendState) bool { return v.previous != nil && v.previous.State == s }

// took says whether it took traffic before.
func (v *view) took() bool { return v.previous != nil && takes(v.previous) }

// holds says whether health may not take it out.
func (v *view) holds() bool { return v.frozen && v.took() }

// known are the endpoints of the report; where it has none because nothing is
// ready, or because it does not tell, or is an old one, those of before.
func (v *view) known() []string {
	fresh := v.row != nil && v.row.Ready > 0 && !v.cluster.Verdict.Stale && !v.blind
	if len(v.endpoints) > 0 || v.previous == nil || fresh {
		return v.endpoints
	}
	return v.previous.Endpoints
}

func (v *view) pendingReason() string {
	if v.row.Ready <= 0 {
		return reasonUnready
	}
	return v.why
}

// entry in a state. Since when nothing is ready is remembered as long as that
// is so.
func (v *view) entry(s v1alpha1.BackendState, reason string) v1alpha1.BackendCluster {
	e := v1alpha1.BackendCluster{Cluster: v.cluster.Name, State: s, Reason: reason, Endpoints: v.known(), MaxRate: v.maxRate}
	if v.row != nil {
		e.Ready = max(0, v.row.Ready)
	} else if v.previous != nil {
		e.Ready, e.MaxRate, e.Unready = v.previous.Ready, v.previous.MaxRate, v.previous.Unready
	}
	if v.row != nil && e.Ready == 0 {
		e.Unready = v.unreadySince()
	}
	if s == v1alpha1.BackendServing || s == v1alpha1.BackendKept {
		e.Weight = v.weight
	}
	return e
}

// same is the previous entry, with what a user has changed.
func (v *view) same() v1alpha1.BackendCluster {
	e := *v.previous
	if v.took() {
		e.Weight = v.weight
	}
	return e
}

// untold: nothing new is known. What a user had drained and no longer does is
// given traffic again by what was known then.
func (v *view) untold() v1alpha1.BackendCluster {
	switch {
	case v.previous == nil:
		return v.entry(v1alpha1.BackendPending, reasonUnreported)
	case !v.was(v1alpha1.BackendDrained):
		return v.same()
	case len(v.previous.Endpoints) == 0:
		return v.entry(v1alpha1.BackendPending, reasonUnreported)
	}
	return v.entry(v1alpha1.BackendKept, reasonNoNews)
}

// unready: what took traffic goes on for a while, since pods come and go; what
// did not is not begun with.
func (v *view) unready() (e v1alpha1.BackendCluster, again time.Time) {
	since := v.unreadySince()
	switch until := since.Add(UnreadyFor); {
	case v.holds():
		e = v.same()
	case v.took() && v.now.Before(until):
		e, again = v.entry(v1alpha1.BackendServing, reasonUnready), until
	default:
		e = v.entry(v1alpha1.BackendOut, reasonUnready)
	}
	e.Unready = since
	return e, again
}

// unreadySince is in whole seconds, as it is stored, and not in a future that
// another leader's clock has made up.
func (v *view) unreadySince() metav1.Time {
	now := v.now.UTC().Truncate(time.Second)
	if now.Before(v.now) {
		now = now.Add(time.Second)
	}
	if v.previous != nil && !v.previous.Unready.IsZero() && !v.previous.Unready.After(now) {
		return metav1.NewTime(v.previous.Unready.UTC())
	}
	return metav1.NewTime(now)
}

// keepLast gives traffic back to those that had it last where none would have
// any, with the weights that users gave them. What a user took away stays away.
// It says whether it had to.
func keepLast(entries []v1alpha1.BackendCluster, before map[string]*v1alpha1.BackendCluster, weights map[string]int64) bool {
	for i := range entries {
		if takes(&entries[i]) {
			return false
		}
	}
	kept := false
	for i := range entries {
		e, last := &entries[i], before[entries[i].Cluster]
		if last == nil || !takes(last) || e.State == v1alpha1.BackendDrained {
			continue
		}
		if len(e.Endpoints) == 0 {
			e.Endpoints = last.Endpoints
		}
		if len(e.Endpoints) > 0 {
			e.State, e.Reason, e.Weight, kept = v1alpha1.BackendKept, reasonLast, weights[e.Cluster], true
		}
	}
	return kept
}

// sound says whether an entry can be gone on with: its state is one that is
// known here, and has what it needs.
func sound(e *v1alpha1.BackendCluster) bool {
	switch e.State {
	case v1alpha1.BackendServing, v1alpha1.BackendKept:
		return len(e.Endpoints) > 0
	case v1alpha1.BackendOut, v1alpha1.BackendDrained, v1alpha1.BackendPending:
		return true
	}
	return false
}

func takes(e *v1alpha1.BackendCluster) bool {
	return e.State == v1alpha1.BackendServing || e.State == v1alpha1.BackendKept
}
