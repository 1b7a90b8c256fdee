package edge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// silentAfter intervals without a change, an edge is taken to be gone.
	silentAfter = 3
	// mostInterval of another edge that is believed.
	mostInterval = 10 * time.Minute
)

var (
	errUnregistered = errors.New("the registration was removed; this edge serves on and registers again when it is restarted")
	errNameTaken    = errors.New("another edge has this name and lives")
)

// Registrar keeps the edge's registration, so that its addresses are the
// Ingresses'. It never removes it: an edge that restarts keeps its addresses.
type Registrar struct {
	Config
	follower *Follower

	before     string // the process that ran here before
	generation int64
	sequence   int64
	held       bool
	gone       bool // a user removed it
	other      rival
	said       string
}

// rival is another process under our name, as long as it is watched.
type rival struct {
	process  string
	sequence int64
	since    time.Time
}

// NewRegistrar makes one for what a follower serves.
func NewRegistrar(ctx context.Context, c Config, f *Follower) *Registrar {
	r := &Registrar{Config: c, follower: f, before: predecessor(c.StateDir)}
	if err := leave(c.StateDir, c.Edge.Process); err != nil {
		logr.FromContextOrDiscard(ctx).Error(err, "the next process will not know this one's name")
	}
	return r
}

// Run registers every interval until the context ends.
func (r *Registrar) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := r.HeartbeatInterval
		if federation, _, _ := r.follower.At(); federation == "" {
			wait = min(wait, r.PollInterval) // not before it is known whose edge this is
		} else {
			r.say(ctx, r.beat(ctx))
		}
		r.follower.sleep(ctx, wait)
	}
}

// say logs what is wrong, once while it stays the same.
func (r *Registrar) say(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	log, words := logr.FromContextOrDiscard(ctx).WithValues("edge", r.Edge.Name), ""
	if err != nil {
		words = err.Error()
	}
	if words == r.said {
		return
	}
	r.said = words
	if err != nil {
		log.Error(err, "not registered")
		return
	}
	log.Info("registered", "addresses", r.Edge.Addresses)
}

// beat writes the registration once, if it is ours to write.
func (r *Registrar) beat(ctx context.Context) error {
	if r.gone {
		return errUnregistered
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if !r.held {
		if err := r.claim(ctx); err != nil {
			return r.lost(err)
		}
	}
	generation, err := r.Bucket.PutEdge(ctx, r.registration(), r.generation)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return r.lost(r.why(ctx))
	case err != nil:
		r.Metrics.bucketErrors.Inc()
		return fmt.Errorf("write the registration: %w", err)
	}
	r.generation, r.held = generation, true
	r.Metrics.registered.Set(1)
	return nil
}

func (r *Registrar) lost(err error) error {
	r.Metrics.registered.Set(0)
	return err
}

// claim finds out whether the name is free: nobody's, our own from before, or
// that of an edge that has been silent for long enough.
func (r *Registrar) claim(ctx context.Context) error {
	e, generation, err := r.Bucket.Edge(ctx, r.Edge.Name)
	switch {
	case apierrors.IsNotFound(err):
		r.generation = 0
		return nil
	case err != nil:
		r.Metrics.bucketErrors.Inc()
		return fmt.Errorf("read the registration: %w", err)
	case e.Process == r.Edge.Process, r.before != "" && e.Process == r.before, r.silent(e):
		r.generation, r.sequence = generation, e.Sequence
		return nil
	}
	return fmt.Errorf("%w: choose another --name, or stop that one (process %q) and wait", errNameTaken, e.Process)
}

// silent watches another process's sequence, by our own clock.
func (r *Registrar) silent(e *v1alpha1.Edge) bool {
	now := r.Clock.Now()
	if r.other.process != e.Process || r.other.sequence != e.Sequence {
		r.other = rival{e.Process, e.Sequence, now}
		return false
	}
	interval := min(max(e.Interval.Duration, r.HeartbeatInterval), max(mostInterval, r.HeartbeatInterval))
	return now.Sub(r.other.since) >= silentAfter*interval
}

// why our registration is no longer what we wrote: somebody removed it, or
// another edge wrote over it. A write of ours that was not acknowledged may be
// all there is to it.
func (r *Registrar) why(ctx context.Context) error {
	e, generation, err := r.Bucket.Edge(ctx, r.Edge.Name)
	switch {
	case apierrors.IsNotFound(err) && r.held:
		r.gone = true
		return errUnregistered
	case err != nil:
		r.Metrics.bucketErrors.Inc()
		return fmt.Errorf("read the registration: %w", err)
	case e.Process == r.Edge.Process:
		r.generation = generation
		return errors.New("the last write was not acknowledged, will write again")
	}
	r.held, r.other = false, rival{e.Process, e.Sequence, r.Clock.Now()}
	r.before = "" // it is not our predecessor's any more
	return fmt.Errorf("%w: process %q wrote over ours", errNameTaken, e.Process)
}

// registration as it is now.
func (r *Registrar) registration() *v1alpha1.Edge {
	r.sequence++
	e := r.Edge
	e.FederationUID, e.Epoch, e.Serial = r.follower.At()
	e.Interval = metav1.Duration{Duration: r.HeartbeatInterval}
	e.Time = metav1.NewTime(r.Clock.Now().UTC())
	e.Sequence = r.sequence
	e.Health = r.Sink.Health()
	return &e
}
