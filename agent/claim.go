package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// boundElsewhere is the refusal of a member that has another name already.
type boundElsewhere struct{ name, here string }

func (e boundElsewhere) Error() string {
	return fmt.Sprintf("this cluster is a member already, as %q: nothing is changed in it under the name %q. "+
		"Install the agent as %q again, or rename the member: kubectl fed recover cluster %s --rebind", e.name, e.here, e.name, e.here)
}

func (boundElsewhere) Unwrap() error { return follow.ErrBoundElsewhere }

// mayWork asks the roster, and the member itself, whether the name is its own.
func (a *agent) mayWork(ctx context.Context, m membership, id follow.Identity, memory follow.Memory) error {
	if m.memberUID != "" && !id.Bound {
		return fmt.Errorf("%w: %q was joined as the cluster whose kube-system namespace has UID %s; this one's has %s. "+
			"If this is that cluster, rebuilt: kubectl fed recover cluster %s --rebind", follow.ErrNameTaken, a.Cluster, m.memberUID, id.MemberUID, a.Cluster)
	}
	if memory == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, rosterTimeout)
	defer cancel()
	mark, err := memory.Recall(ctx)
	switch {
	case apierrors.IsForbidden(err):
		return nil
	case err != nil:
		return fmt.Errorf("read what this cluster remembers: %w", err)
	case mark.ClusterUID == "" || mark.ClusterUID == id.ClusterUID:
		return nil
	}
	other, err := a.Roster.Cluster(ctx, mark.Cluster)
	switch {
	case apierrors.IsNotFound(err):
		return nil // it has left under that name
	case err != nil:
		return fmt.Errorf("read the roster's entry of cluster %q, which this one was: %w", mark.Cluster, err)
	case other.UID != mark.ClusterUID, released(other, id):
		return nil
	}
	return boundElsewhere{name: mark.Cluster, here: a.Cluster}
}

// released: the roster says that the member has the new name, and that the old
// one is nobody's.
func released(old *v1alpha1.Cluster, id follow.Identity) bool {
	return id.Bound && old.Spec.Lost && old.Spec.MemberUID != id.MemberUID
}

// leaveWord tells the leader that this member asks for the name, so that people
// hear of it. Nothing depends on it.
func (a *agent) leaveWord(ctx context.Context, id follow.Identity, why error) {
	a.asked++
	claim := &v1alpha1.Heartbeat{Cluster: id.Cluster, FederationUID: id.FederationUID, ClusterUID: id.ClusterUID, MemberUID: id.MemberUID,
		Agent: id.Agent, Time: metav1.NewTime(a.clock.Now()), Sequence: a.asked, Interval: metav1.Duration{Duration: a.HeartbeatInterval},
		Waiting: v1alpha1.ReasonNameTaken}
	var elsewhere boundElsewhere
	if errors.As(why, &elsewhere) {
		claim.Waiting, claim.BoundTo = v1alpha1.ReasonMemberBoundElsewhere, elsewhere.name
	}
	ctx, cancel := context.WithTimeout(ctx, claimLimit)
	defer cancel()
	if err := a.Mailbox.PutClaim(ctx, claim); err != nil {
		logf.FromContext(ctx).V(1).Info("the leader cannot be told of the refused name", "error", err.Error())
	}
}

// claimLimit bounds the word left for the leader.
const claimLimit = 10 * time.Second
