// Command fed-edge carries users' requests to the federation's clusters: it
// follows the traffic document in the federation's bucket and serves it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"

	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
	"github.com/kubectl-fed/kubectl-fed/pkg/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	o, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	if o.version {
		_, err := fmt.Fprintln(stdout, version.String())
		return err
	}
	ctx = withLogger(ctx, stderr, o.verbosity)
	if !traffic.Located(o.where()) {
		logr.FromContextOrDiscard(ctx).Info("where this edge is on the globe is not known, so only its own zone and region are close: set --coordinates",
			"region", o.region, "zone", o.zone)
	}
	return explain(serve(ctx, o, stdout))
}
