package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/lab"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// pace is how clusters are started.
type pace struct {
	parallel int
	timeout  time.Duration
}

func (p *pace) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&p.parallel, "parallel", 2, "how many clusters start at once")
	cmd.Flags().DurationVar(&p.timeout, "timeout", 2*time.Minute, "how long one cluster may take to be ready")
}

func (p *pace) check() error {
	if p.parallel < 1 {
		return errors.New("--parallel: want 1 or more")
	}
	if p.timeout <= 0 {
		return errors.New("--timeout: want a positive duration")
	}
	return nil
}

func (a *app) up() *cobra.Command {
	var p pace
	s := size{}
	cmd := &cobra.Command{
		Use:   "up NAME[=REGION/ZONE[,ZONE...]]...",
		Short: "Create clusters that do not exist, start those that do not run, wait until all are ready",
		Long: `Creates the clusters that do not exist, starts those that do not run, and
returns when all are ready. DIR/kubeconfig has a context for each, by its name.

A name that ends in a zone (us-east1-b, gce-us-east1-b) puts the nodes there.
Any other name is its own zone, in region "lab". The nodes go round the zones.

Pods go to simulated nodes. Those for real ones, where containers run, say so:
nodeSelector ` + spec.RealKey + `: "true", and a toleration of the taint of that name.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return err
			}
			requests, err := requests(args, s, cmd.Flags().Changed("nodes"))
			if err != nil {
				return err
			}
			return a.bringUp(cmd, requests, p)
		},
	}
	p.flags(cmd)
	cmd.Flags().IntVar(&s.nodes, "nodes", 3, "simulated nodes of each new cluster")
	cmd.Flags().IntVar(&s.real, "real-nodes", 0, "nodes of each new cluster that run containers: needs root, and `make node-tools`")
	cmd.Flags().StringVar(&s.app, "app", "", "a program that answers for the pods of simulated nodes: PROGRAM -listen ADDRESS, with ZONE and CLUSTER in its environment")
	cmd.Flags().StringVar(&s.tools, "node-tools", "", "what real nodes run (default: the folder \"node\" beside this program)")
	return cmd
}

// size is what new clusters have.
type size struct {
	nodes, real int
	tools, app  string
}

func requests(args []string, s size, sized bool) ([]lab.Request, error) {
	if s.nodes < 1 || s.nodes > maxNodes {
		return nil, errNodes
	}
	tools, err := toolsDir(s.tools)
	if err != nil {
		return nil, err
	}
	app, err := appPath(s.app)
	if err != nil {
		return nil, err
	}
	var out []lab.Request
	seen := map[string]bool{}
	for _, arg := range args {
		c, placed, err := spec.Parse(arg)
		if err != nil {
			return nil, err
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("cluster %q is named twice", c.Name)
		}
		seen[c.Name] = true
		c.Nodes, c.App = s.nodes, app
		if s.real != 0 {
			c.RealNodes, c.NodeTools = s.real, tools
		}
		out = append(out, lab.Request{Cluster: c, Placed: placed, Sized: sized})
	}
	return out, nil
}

// toolsDir is an absolute path, for a cluster is started from anywhere.
func toolsDir(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return filepath.Join(filepath.Dir(program), "node"), nil
}

// appPath is absolute for the same reason. A name is looked for as a shell would.
func appPath(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	path, err := exec.LookPath(given)
	if err != nil {
		return "", fmt.Errorf("--app: %w", err)
	}
	return filepath.Abs(path)
}

// maxNodes is where simulated nodes still cost next to nothing.
const maxNodes = 250

var errNodes = errors.New("--nodes: want 1 to 250")

func (a *app) bringUp(cmd *cobra.Command, requests []lab.Request, p pace) error {
	l, err := a.lab(cmd)
	if err != nil {
		return err
	}
	clusters, err := l.Ensure(requests)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	if err := l.Start(ctx, clusters, p.parallel, p.timeout); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "export KUBECONFIG=%s\n", l.Kubeconfig())
	return nil
}

func (a *app) start() *cobra.Command {
	var p pace
	all := false
	cmd := &cobra.Command{
		Use:   "start NAME... | --all",
		Short: "Start clusters with their data, wait until they are ready",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return err
			}
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
			return l.Start(ctx, clusters, p.parallel, p.timeout)
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all clusters of the lab")
	return cmd
}

func (a *app) down() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove all clusters and the lab's directory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := a.lab(cmd)
			if err != nil {
				return err
			}
			ctx, stop := interruptible()
			defer stop()
			return l.Down(ctx)
		},
	}
}
