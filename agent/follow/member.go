package follow

import (
	"context"
	"errors"
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

// Config of a Member. All fields but Memory are required.
type Config struct {
	Identity Identity
	Source   Source
	Mailbox  Mailbox
	Engine   Engine
	Health   Health
	Probes   Probes
	Memory   Memory
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
	keeper   *keeper
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
	k := newKeeper(ctx, c.Memory, c.Identity, c.Clock, found)
	f.remember(k.stored)
	if f.accepted = k.accept; k.restored != "" {
		f.waiting, f.progress.Revision = true, max(f.progress.Revision, k.noted)
	}
	r := &Reporter{
		keeper: k, id: c.Identity, mailbox: c.Mailbox, follower: f, state: c.Engine, health: c.Health, probes: c.Probes, clock: c.Clock,
		interval: c.HeartbeatInterval, generation: generation, digest: digest, pristine: resumed == nil,
	}
	if resumed != nil {
		r.conditions = resumed.Conditions
	}
	return &Member{follower: f, reporter: r, keeper: k}, r.first(ctx)
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
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	running.Go(func() { m.follower.Run(ctx) })
	running.Go(func() {
		if err := m.keeper.run(ctx, m.mark); err != nil {
			cancel(err)
		}
	})
	err := m.reporter.run(ctx)
	if cause := context.Cause(ctx); err == nil && (errors.Is(cause, errForgot) || errors.Is(cause, ErrBoundElsewhere)) {
		return cause
	}
	return err
}

// mark is what the member is to remember.
func (m *Member) mark() Mark {
	p := m.follower.Progress()
	return Mark{Cluster: m.reporter.id.Cluster, ClusterUID: m.reporter.id.ClusterUID, Revision: p.Revision, Epoch: p.Epoch, SHA256: p.SHA256}
}

// Trusted says whether the member may be written to: it answers, and it is not
// one that was restored from a backup.
func (m *Member) Trusted() bool { return m.keeper.trusted() }

// Progress is how far the member is.
func (m *Member) Progress() Progress { return m.follower.Progress() }

// LastBeat is when a heartbeat was last written.
func (m *Member) LastBeat() time.Time { return m.reporter.LastBeat() }
