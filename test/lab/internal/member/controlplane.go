package member

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	manageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// The components' own commands are passed by: each would install a handler for
// signals, which a process may do only once. Their options, configuration and
// run functions are what the commands call too.

func runAPIServer(ctx context.Context, c spec.Cluster) error {
	o := apiserveroptions.NewServerRunOptions()
	if err := parse(o.Flags(), apiServerFlags(c)); err != nil {
		return err
	}
	// Feature gates are the whole process's: they are set here, before any other component reads them.
	if err := o.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("set feature gates: %w", err)
	}
	completed, err := o.Complete(ctx)
	if err != nil {
		return fmt.Errorf("complete options: %w", err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return fmt.Errorf("validate options: %w", utilerrors.NewAggregate(errs))
	}
	return apiserver.Run(ctx, completed)
}

func runControllerManager(ctx context.Context, c spec.Cluster) error {
	o, err := manageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return fmt.Errorf("make options: %w", err)
	}
	known, off, aliases := manager.KnownControllers(), manager.ControllersDisabledByDefault(), manager.ControllerAliases()
	flags := o.Flags(known, off, aliases)
	o.ParsedFlags = &flags
	if err := parse(flags, controllerManagerFlags(c)); err != nil {
		return err
	}
	cfg, err := o.Config(ctx, known, off, aliases)
	if err != nil {
		return fmt.Errorf("complete options: %w", err)
	}
	return manager.Run(ctx, cfg.Complete())
}

func runScheduler(ctx context.Context) error {
	o := scheduleroptions.NewOptions()
	if err := parse(*o.Flags, schedulerFlags()); err != nil {
		return err
	}
	cfg, s, err := scheduler.Setup(ctx, o)
	if err != nil {
		return fmt.Errorf("complete options: %w", err)
	}
	return scheduler.Run(ctx, cfg, s)
}

func parse(named cliflag.NamedFlagSets, args []string) error {
	fs := pflag.NewFlagSet("component", pflag.ContinueOnError)
	for _, f := range named.FlagSets {
		fs.AddFlagSet(f)
	}
	if err := fs.Parse(args); err != nil {
		return fmt.Errorf("parse flags: %w", err)
	}
	return nil
}

func apiServerFlags(c spec.Cluster) []string {
	return append(toKubelets(c), []string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.Port),
		// A loopback address is no valid endpoint, so none is published; an
		// address must be named all the same where the machine has no network.
		"--endpoint-reconciler-type=none",
		"--advertise-address=" + nodeIP(c, 0),
		"--external-hostname=localhost",
		"--service-cluster-ip-range=" + c.ServiceRange,
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--client-ca-file=" + pki.CACert,
		"--tls-cert-file=" + pki.ServerCert,
		"--tls-private-key-file=" + pki.ServerKey,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + pki.AccountKey,
		"--service-account-signing-key-file=" + pki.AccountKey,
		"--requestheader-client-ca-file=" + pki.ProxyCACert,
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + pki.ProxyCert,
		"--proxy-client-key-file=" + pki.ProxyKey,
		// Lean: what a cluster of one process and no operator does not need.
		"--profiling=false",
		"--enable-priority-and-fairness=false",
		"--event-ttl=10m",
		"--etcd-count-metric-poll-period=0",
		"--etcd-db-metric-poll-interval=0",
		"--shutdown-delay-duration=0s",
	}...)
}

// toKubelets is how the API server reaches the kubelets of real nodes, for
// logs and the like. The simulated ones have none.
func toKubelets(c spec.Cluster) []string {
	if c.RealNodes == 0 {
		return nil
	}
	return []string{
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + pki.KubeletClientCert,
		"--kubelet-client-key=" + pki.KubeletClientKey,
	}
}

// controllersOff are the controllers that no workload of a lab waits for. The
// three that guard and bind volumes stay on: without them a claim with its
// finalizer could never be deleted.
var controllersOff = []string{
	"horizontal-pod-autoscaler-controller", // there are no metrics to scale by
	"persistentvolume-attach-detach-controller",
	"persistentvolume-expander-controller",
	"volumeattributesclass-protection-controller",
	"ephemeral-volume-controller",
	"resourceclaim-controller",
	"device-taint-eviction-controller",
	"legacy-serviceaccount-token-cleaner-controller",
	"certificatesigningrequest-cleaner-controller",
	"podcertificaterequest-cleaner-controller",
	"validatingadmissionpolicy-status-controller",
	"service-cidr-controller",
	"node-ipam-controller",
	"ttl-controller",
	"storageversion-garbage-collector-controller",
	"endpointslice-mirroring-controller",
}

func controllerManagerFlags(c spec.Cluster) []string {
	return []string{
		"--kubeconfig=" + pki.ManagerConfig,
		"--cluster-name=" + c.Name,
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=false",
		"--root-ca-file=" + pki.CACert,
		"--service-account-private-key-file=" + pki.AccountKey,
		"--cluster-signing-cert-file=" + pki.CACert,
		"--cluster-signing-key-file=" + pki.CAKey,
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--concurrent-gc-syncs=4",
		"--profiling=false",
		"--controllers=*,-" + strings.Join(controllersOff, ",-"),
	}
}

func schedulerFlags() []string {
	return []string{
		"--kubeconfig=" + pki.SchedulerConfig,
		"--secure-port=0",
		"--leader-elect=false",
	}
}
