// Package member is one cluster: etcd, the Kubernetes control plane, nodes
// that are simulated, and what a cloud would add to them, all in this process.
// A cluster's directory goes in; an API server that answers until the context
// ends comes out. It knows nothing of other clusters, and never changes
// anything outside its directory and its own API.
package member

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

const (
	// While a cluster starts, collecting garbage less often saves a third of
	// the processor time; afterwards collecting it more often saves a third of
	// the memory.
	garbageAtStart = 200
	garbageAtWork  = 50

	stopGrace = 4 * time.Second
	poll      = 50 * time.Millisecond
)

// Run runs the cluster that dir describes until ctx ends, which is no error.
// The process must run nothing else: its working directory and the
// components' feature gates are process-wide.
func Run(ctx context.Context, dir string) error {
	debug.SetGCPercent(garbageAtStart)
	c, err := spec.Load(dir)
	if err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("enter cluster's directory: %w", err)
	}
	store, err := startEtcd(ctx)
	if err != nil {
		return err
	}
	err = serve(ctx, c, store.Err())
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		store.Close()
	}()
	select {
	case <-closed:
	case <-time.After(stopGrace):
		klog.FromContext(ctx).Info("Leaving etcd unclosed: it did not stop in time")
	}
	return err
}

// serve runs everything above the store until ctx ends or a part fails.
func serve(ctx context.Context, c spec.Cluster, storeFailed <-chan error) error {
	config, err := clientcmd.BuildConfigFromFlags("", pki.AdminConfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1 // the lab's own controllers are few and their server is next door
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}

	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(part(ctx, "etcd", func(ctx context.Context) error {
		select {
		case err := <-storeFailed:
			return err
		case <-ctx.Done():
			return nil
		}
	}))
	parts.Go(part(ctx, "kube-apiserver", func(ctx context.Context) error { return runAPIServer(ctx, c) }))
	parts.Go(func() error { return onTop(ctx, c, config, client) })
	return finish(ctx, parts)
}

// onTop runs what needs an API server, once there is one.
func onTop(ctx context.Context, c spec.Cluster, config *rest.Config, client kubernetes.Interface) error {
	if err := waitServing(ctx, client); err != nil {
		return ignoreEnd(ctx, err)
	}
	parts, ctx := errgroup.WithContext(ctx)
	for name, run := range map[string]func(context.Context) error{
		"kube-controller-manager": func(ctx context.Context) error { return runControllerManager(ctx, c) },
		"kube-scheduler":          runScheduler,
		"kubelets":                func(ctx context.Context) error { return runKubelets(ctx, c, config, client) },
		"load balancer":           func(ctx context.Context) error { return runBalancer(ctx, c, client) },
		"volumes":                 func(ctx context.Context) error { return runVolumes(ctx, client) },
	} {
		parts.Go(part(ctx, name, run))
	}
	if c.App != "" {
		parts.Go(part(ctx, "answers", func(ctx context.Context) error { return runAnswers(ctx, c, client) }))
	}
	parts.Go(func() error { return ignoreEnd(ctx, prepare(ctx, c, client)) })
	return parts.Wait()
}

// part makes a component's unexpected end an error that names it.
func part(ctx context.Context, name string, run func(context.Context) error) func() error {
	return func() error {
		err := run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		return fmt.Errorf("run %s: %w", name, err)
	}
}

// finish waits for the end of all parts, but not long for those that were told to stop.
func finish(ctx context.Context, parts *errgroup.Group) error {
	done := make(chan error, 1)
	go func() { done <- parts.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(stopGrace):
		klog.FromContext(ctx).Info("Leaving parts behind that did not stop in time")
		return nil
	}
}

func waitServing(ctx context.Context, client kubernetes.Interface) error {
	err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		b, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil && string(b) == "ok", nil
	})
	if err != nil {
		return fmt.Errorf("wait for the API server: %w", err)
	}
	return nil
}

// ignoreEnd drops an error that only says that the context ended.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
