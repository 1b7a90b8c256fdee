package agent

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	leasePrefix   = "kubectl-fed-agent"
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// maxLeaseName is the most a Lease's name may have, in characters.
	maxLeaseName = 63
)

// election decides which replica works. controller-runtime's own would end the
// process when the Lease cannot be renewed, that is whenever the API server is
// away; this one goes on working then, because nobody else can have taken the
// Lease either, and stops only when it sees that another has. Until the Lease
// is renewed nothing is written to the member (holds), and the heartbeat's
// compare-and-swap in the bucket keeps two replicas from reporting.
type election struct {
	lock    resourcelock.Interface
	elector atomic.Pointer[leaderelection.LeaderElector]
}

func newElection(config *rest.Config, namespace, name, identity string) (*election, error) {
	c := rest.CopyConfig(config)
	c.QPS, c.Timeout = -1, renewDeadline/2
	client, err := coordination.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("make the election's client: %w", err)
	}
	return &election{lock: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}}, nil
}

// holds says that the Lease is ours and was renewed in time.
func (e *election) holds() bool {
	le := e.elector.Load()
	return le != nil && le.IsLeader() && le.Check(0) == nil
}

// run calls serve while this replica is the one to work, and releases the Lease
// only after serve has returned. It returns when the context ends or serve
// fails.
func (e *election) run(ctx context.Context, serve func(context.Context) error) error {
	electing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	t := &term{parent: ctx, serve: serve, failed: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.elect(electing, t)
	}()
	var err error
	select {
	case <-ctx.Done():
	case err = <-t.failed:
	}
	t.end()
	stop()
	<-done
	return err
}

func (e *election) elect(ctx context.Context, t *term) {
	for ctx.Err() == nil {
		le, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: e.lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
			ReleaseOnCancel: true, Name: leasePrefix,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { t.begin() },
				OnStoppedLeading: func() {},
				OnNewLeader: func(identity string) {
					if identity != "" && identity != e.lock.Identity() {
						logf.FromContext(ctx).Info("another replica works", "replica", identity)
						t.endUnless(e.holds)
					}
				},
			},
		})
		if err != nil {
			t.fail(fmt.Errorf("set up the election: %w", err))
			return
		}
		e.elector.Store(le)
		le.Run(ctx)
	}
}

// term is the time in which this replica works.
type term struct {
	parent context.Context
	serve  func(context.Context) error
	failed chan error

	mu   sync.Mutex
	stop context.CancelFunc
	over chan struct{}
}

// begin starts serving unless it is under way.
func (t *term) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil || t.parent.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(t.parent)
	over := make(chan struct{})
	t.stop, t.over = cancel, over
	go func() {
		defer close(over)
		if err := t.serve(ctx); err != nil && ctx.Err() == nil {
			t.fail(err)
		}
	}()
}

// end stops serving and waits for it.
func (t *term) end() { t.endUnless(func() bool { return false }) }

// endUnless does so unless the news that led here is old: callbacks of the
// election may come late.
func (t *term) endUnless(holds func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop == nil || holds() {
		return
	}
	t.stop()
	<-t.over
	t.stop = nil
}

func (t *term) fail(err error) {
	select {
	case t.failed <- err:
	default:
	}
}

// leaseName is the Lease's name for one membership: two federations on one
// cluster, installed in one namespace, must not share it.
func leaseName(cluster string, federation types.UID) string {
	name := leasePrefix + "-" + cluster
	if federation != "" {
		name = v1alpha1.FieldManager(federation) + "-" + cluster
	}
	if len(name) > maxLeaseName {
		name = name[:maxLeaseName]
	}
	return strings.TrimRight(name, "-.")
}
