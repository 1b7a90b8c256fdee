package agent

import (
	"cmp"
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kubectl-fed/kubectl-fed/agent/observe"
)

// Run runs an agent until the context ends, or until it finds that it was told
// something that is not so. The logger is the context's.
func Run(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	log := logf.FromContext(ctx)
	mgr, err := newManager(c, log)
	if err != nil {
		return err
	}
	a, err := newAgent(c, mgr)
	if err != nil {
		return err
	}
	for _, show := range []prometheus.Collector{
		&collector{board: a.board, metrics: metrics()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := ctrlmetrics.Registry.Register(show); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
		defer ctrlmetrics.Registry.Unregister(show)
	}
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		return a.run(logf.IntoContext(ctx, log))
	})); err != nil {
		return fmt.Errorf("add the agent to its manager: %w", err)
	}
	return mgr.Start(ctx)
}

// newManager makes a manager without its own election (see election) that can
// start while the API server is away.
func newManager(c Config, log logr.Logger) (manager.Manager, error) {
	config := rest.CopyConfig(c.REST)
	config.QPS = -1
	mgr, err := manager.New(config, manager.Options{
		Scheme:                 scheme.Scheme,
		Logger:                 log,
		Metrics:                server.Options{BindAddress: c.MetricsAddress},
		HealthProbeBindAddress: c.ProbeAddress,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	return mgr, nil
}

func newAgent(c Config, mgr manager.Manager) (*agent, error) {
	a := &agent{Config: c, clock: clock.RealClock{}, board: &board{}, holds: func() bool { return true }}
	a.announce = announcer(mgr.GetEventRecorder("kubectl-fed-agent"))
	var err error
	if a.server, err = observe.NewCluster(c.REST); err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("add the health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("agent", a.board.ready); err != nil {
		return nil, fmt.Errorf("add the readiness check: %w", err)
	}
	return a, nil
}

// run works at once, or when elected.
func (a *agent) run(ctx context.Context) error {
	if !a.LeaderElection {
		return a.serve(ctx)
	}
	e, err := newElection(a.REST, a.Namespace, leaseName(a.Cluster, a.FederationUID), cmp.Or(a.ElectionID, a.Agent))
	if err != nil {
		return err
	}
	a.holds = e.holds
	return e.run(ctx, a.serve)
}

// announcer makes Kubernetes Events beside the objects they are about.
func announcer(r events.EventRecorder) func(corev1.ObjectReference, string, string, string) {
	const maxNote = 1000 // the API allows 1024 bytes
	return func(about corev1.ObjectReference, kind, reason, message string) {
		if len(message) > maxNote {
			message = message[:maxNote]
		}
		r.Eventf(&about, nil, kind, reason, "Federate", "%s", message)
	}
}
