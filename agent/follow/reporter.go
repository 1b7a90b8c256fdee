package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// settleTime lets changes that come together be reported together.
	settleTime = 100 * time.Millisecond
	// writeEvery keeps each of the two objects below the one write per second
	// that a bucket allows per name.
	writeEvery = 1100 * time.Millisecond
	// beatTimeout bounds one write of the heartbeat: a late one is no use.
	beatTimeout = 10 * time.Second
)

// State is what the report tells of the member, as apply and observe know it.
type State interface {
	Objects() []v1alpha1.ObjectReport
	Gone() []v1alpha1.GoneObject
	// Leftovers bear the federation's marks, but the shard does not name them.
	Leftovers() []v1alpha1.Key
	// Changed is poked when the others may answer differently.
	Changed() <-chan struct{}
}

// Health is how the member's API server is: why it does not answer, or "".
type Health interface {
	Unready() string
	Facts() observe.Facts
	Changed() <-chan struct{}
}

// Probes are what this agent sees of other clusters.
type Probes interface {
	// Recall is given what the process before saw, Aim what each shard asks for.
	Recall(results []v1alpha1.ProbeResult)
	Aim(ctx context.Context, targets []v1alpha1.ProbeTarget)
	Results() []v1alpha1.ProbeResult
	Changed() <-chan struct{}
}

// Reporter writes the heartbeat and the report of one claim on the cluster's
// name. It is one goroutine: the order of its writes is the order of its code.
type Reporter struct {
	keeper   *keeper
	id       Identity
	mailbox  Mailbox
	follower *Follower
	state    State
	health   Health
	probes   Probes
	clock    clock.WithTicker
	interval time.Duration

	tried      time.Time // when the heartbeat was last written, or may have been
	generation int64     // of the heartbeat, as last written by us
	sequence   int64
	digest     string // of the report, as stored
	written    []byte // the report, as last written
	conditions []metav1.Condition
	pristine   bool // no report of this member was found
	failing    int
	complaint  string // last logged about the report; empty once it was written

	mu       sync.Mutex
	lastBeat time.Time
}

// LastBeat is when a heartbeat was last written, for metrics.
func (r *Reporter) LastBeat() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastBeat
}

// run beats and reports until the context ends or the claim is lost.
func (r *Reporter) run(ctx context.Context) error {
	beat, report := r.clock.NewTimer(writeEvery), r.clock.NewTimer(settleTime)
	defer beat.Stop()
	defer report.Stop()
	armed := true // the report timer is running
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C():
			wait, err := r.beat(ctx)
			if err != nil {
				return err
			}
			beat.Reset(wait)
			continue
		case <-report.C():
			again, err := r.tell(ctx, beat)
			if err != nil {
				return err
			}
			if armed = again > 0; armed {
				report.Reset(again)
			}
			continue
		case <-r.probes.Changed():
			if r.failing == 0 { // else the next try is due anyway
				beat.Reset(r.soonest())
			}
			continue
		case <-r.state.Changed():
		case <-r.keeper.changed:
		case <-r.follower.Changed():
		case <-r.health.Changed():
		}
		if !armed {
			report.Reset(settleTime)
			armed = true
		}
	}
}

// tell reports, and says when to look again; 0 when something changes.
func (r *Reporter) tell(ctx context.Context, beat clock.Timer) (time.Duration, error) {
	wrote, again, err := r.report(ctx)
	if err != nil || (!wrote && again == 0) {
		return 0, err
	}
	if wrote {
		// The heartbeat carries the report's digest: whoever lists heartbeats
		// learns of the report by it.
		beat.Reset(r.soonest())
	}
	return max(again, writeEvery), nil
}

// soonest is how long to wait before the heartbeat may be written again.
func (r *Reporter) soonest() time.Duration {
	return max(0, r.tried.Add(writeEvery).Sub(r.clock.Now()))
}

// beat writes one heartbeat and says when to write the next. An error means
// that this process may no longer speak for the cluster.
func (r *Reporter) beat(ctx context.Context) (time.Duration, error) {
	p := r.follower.Progress()
	hb := &v1alpha1.Heartbeat{
		Cluster: r.id.Cluster, FederationUID: r.id.FederationUID, ClusterUID: r.id.ClusterUID, MemberUID: r.id.MemberUID,
		Agent: r.id.Agent, Time: metav1.NewTime(r.clock.Now()), Sequence: r.sequence + 1, Revision: p.Revision, Epoch: p.Epoch,
		Report: r.digest, Healthy: r.health.Unready() == "", Interval: metav1.Duration{Duration: r.interval},
		Probes: r.probes.Results(), Noted: r.keeper.remembered(),
	}
	if r.keeper.waiting() != "" {
		hb.Waiting = v1alpha1.ReasonMemberRestored
	}
	call, cancel := context.WithTimeout(ctx, beatTimeout)
	generation, err := r.mailbox.PutHeartbeat(call, hb, r.generation)
	cancel()
	r.tried = r.clock.Now()
	switch {
	case err == nil:
		r.beaten(ctx, generation)
		return r.interval, nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return r.overtaken(ctx, err)
	}
	return r.beatFailed(ctx, err), nil
}

