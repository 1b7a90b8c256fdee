// Command kubectl-fed is the command line of a federation: it picks the
// adapters and hands them to package plugin.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/open"
	"github.com/kubectl-fed/kubectl-fed/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(plugin.Main(ctx, name(os.Args[0]), connect, streams, os.Args[1:]))
}

// bucketHub is the typed store with its snapshots and the bucket's own setup
// beside it.
type bucketHub struct {
	*hub.Store
	*hub.Reader
	hub.Provisioner
}

func connect(ctx context.Context, url string) (plugin.Hub, error) {
	b, err := open.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	store := hub.New(b)
	return bucketHub{store, hub.NewReader(store), b}, nil
}

// name is what the user typed: kubectl runs plugins by their full path, a
// shell by their name.
func name(arg0 string) string {
	if strings.ContainsAny(arg0, `/\`) {
		return "kubectl fed"
	}
	return "kubectl-fed"
}
