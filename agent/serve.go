package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/agent/apply"
	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// rosterEvery is how often the roster is read for leader eligibility.
	rosterEvery = 30 * time.Second
	// leadAgain is how long after a leader's loop failed it is started again.
	leadAgain = 5 * time.Second
)

// agent is the state of a running agent.
type agent struct {
	Config
	clock    clock.WithTicker
	server   *observe.Cluster
	holds    func() bool
	announce func(about corev1.ObjectReference, kind, reason, message string)
	board    *board
}

// serve works until the context ends. What goes wrong is waited out, unless
// it is fatal.
func (a *agent) serve(ctx context.Context) error {
	log := logf.FromContext(ctx)
	for ctx.Err() == nil {
		err := a.claimAndWork(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errFatal):
			return err
		case err == nil:
			continue
		}
		a.board.trouble(err.Error())
		log.Error(err, "not working for now, will retry")
		if errors.Is(err, follow.ErrSuperseded) {
			// Whoever came later is the one to stay, while it lives.
			follow.AwaitSilence(ctx, a.Mailbox, a.Cluster, a.clock, a.HeartbeatInterval)
			continue
		}
		a.sleep(ctx, a.HeartbeatInterval)
	}
	return nil
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
	if m.memberUID != "" && !id.Bound {
		err := fmt.Errorf("%w: %q was joined as the cluster whose kube-system namespace has UID %s; this one's has %s", follow.ErrNameTaken, a.Cluster, m.memberUID, memberUID)
		a.announceConflict(memberUID, err)
		return err
	}
	err = a.work(ctx, id, m.eligible)
	if errors.Is(err, follow.ErrNameTaken) {
		a.announceConflict(memberUID, err)
	}
	return err
}

func (a *agent) announceConflict(memberUID string, err error) {
	about := corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: metav1.NamespaceSystem, UID: types.UID(memberUID)}
	a.announce(about, corev1.EventTypeWarning, v1alpha1.ConditionNameConflict, err.Error())
}

// work runs everything there is to run for one claim.
func (a *agent) work(ctx context.Context, id follow.Identity, eligible bool) error {
	member, err := apply.NewCluster(a.REST, id.FederationUID)
	if err != nil {
		return err
	}
	engine := apply.New(apply.Config{
		Federation: id.FederationUID, Member: member, Watches: member.Watch, Judge: observe.Judge,
		Clock: a.clock, MayWrite: a.holds, Announce: a.announce,
	})
	vitals := observe.NewVitals(a.server, a.clock, a.HeartbeatInterval, engine.Wake)
	claimed, err := follow.Claim(ctx, follow.Config{
		Identity: id, Source: a.Source, Mailbox: a.Mailbox, Engine: engine, Health: vitals, Clock: a.clock,
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
	running.Go(func() { a.lead(ctx, eligible) })
	logf.FromContext(ctx).Info("working", "cluster", id.Cluster, "clusterUID", id.ClusterUID, "memberUID", id.MemberUID, "agent", id.Agent)
	return claimed.Run(ctx)
}

// lead runs the leader's loops while the roster says that this cluster may lead.
func (a *agent) lead(ctx context.Context, eligible bool) {
	if a.Lead == nil {
		return
	}
	var stop context.CancelFunc
	var leading sync.WaitGroup
	defer leading.Wait()
	for ctx.Err() == nil {
		switch {
		case eligible && stop == nil:
			var leadCtx context.Context
			leadCtx, stop = context.WithCancel(ctx)
			leading.Go(func() { a.keepLeading(leadCtx) })
		case !eligible && stop != nil:
			stop()
			leading.Wait()
			stop = nil
		}
		a.sleep(ctx, rosterEvery)
		if m, err := readMembership(ctx, &a.Config); err == nil {
			eligible = m.eligible
		}
	}
	if stop != nil {
		stop()
	}
}

func (a *agent) keepLeading(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.Lead.Start(ctx); err != nil && ctx.Err() == nil {
			logf.FromContext(ctx).Error(err, "leading failed, will retry")
		}
		a.sleep(ctx, leadAgain)
	}
}
