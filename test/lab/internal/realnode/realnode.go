// Package realnode runs the nodes of a cluster whose pods are real, and the
// addresses that lead to those pods. A cluster's directory goes in; nodes with
// containerd and a kubelet come out, each a machine of its own as far as the
// kernel is concerned: its processes, mounts, network and host name are in
// namespaces that end with its first process, and that one ends with the
// process Run is called in. All that the host sees of a node is a network
// interface, which goes too, and control groups, which the caller removes.
package realnode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/cgroup"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/forward"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

const poll = 50 * time.Millisecond

// Run runs the real nodes of the cluster kept in dir until ctx ends, which is
// no error. Inside is the command that becomes a node's first process when dir
// and the node's number are appended to it. The process must run nothing else.
func Run(ctx context.Context, dir string, inside []string) error {
	c, err := spec.Load(dir)
	if err != nil {
		return err
	}
	if err := c.CheckReal(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, pki.AdminConfig))
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	// Groups that were left behind would have the kubelet look for their containers.
	if err := cgroup.Remove(cgroup.Root, c.Cgroup()); err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	serving := make(chan struct{})
	var names []string
	for i := range c.RealNodes {
		n := c.RealNode(i)
		names = append(names, n.Name)
		all.Go(func() error {
			if err := runNode(ctx, dir, c, i, inside, serving); err != nil && ctx.Err() == nil {
				return fmt.Errorf("run node %s: %w", n.Name, err)
			}
			return nil
		})
	}
	all.Go(func() error {
		if waitServing(ctx, client) != nil {
			return nil // told to end
		}
		close(serving)
		if err := forward.Run(ctx, client, names, ""); err != nil && ctx.Err() == nil {
			return fmt.Errorf("forward connections: %w", err)
		}
		return nil
	})
	return all.Wait()
}

// waitServing spares kubelets and watches their growing delays while the API
// server starts.
func waitServing(ctx context.Context, client kubernetes.Interface) error {
	return wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		b, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil && string(b) == "ok", nil
	})
}

// runNode starts a node's first process, plugs its cable in and tells it, a
// line each, that the network is there and that the API server answers.
func runNode(ctx context.Context, dir string, c spec.Cluster, i int, inside []string, serving <-chan struct{}) error {
	// Pdeathsig is sent at the end of the thread that started the child: this
	// goroutine keeps its thread until the child has ended.
	runtime.LockOSThread()
	n := c.RealNode(i)
	if err := os.MkdirAll(n.RealNodeDir(dir), 0o700); err != nil {
		return err
	}
	cmd := exec.Command(inside[0], append(append([]string{}, inside[1:]...), dir, strconv.Itoa(i))...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	tell, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := unplug(n); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()

	failed := make(chan error, 1)
	go func() {
		failed <- lead(ctx, n, cmd.Process.Pid, c.Port, func() error { _, err := fmt.Fprintln(tell); return err }, serving)
		cancel()
	}()
	ended := cmd.Wait()
	cancel()
	if err := <-failed; err != nil {
		return err
	}
	if ended == nil {
		return errors.New("it ended by itself")
	}
	return ended
}

// lead does from outside what the node's first process waits for.
func lead(ctx context.Context, n spec.RealNode, pid, port int, tell func() error, serving <-chan struct{}) error {
	if err := plug(n, pid); err != nil {
		return fmt.Errorf("make its network: %w", err)
	}
	if err := tell(); err != nil {
		return err
	}
	// The API server listens on the host's loopback address only; the node
	// reaches it at the host's end of its cable.
	door := make(chan error, 1)
	go func() {
		door <- forward.Constant(ctx, fmt.Sprintf("%s:%d", n.HostIP, port), fmt.Sprintf("127.0.0.1:%d", port))
	}()
	select {
	case <-serving:
		if err := tell(); err != nil {
			return err
		}
	case <-ctx.Done():
	case err := <-door:
		return err
	}
	return <-door
}
