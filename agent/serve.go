package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/agent/apply"
	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// leadAgain is how long after a leader's loops failed they are started again.
const leadAgain = 5 * time.Second

// agent is the state of a running agent.
type agent struct {
	Config
	clock    clock.WithTicker
	server   *observe.Cluster
	holds    func() bool
	announce func(about corev1.ObjectReference, kind, reason, message string)
	board    *board
	// asked counts the words left about a name that is refused.
	asked int64
}

// serve works until the context ends. What goes wrong is waited out, unless
// it is fatal.
func (a *agent) serve(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		err := a.claimAndWork(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errFatal):
			return err
		case err == nil:
			failures = 0
			continue
		}
		if a.board.trouble(err.Error()) {
			logf.FromContext(ctx).Error(err, "not working for now, will retry")
		}
		failures++
		a.pause(ctx, err, failures)
	}
	return nil
}

// pause waits until it makes sense to claim the cluster's name again.
func (a *agent) pause(ctx context.Context, why error, failures int) {
	switch {
	case errors.Is(why, follow.ErrSuperseded):
		// Whoever came later is the one to stay, while it lives.
		follow.AwaitSilence(ctx, a.Mailbox, a.Cluster, a.clock, a.HeartbeatInterval)
	case errors.Is(why, follow.ErrNameTaken), errors.Is(why, follow.ErrBoundElsewhere):
		a.sleep(ctx, a.HeartbeatInterval)
	default:
		a.sleep(ctx, follow.Backoff(failures, rand.Float64()))
	}
}

func (a *agent) sleep(ctx context.Context, d time.Duration) {
	timer := a.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// claimAndWork checks who we are, claims the cluster's name and works until the
// claim is lost.
func (a *agent) claimAndWork(ctx context.Context) error {
	m, err := readMembership(ctx, &a.Config)
	if err != nil {
		return err
	}
	memberUID, err := a.server.Identity(ctx)
	if err != nil {
		return err
	}
	id := follow.Identity{
		Cluster: a.Cluster, FederationUID: m.federation, ClusterUID: m.cluster,
		MemberUID: memberUID, Bound: m.memberUID == memberUID, Agent: a.Agent, Version: a.Version,
	}
	memory, err := newNote(a.REST, a.Namespace, m.federation)
	if err != nil {
		return err
	}
	if err = a.mayWork(ctx, m, id, memory); err == nil {
		err = a.work(ctx, id, memory)
	}
	if errors.Is(err, follow.ErrNameTaken) || errors.Is(err, follow.ErrBoundElsewhere) {
		a.announceConflict(memberUID, err)
		a.leaveWord(ctx, id, err)
	}
	return err
}

func (a *agent) announceConflict(memberUID string, err error) {
	about := corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: metav1.NamespaceSystem, UID: types.UID(memberUID)}
	a.announce(about, corev1.EventTypeWarning, v1alpha1.ConditionNameConflict, err.Error())
}

// work runs everything there is to run for one claim.
func (a *agent) work(ctx context.Context, id follow.Identity, memory follow.Memory) error {
	member, err := apply.NewCluster(a.REST, id.FederationUID)
	if err != nil {
		return err
	}
	inspector := observe.NewInspector(a.server, a.clock)
	endpoints := observe.NewEndpoints(a.server.Slices(id.FederationUID), a.PodEndpoints, a.clock)
	var claimed *follow.Member // before the engine runs
	mayWrite := func() bool { return a.holds() && claimed.Trusted() }
	engine := apply.New(apply.Config{
		Federation: id.FederationUID, Member: member, Watches: member.Watch, Show: member.Show, Clock: a.clock, MayWrite: mayWrite, Announce: a.announce,
		Judge: func(u *unstructured.Unstructured) v1alpha1.ObjectReport {
			o := inspector.Judge(u)
			endpoints.Judge(u, &o)
			return o
		},
		Amend: func(key v1alpha1.Key, o *v1alpha1.ObjectReport) {
			inspector.Amend(key, o)
			endpoints.Amend(key, o)
		},
	})
	vitals := observe.NewVitals(a.server, a.clock, a.HeartbeatInterval, engine.Wake)
	prober := observe.NewProber(a.Reach, observe.Network{}, a.clock, a.HeartbeatInterval)
	claimed, err = follow.Claim(ctx, follow.Config{
		Identity: id, Source: a.Source, Mailbox: a.Mailbox, Engine: engine, Health: vitals, Probes: prober, Memory: memory, Clock: a.clock,
		PollInterval: a.PollInterval, HeartbeatInterval: a.HeartbeatInterval,
	})
	if err != nil {
		return err
	}
	a.board.working(engine, claimed, vitals)
	defer a.board.idle()
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { engine.Run(ctx) })
	running.Go(func() { vitals.Run(ctx) })
	running.Go(func() { prober.Run(ctx) })
	running.Go(func() { inspector.Run(ctx, engine) })
	running.Go(func() { endpoints.Run(ctx, engine) })
	running.Go(func() { a.lead(ctx) })
	logf.FromContext(ctx).Info("working", "cluster", id.Cluster, "clusterUID", id.ClusterUID, "memberUID", id.MemberUID, "agent", id.Agent)
	return claimed.Run(ctx)
}

// lead stands for the federation's leader, again and again.
func (a *agent) lead(ctx context.Context) {
	for a.Lead != nil && ctx.Err() == nil {
		if err := a.Lead(ctx); err != nil && ctx.Err() == nil {
			logf.FromContext(ctx).Error(err, "leading failed, will retry")
		}
		a.sleep(ctx, leadAgain)
	}
}