func (r *Reporter) beaten(ctx context.Context, generation int64) {
	r.answered(ctx)
	r.generation = generation
	r.sequence++
	r.mu.Lock()
	r.lastBeat = r.clock.Now()
	r.mu.Unlock()
}

// answered notes that the bucket takes what is written, be it heartbeat or report.
func (r *Reporter) answered(ctx context.Context) {
	if r.failing > 0 {
		logf.FromContext(ctx).Info("the bucket can be written again")
		poke(r.follower.hurry)
	}
	r.failing = 0
}

func (r *Reporter) beatFailed(ctx context.Context, err error) time.Duration {
	if r.failing == 0 && ctx.Err() == nil {
		logf.FromContext(ctx).Error(err, "the heartbeat cannot be written")
	}
	r.failing++
	return min(r.interval, Backoff(r.failing, rand.Float64()))
}

// overtaken finds out who wrote the heartbeat instead of us.
func (r *Reporter) overtaken(ctx context.Context, conflict error) (time.Duration, error) {
	found, generation, err := read(ctx, r.mailbox, r.id.Cluster)
	if err != nil {
		return r.beatFailed(ctx, fmt.Errorf("%w; and reading it: %w", conflict, err)), nil
	}
	if found == nil && r.generation == 0 {
		return r.beatFailed(ctx, conflict), nil // the bucket itself is away
	}
	if err := Lost(r.id, found); err != nil {
		return 0, err
	}
	r.generation = generation
	return writeEvery, nil
}

// report writes the report if it differs from the last one. again is when to
// try once more after a failure; an error means that the claim is lost.
func (r *Reporter) report(ctx context.Context) (wrote bool, again time.Duration, err error) {
	p := r.follower.Progress()
	waiting := r.keeper.waiting()
	if !p.Holding && !r.pristine && waiting == "" {
		return false, 0, nil // the last report is truer than one of nothing
	}
	now := metav1.NewTime(r.clock.Now())
	r.conditions = restoredCondition(conditions(r.conditions, now, r.health.Unready(), p), now, waiting)
	r.conditions = leftoversCondition(r.conditions, now, r.state.Leftovers())
	rep := assemble(r.id, p, r.health.Facts(), r.state.Objects(), r.state.Gone(), r.conditions)
	body, err := fit(rep)
	if err != nil {
		logf.FromContext(ctx).Error(err, "the report cannot be encoded")
		return false, 0, nil
	}
	if bytes.Equal(body, r.written) {
		return false, 0, nil
	}
	if ours, err := r.confirm(ctx); err != nil || !ours {
		return false, r.reportFailed(ctx, errUnconfirmed), err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	digest, err := r.mailbox.PutReport(call, rep)
	if err != nil {
		return false, r.reportFailed(ctx, err), nil
	}
	r.answered(ctx)
	r.digest, r.written, r.complaint = digest, body, ""
	return true, 0, nil
}

var errUnconfirmed = errors.New("the heartbeat cannot be read")

// confirm makes sure that the heartbeat is still the one we wrote: unlike it,
// a report is written unconditionally, and one written after the cluster was
// forgotten would stay behind.
func (r *Reporter) confirm(ctx context.Context) (ours bool, err error) {
	if r.clock.Since(r.LastBeat()) < writeEvery {
		return true, nil
	}
	found, generation, err := read(ctx, r.mailbox, r.id.Cluster)
	switch {
	case err != nil:
		return false, nil
	case generation == r.generation:
		return true, nil
	}
	if err := Lost(r.id, found); err != nil {
		return false, err
	}
	r.generation = generation
	return true, nil
}

func (r *Reporter) reportFailed(ctx context.Context, err error) time.Duration {
	if words := err.Error(); ctx.Err() == nil && words != r.complaint {
		logf.FromContext(ctx).Info("the report cannot be written, will retry", "error", words)
		r.complaint = words
	}
	r.failing++
	return Backoff(r.failing, rand.Float64())
}
