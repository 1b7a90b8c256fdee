// Command fleet starts and stops the agents of a federation whose members are
// lab clusters. See package fleet.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/test/fleet"
)

const usage = `fleet runs fed-agents on this machine for clusters of the lab.

  fleet [flags] start   CLUSTER...   run the agent that the chart describes
  fleet [flags] stop    CLUSTER...   end it (SIGTERM); without CLUSTER, all
  fleet [flags] kill    CLUSTER...   end it (SIGKILL)
  fleet [flags] pause   CLUSTER...   suspend it (SIGSTOP)
  fleet [flags] resume  CLUSTER...   continue it
  fleet [flags] edge    NAME ARGS... run fed-edge under that name, with its own arguments; the other verbs take NAME, too
  fleet [flags] status

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f := &fleet.Fleet{Bin: filepath.Dir(self)}
	flags := flag.NewFlagSet("fleet", flag.ExitOnError)
	flags.StringVar(&f.Kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "the lab's kubeconfig")
	flags.StringVar(&f.Namespace, "namespace", v1alpha1.AgentNamespace, "where the chart was installed")
	flags.StringVar(&f.Dir, "dir", ".fleet", "folder for processes, tokens and logs")
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage); flags.PrintDefaults() }
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return fmt.Errorf("say what to do")
	}
	return do(ctx, f, flags.Arg(0), flags.Args()[1:])
}

func do(ctx context.Context, f *fleet.Fleet, verb string, clusters []string) error {
	if verb == "edge" {
		if len(clusters) == 0 {
			return fmt.Errorf("say the edge's name")
		}
		_, err := f.StartEdge(clusters[0], clusters[1:]...)
		return err
	}
	if len(clusters) == 0 {
		clusters = f.Clusters()
	}
	verbs := map[string]func(cluster string) error{
		"start":  func(c string) error { _, err := f.Start(ctx, c); return err },
		"stop":   func(c string) error { return f.Stop(c, false) },
		"kill":   func(c string) error { return f.Stop(c, true) },
		"pause":  func(c string) error { return f.Signal(c, syscall.SIGSTOP) },
		"resume": func(c string) error { return f.Signal(c, syscall.SIGCONT) },
		"status": func(c string) error { return show(f, c) },
	}
	act, ok := verbs[verb]
	if !ok {
		return fmt.Errorf("there is no verb %q; see fleet -h", verb)
	}
	for _, c := range clusters {
		if err := act(c); err != nil {
			return err
		}
	}
	return nil
}

func show(f *fleet.Fleet, cluster string) error {
	p, err := f.Process(cluster)
	if err != nil {
		return err
	}
	fmt.Printf("%-28s process %-8d metrics %-22s health %-22s log %s\n", cluster, p.PID, p.Metrics, p.Health, p.Log)
	return nil
}
