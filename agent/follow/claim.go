package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Why a process may not speak for its cluster.
var (
	// ErrNameTaken: another cluster's agent beats under this cluster's name.
	ErrNameTaken = errors.New("the cluster's name is taken")
	// ErrSuperseded: another process of the same member has taken over.
	ErrSuperseded = errors.New("another agent of this cluster has taken over")
	// ErrForgotten: our heartbeat was removed; the cluster has left.
	ErrForgotten = errors.New("the federation has forgotten this cluster")
)

// Mailbox is where the cluster's heartbeat and report are. Errors are those of
// k8s.io/apimachinery/pkg/api/errors.
type Mailbox interface {
	Heartbeat(ctx context.Context, cluster string) (*v1alpha1.Heartbeat, int64, error)
	// PutHeartbeat is conditional on the generation; 0 means that there is none.
	PutHeartbeat(ctx context.Context, hb *v1alpha1.Heartbeat, generation int64) (int64, error)
	Report(ctx context.Context, cluster string) (*v1alpha1.Report, string, error)
	PutReport(ctx context.Context, r *v1alpha1.Report) (string, error)
	// PutClaim leaves word that an agent asks for the name and is refused.
	PutClaim(ctx context.Context, hb *v1alpha1.Heartbeat) error
}

// MayClaim says whether a starting agent may write over the heartbeat it found
// (nil: there is none).
func MayClaim(id Identity, found *v1alpha1.Heartbeat) error {
	switch {
	case found == nil, found.ClusterUID != id.ClusterUID, found.MemberUID == "", found.MemberUID == id.MemberUID:
		return nil // nobody's, an earlier life's of the name, or our own member's
	case id.Bound:
		return nil // the roster says that the name is ours
	}
	return fmt.Errorf("%w: %q is claimed by the cluster whose kube-system namespace has UID %s (agent %s); this one's has %s. "+
		"If this is that cluster, rebuilt: kubectl fed recover cluster %s --rebind",
		ErrNameTaken, id.Cluster, found.MemberUID, found.Agent, id.MemberUID, id.Cluster)
}

// Lost says what a beating agent must conclude when the heartbeat is not the
// one it wrote last: nil means that it is after all (a lost answer).
func Lost(id Identity, found *v1alpha1.Heartbeat) error {
	switch {
	case found == nil:
		return ErrForgotten
	case found.Agent == id.Agent && found.MemberUID == id.MemberUID:
		return nil
	case found.MemberUID == id.MemberUID:
		return fmt.Errorf("%w: %s", ErrSuperseded, found.Agent)
	}
	// Whom the roster names may have changed since we asked.
	id.Bound = false
	return MayClaim(id, found)
}

// read is a heartbeat, or nil and generation 0.
func read(ctx context.Context, m Mailbox, cluster string) (*v1alpha1.Heartbeat, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	hb, generation, err := m.Heartbeat(ctx, cluster)
	if apierrors.IsNotFound(err) {
		return nil, 0, nil
	}
	return hb, generation, err
}

// AwaitSilence returns when the cluster's heartbeat has not changed for three
// of its intervals, so that whoever superseded us is gone, or when the context
// ends.
func AwaitSilence(ctx context.Context, m Mailbox, cluster string, c clock.WithTicker, interval time.Duration) {
	const missed = 3
	var last int64 = -1
	for quiet := 0; quiet < missed; {
		hb, generation, err := read(ctx, m, cluster)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && generation == 0:
			return
		case err == nil && generation == last:
			quiet++
		case err == nil:
			last, quiet, interval = generation, 0, max(interval, hb.Interval.Duration)
		}
		timer := c.NewTimer(interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}
