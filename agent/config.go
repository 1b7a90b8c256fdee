package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Roster is where the federation and its clusters are described. Errors are
// those of k8s.io/apimachinery/pkg/api/errors.
type Roster interface {
	Federation(ctx context.Context) (*v1alpha1.Federation, error)
	Cluster(ctx context.Context, name string) (*v1alpha1.Cluster, error)
}

// Config of an agent. Fields are required unless they say otherwise.
type Config struct {
	// Cluster is the name this cluster was joined under.
	Cluster string
	// ClusterUID and FederationUID, where set, must be the roster's.
	ClusterUID    types.UID
	FederationUID types.UID
	// Agent is this process's identity, as NewIdentity gives it.
	Agent   string
	Version string

	// REST leads to the member's API server.
	REST *rest.Config
	// Namespace holds the Lease by which replicas agree on who works, and the one
	// in which the member remembers what was taken over.
	Namespace      string
	LeaderElection bool
	// ElectionID is this replica's holder identity; defaults to Agent.
	ElectionID string

	// MetricsAddress and ProbeAddress as net.Listen takes them; "0" for none.
	MetricsAddress string
	ProbeAddress   string

	// PollInterval is how often the next revision is asked for.
	PollInterval      time.Duration
	HeartbeatInterval time.Duration

	// Reach is where the agent may connect to when its shard asks it to look
	// whether other clusters live.
	Reach observe.Reach
	// PodEndpoints says that this cluster's pods can be reached from outside it:
	// their addresses are reported, for carriers of traffic to connect to.
	PodEndpoints bool

	Roster  Roster
	Source  follow.Source
	Mailbox follow.Mailbox
	// Lead, optional, stands for the federation's leader while this replica
	// works; it finds out by itself whether the cluster may lead. It returns
	// when its context ends, and is called again when it fails.
	Lead func(ctx context.Context) error
}

// Validate says what is missing or out of range.
func (c *Config) Validate() error {
	switch {
	case c.Cluster == "":
		return errors.New("the cluster's name is missing: give --cluster, the name it was joined under")
	case c.Namespace == "" && c.LeaderElection:
		return errors.New("the namespace of the election's Lease is missing: give --namespace, or --leader-election=false for a single agent")
	case c.PollInterval < 10*time.Millisecond || c.PollInterval > time.Hour:
		return fmt.Errorf("the poll interval %s is out of range: give --poll-interval between 10ms and 1h", c.PollInterval)
	case c.HeartbeatInterval < time.Second || c.HeartbeatInterval > time.Hour:
		return fmt.Errorf("the heartbeat interval %s is out of range: give --heartbeat-interval between 1s and 1h", c.HeartbeatInterval)
	case c.REST == nil || c.Roster == nil || c.Source == nil || c.Mailbox == nil:
		return errors.New("an agent needs an API server and a bucket")
	}
	return nil
}

// NewIdentity names a process, unique per start: the pod's or host's name and
// something random.
func NewIdentity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return cmp.Or(os.Getenv("POD_NAME"), host) + "_" + uuid.NewString()[:8]
}
