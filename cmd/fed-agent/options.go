package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/agent"
	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/version"
)

// envBucket names the bucket where no flag does.
const envBucket = "KUBECTL_FED_BUCKET"

// options are the command line.
type options struct {
	bucket         string
	cluster        string
	clusterUID     string
	federationUID  string
	kubeconfig     string
	context        string
	namespace      string
	metrics        string
	health         string
	leaderElection bool
	poll           time.Duration
	heartbeat      time.Duration
	probe          bool
	probeRanges    []string
	podEndpoints   bool
	verbosity      int
	version        bool
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := pflag.NewFlagSet("fed-agent", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.StringVar(&o.bucket, "bucket", getenv(envBucket), "URL of the federation's bucket: gs://NAME[/PREFIX] or file:///DIRECTORY ($"+envBucket+")")
	f.StringVar(&o.cluster, "cluster", "", "name this cluster was joined under")
	f.StringVar(&o.clusterUID, "cluster-uid", "", "UID join gave this cluster; the agent refuses to run for another")
	f.StringVar(&o.federationUID, "federation-uid", "", "UID of the federation; the agent refuses to follow another")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file of the member cluster; not needed in a pod")
	f.StringVar(&o.context, "context", "", "context in the kubeconfig file (default: its current one)")
	f.StringVar(&o.namespace, "namespace", v1alpha1.AgentNamespace, "namespace of the Lease by which replicas agree on who works")
	f.StringVar(&o.metrics, "metrics-bind-address", ":8080", "address of the metrics endpoint, 0 for none")
	f.StringVar(&o.health, "health-probe-bind-address", ":8081", "address of /healthz and /readyz, 0 for none")
	f.BoolVar(&o.leaderElection, "leader-election", true, "agree with other replicas on who works; off only for a single agent")
	f.DurationVar(&o.poll, "poll-interval", 250*time.Millisecond, "how often the next revision of the shard is asked for")
	f.DurationVar(&o.heartbeat, "heartbeat-interval", 10*time.Second, "how often the agent beats")
	f.BoolVar(&o.probe, "probe", true, "connect to addresses that other clusters publish, when the shard asks, to tell whether they live")
	f.StringSliceVar(&o.probeRanges, "probe-ranges", nil, "CIDRs that --probe may connect to (default: all but loopback, link-local, unspecified and multicast addresses, which must be named to be allowed)")
	f.BoolVar(&o.podEndpoints, "pod-endpoints", false, "report the addresses of ready pods behind Services: edges reach this cluster's pods directly")
	f.IntVarP(&o.verbosity, "v", "v", 0, "verbosity of the log: 0 what changes, 1 decisions, 4 and up for debugging")
	f.BoolVar(&o.version, "version", false, "print the version and exit")
	f.Usage = func() {
		fmt.Fprintf(stderr, "Runs in a member cluster: follows its shard in the federation's bucket.\n\nUsage:\n  fed-agent --bucket=URL --cluster=NAME [flags]\n\nFlags:\n%s", f.FlagUsages())
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: fed-agent takes flags only", f.Arg(0))
	}
	return o, o.validate()
}

func (o *options) validate() error {
	switch {
	case o.version:
		return nil
	case o.bucket == "":
		return errors.New("no bucket given: set --bucket or " + envBucket)
	case o.cluster == "":
		return errors.New("no cluster given: set --cluster to the name this cluster was joined under")
	case o.context != "" && o.kubeconfig == "":
		return errors.New("--context needs --kubeconfig")
	case o.verbosity < 0 || o.verbosity > 10:
		return fmt.Errorf("-v is %d: want 0 to 10", o.verbosity)
	}
	return nil
}

// config is the agent's configuration, but for the bucket.
func (o *options) config() (agent.Config, error) {
	member, err := o.rest()
	if err != nil {
		return agent.Config{}, err
	}
	member.UserAgent = "fed-agent/" + version.Version
	reach, err := observe.ParseReach(o.probeRanges)
	if err != nil {
		return agent.Config{}, fmt.Errorf("--probe-ranges: %w", err)
	}
	reach.Off = !o.probe
	// In a pod the host's name is the pod's: a restarted container may take its
	// own Lease back at once.
	replica := ""
	if o.kubeconfig == "" {
		replica, _ = os.Hostname()
	}
	return agent.Config{
		Cluster: o.cluster, ClusterUID: types.UID(o.clusterUID), FederationUID: types.UID(o.federationUID),
		Agent: agent.NewIdentity(), Version: version.Version,
		REST: member, Namespace: o.namespace, LeaderElection: o.leaderElection, ElectionID: replica,
		Reach: reach, PodEndpoints: o.podEndpoints, MetricsAddress: o.metrics, ProbeAddress: o.health,
		PollInterval: o.poll, HeartbeatInterval: o.heartbeat,
	}, nil
}

// rest leads to the member. Outside a pod it must be named: an agent that took
// whatever context is current would federate the wrong cluster.
func (o *options) rest() (*rest.Config, error) {
	if o.kubeconfig == "" {
		c, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, errors.New("not running in a pod: give --kubeconfig, and --context unless the current one is meant")
		}
		if err != nil {
			return nil, fmt.Errorf("read the pod's credentials: %w", err)
		}
		return c, nil
	}
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: o.kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: o.context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", o.kubeconfig, err)
	}
	return c, nil
}

// withLogger puts a JSON logger into the context and hands it to the libraries
// that have a global one.
func withLogger(ctx context.Context, w io.Writer, verbosity int) context.Context {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.Level(-verbosity), ReplaceAttr: lowerLevel})
	log := logr.FromSlogHandler(handler)
	klog.SetLogger(log.WithName("client-go"))
	logf.SetLogger(log)
	return logf.IntoContext(ctx, log)
}

// lowerLevel writes "info" and "error"; what is below info is "debug".
func lowerLevel(_ []string, a slog.Attr) slog.Attr {
	if a.Key != slog.LevelKey {
		return a
	}
	level, ok := a.Value.Any().(slog.Level)
	switch {
	case !ok:
		return a
	case level < slog.LevelInfo:
		return slog.String(slog.LevelKey, "debug")
	}
	return slog.String(slog.LevelKey, strings.ToLower(level.String()))
}
