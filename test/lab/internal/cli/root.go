// Package cli is the lab's command line. Arguments go in; calls to the lab,
// and what it says, come out. It decides nothing itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/lab"
)

// The hidden commands that a cluster's processes are started with.
const (
	runCluster = "run-cluster"
	runNodes   = "run-nodes"
	runNode    = "run-node"
	runKubelet = "run-kubelet"
)

// New returns the lab's command.
func New() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "lab",
		Short: "Real Kubernetes clusters with simulated nodes, on this machine",
		Long: `lab runs real Kubernetes clusters on this machine: each is one process with
etcd, API server, controllers and scheduler. Nodes and pods are simulated: they
become Ready and run no containers. No root is needed, except for nodes of
another sort: those of --real-nodes run containers.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// --dir may stand before `kubectl`; what follows it is kubectl's.
		TraverseChildren: true,
	}
	root.PersistentFlags().StringVar(&a.dir, "dir", defaultDir(), "the lab's directory")
	root.AddCommand(
		a.up(), a.start(), a.status(), a.down(), a.discovery(), a.kubectl(), clusterProcess(), nodesProcess(), nodeProcess(), kubeletProcess(),
		a.scoped("stop", "Stop clusters, keeping their data", (*lab.Lab).Stop),
		a.scoped("kill", "End clusters as a power cut would, keeping their data", (*lab.Lab).Kill),
		a.scoped("pause", "Suspend clusters (SIGSTOP): connections stay, nothing answers", (*lab.Lab).Pause),
		a.scoped("resume", "Let paused clusters go on", (*lab.Lab).Resume),
		a.named("remove", "Remove clusters with their data and contexts", (*lab.Lab).Remove),
	)
	return root
}

// app is what the commands share: their common flag.
type app struct{ dir string }

func defaultDir() string {
	if d := os.Getenv("LAB_DIR"); d != "" {
		return d
	}
	return ".lab"
}

// lab returns the lab of --dir, which reports to the command's output.
func (a *app) lab(cmd *cobra.Command) (*lab.Lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	var mu sync.Mutex
	programs := lab.Programs{ControlPlane: []string{self, runCluster}, RealNodes: []string{self, runNodes}}
	return lab.New(a.dir, programs, func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
	})
}

// interruptible ends with the first interrupt or request to terminate.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// named makes a command that does one thing to the named clusters, or to --all.
func (a *app) named(verb, short string, do func(*lab.Lab, context.Context, []lab.Cluster) error) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   verb + " NAME... | --all",
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.lab(cmd)
			if err != nil {
				return err
			}
			clusters, err := pick(l, args, all)
			if err != nil {
				return err
			}
			ctx, stop := interruptible()
			defer stop()
			return do(l, ctx, clusters)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all clusters of the lab")
	return cmd
}

// scoped is named for what can be done to a control plane alone.
func (a *app) scoped(verb, short string, do func(*lab.Lab, context.Context, []lab.Cluster, lab.Scope) error) *cobra.Command {
	alone := false
	cmd := a.named(verb, short, func(l *lab.Lab, ctx context.Context, clusters []lab.Cluster) error {
		if alone {
			return do(l, ctx, clusters, lab.ControlPlane)
		}
		return do(l, ctx, clusters, lab.Whole)
	})
	cmd.Flags().BoolVar(&alone, "control-plane", false, "the control plane alone: the pods of real nodes, and the addresses that lead to them, go on")
	return cmd
}

func pick(l *lab.Lab, names []string, all bool) ([]lab.Cluster, error) {
	switch {
	case all && len(names) > 0:
		return nil, errors.New("give names or --all, not both")
	case all:
		return l.Clusters()
	case len(names) == 0:
		return nil, errors.New("give the names of clusters, or --all")
	}
	return l.Find(names...)
}
