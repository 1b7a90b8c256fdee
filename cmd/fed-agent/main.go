// Command fed-agent runs in each member cluster: it follows the cluster's
// shard in the federation's bucket, applies it and reports back.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/kubectl-fed/kubectl-fed/agent"
	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/open"
	"github.com/kubectl-fed/kubectl-fed/pkg/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
	default:
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
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	bucket, err := open.Open(ctx, o.bucket)
	if err != nil {
		return err
	}
	ctx = withLogger(ctx, stderr, o.verbosity)
	store := hub.New(bucket)
	config.Roster, config.Source, config.Mailbox = store, store, store
	if config, err = withLead(config, store); err != nil {
		return err
	}
	return agent.Run(ctx, config)
}

// gcPercent trades a little processor time for a small resident set: an agent
// is idle nearly always.
const gcPercent = 50
