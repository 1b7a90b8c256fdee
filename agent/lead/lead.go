package lead

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/leaderelection"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// The lease. A leader that cannot renew stops before another may start.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// eligibleEvery is how often a candidate asks whether it may still lead.
const eligibleEvery = 30 * time.Second

// askAgain is how soon it asks again when there was no answer.
const askAgain = 5 * time.Second

// Config is what a candidate needs.
type Config struct {
	// Cluster is the member this process runs in.
	Cluster   string
	Lock      Lock
	Snapshots Snapshots
	Store     Store
	// Decode turns a stored spec into an object, strictly.
	Decode func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error)
}

// Lead stands for election and leads while it holds the lease.
type Lead struct {
	cfg     Config
	leading atomic.Bool
	last    last // written in any term
}

// New checks the configuration.
func New(cfg Config) (*Lead, error) {
	if cfg.Cluster == "" || cfg.Lock == nil || cfg.Snapshots == nil || cfg.Store == nil || cfg.Decode == nil {
		return nil, errors.New("lead: cluster, lock, snapshots, store and decode are required")
	}
	return &Lead{cfg: cfg}, nil
}

// Leading says whether this process holds the lease and acts on it.
func (l *Lead) Leading() bool { return l.leading.Load() }

// Run stands for election whenever the cluster is eligible, until the context
// ends. It returns once the loops have stopped and the lease is given up.
func (l *Lead) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if eligible, err := l.eligible(ctx); err != nil || !eligible {
			wait := eligibleEvery
			if err != nil {
				logr.FromContextOrDiscard(ctx).Info("cannot tell whether this cluster may lead", "err", err.Error())
				wait = askAgain
			}
			sleep(ctx, wait)
			continue
		}
		if err := l.candidacy(ctx); err != nil {
			return err
		}
		sleep(ctx, retryPeriod)
	}
	return nil
}

// candidacy is one election, and the term if it is won. It ends early when
// the cluster may no longer lead.
func (l *Lead) candidacy(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for sleep(ctx, eligibleEvery) {
			// Without an answer, what was known stands.
			if eligible, err := l.eligible(ctx); err == nil && !eligible {
				logr.FromContextOrDiscard(ctx).Info("cluster may no longer lead")
				cancel()
			}
		}
	}()
	return l.stand(ctx)
}

// eligible asks the roster. A cluster that is not in it may not lead. One that
// is leaving may until it has left: the last member sees itself off.
func (l *Lead) eligible(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	c, err := l.cfg.Store.Cluster(ctx, l.cfg.Cluster)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return c.Spec.LeaderEligible, nil
}

// stand takes part in one election and leads if it is won. The lease is given
// up only after the loops have stopped.
func (l *Lead) stand(ctx context.Context) error {
	election, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	won, over := make(chan context.Context, 1), make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: l.cfg.Lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		ReleaseOnCancel: true, Name: l.cfg.Lock.Describe(),
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) { won <- held },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("stand for election: %w", err)
	}
	go func() {
		defer close(over)
		elector.Run(election)
	}()
	select {
	case held := <-won:
		l.lead(ctx, held)
	case <-ctx.Done():
	case <-over:
	}
	leave()
	<-over
	return nil
}

// lead runs one term: until the lease is lost, the context ends, or another
// leader is found to have decided.
func (l *Lead) lead(ctx, held context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(held, cancel)
	defer stop()
	epoch := l.cfg.Lock.Epoch()
	if epoch == 0 {
		return // lost already
	}
	log := logr.FromContextOrDiscard(ctx).WithValues("epoch", epoch)
	ctx = logr.NewContext(ctx, log)
	l.leading.Store(true)
	defer l.leading.Store(false)
	log.Info("leading")
	t := newTerm(l.cfg, epoch)
	t.last = &l.last
	if err := t.run(ctx); err != nil && ctx.Err() == nil {
		log.Error(err, "term ended")
		return
	}
	log.Info("no longer leading")
}

// sleep waits; false means that the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
