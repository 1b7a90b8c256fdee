package member

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/forward"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// runAnswers runs the program that answers for all pods of simulated nodes, and
// leads the addresses of Services with ready pods to it. Both end with this
// process, as they would in a power cut.
func runAnswers(ctx context.Context, c spec.Cluster, client kubernetes.Interface) error {
	var nodes []string
	for i := range c.Nodes {
		nodes = append(nodes, c.NodeName(i))
	}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return runApp(ctx, c) })
	parts.Go(func() error { return forward.Run(ctx, client, nodes, c.AppAddress()) })
	return parts.Wait()
}

func runApp(ctx context.Context, c spec.Cluster) error {
	// The kernel sends the signal when the thread that started the program ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, c.App, "-listen", c.AppAddress())
	cmd.Env = append(os.Environ(), "ZONE="+c.Zones[0], "CLUSTER="+c.Name)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", c.App, err)
	}
	return nil
}
