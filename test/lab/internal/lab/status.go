package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/proc"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// State is what a cluster is doing.
type State string

// The states of a cluster.
const (
	Ready    State = "Ready"    // it answers
	Starting State = "Starting" // its process has not seen it work yet
	NotReady State = "NotReady" // it worked, and does not answer now
	Paused   State = "Paused"   // suspended
	Stopped  State = "Stopped"  // ended on purpose, or never started
	Failed   State = "Failed"   // its process ended by itself
)

// Status is one cluster's line in the list of a lab.
type Status struct {
	Cluster
	State State
	PID   int // 0 when there is no process
}

const askTimeout = 2 * time.Second

// Status looks at all clusters at once. It takes no lock, so it answers while
// clusters are being started.
func (l *Lab) Status(ctx context.Context) ([]Status, error) {
	clusters, err := l.Clusters()
	if err != nil {
		return nil, err
	}
	out := make([]Status, len(clusters))
	var all sync.WaitGroup
	for i, c := range clusters {
		all.Go(func() { out[i] = statusOf(ctx, c) })
	}
	all.Wait()
	return out, nil
}

func statusOf(ctx context.Context, c Cluster) Status {
	id, started := c.process(controlPlane)
	if !started {
		return Status{Cluster: c, State: Stopped}
	}
	switch id.State() {
	case proc.Gone:
		return Status{Cluster: c, State: Failed}
	case proc.Paused:
		return Status{Cluster: c, State: Paused, PID: id.PID}
	}
	s := Status{Cluster: c, State: Ready, PID: id.PID}
	if _, ok := c.process(realNodes); ok && !c.alive(realNodes) {
		s.State = Failed
	} else if _, err := os.Stat(c.file(spec.ReadyFile)); errors.Is(err, fs.ErrNotExist) {
		s.State = Starting
	} else if !c.answers(ctx) {
		s.State = NotReady
	}
	return s
}

func (c Cluster) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	client, err := c.client()
	if err != nil {
		return false
	}
	b, err := client.Get().AbsPath("/readyz").DoRaw(ctx)
	return err == nil && string(b) == "ok"
}

// client returns a client for any path of the cluster's API server.
func (c Cluster) client() (rest.Interface, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client of cluster %s: %w", c.Name, err)
	}
	return d.RESTClient(), nil
}

func (c Cluster) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.file(pki.AdminConfig))
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig of cluster %s: %w", c.Name, err)
	}
	return config, nil
}
