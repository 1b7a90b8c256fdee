package follow

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Engine is apply's engine, as the loop needs it.
type Engine interface {
	State
	Recall(objects []v1alpha1.ObjectReport)
	Take(s *v1alpha1.Shard)
}

// Config of a Member. All fields are required.
type Config struct {
	Identity Identity
	Source   Source
	Mailbox  Mailbox
	Engine   Engine
	Health   Health
	Probes   Probes
	Clock    clock.WithTicker
	// PollInterval is how often the next revision is asked for,
	// HeartbeatInterval how often the agent beats.
	PollInterval      time.Duration
	HeartbeatInterval time.Duration
}

// Member speaks for one cluster: it follows its shard and reports.
type Member struct {
	follower *Follower
	reporter *Reporter
}

// Claim takes the cluster's name, or fails with ErrNameTaken, and picks up
// where the process before left off.
func Claim(ctx context.Context, c Config) (*Member, error) {
	found, generation, err := read(ctx, c.Mailbox, c.Identity.Cluster)
	if err != nil {
		return nil, fmt.Errorf("read own heartbeat: %w", err)
	}
	if err := MayClaim(c.Identity, found); err != nil {
		return nil, err
	}
	resumed, digest, err := resume(ctx, c)
	if err != nil {
		return nil, err
	}
	if resumed != nil {
		c.Engine.Recall(resumed.Objects)
	}
	if found != nil && found.ClusterUID == c.Identity.ClusterUID && found.MemberUID == c.Identity.MemberUID {
		c.Probes.Recall(found.Probes)
	}
	take := func(s *v1alpha1.Shard) {
		c.Probes.Aim(ctx, s.Probes)
		c.Engine.Take(s)
	}
	f := NewFollower(c.Identity, c.Source, take, c.Clock, c.PollInterval, resumed)
	r := &Reporter{
		id: c.Identity, mailbox: c.Mailbox, follower: f, state: c.Engine, health: c.Health, probes: c.Probes, clock: c.Clock,
		interval: c.HeartbeatInterval, generation: generation, digest: digest, pristine: resumed == nil,
	}
	if resumed != nil {
		r.conditions = resumed.Conditions
	}
	return &Member{follower: f, reporter: r}, r.first(ctx)
}

// first writes the heartbeat that makes the claim.
func (r *Reporter) first(ctx context.Context) error {
	for r.sequence == 0 {
		wait, err := r.beat(ctx)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if r.sequence > 0 {
			return nil
		}
		timer := r.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C():
		}
	}
	return nil
}

// resume reads the report of the process before, if it was this member's.
func resume(ctx context.Context, c Config) (*v1alpha1.Report, string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	report, digest, err := c.Mailbox.Report(ctx, c.Identity.Cluster)
	switch {
	case apierrors.IsNotFound(err):
		return nil, "", nil
	case apierrors.IsInvalid(err):
		logf.FromContext(ctx).Info("the last report is unreadable and will be replaced", "error", err.Error())
		return nil, "", nil
	case err != nil:
		return nil, "", fmt.Errorf("read own report: %w", err)
	case !Ours(c.Identity, report):
		return nil, "", nil
	}
	return report, digest, nil
}

// Run follows and reports until the context ends or the claim is lost.
func (m *Member) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	following.Go(func() { m.follower.Run(ctx) })
	return m.reporter.run(ctx)
}

// Progress is how far the member is.
func (m *Member) Progress() Progress { return m.follower.Progress() }

// LastBeat is when a heartbeat was last written.
func (m *Member) LastBeat() time.Time { return m.reporter.LastBeat() }
