// Command bench measures what users wait for and what agents cost, on a lab of
// five clusters, and writes it as a page of the documentation. Times are of
// the machine they were taken on: beside each stands what plain kubectl takes
// in the same run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are how much is measured.
type settings struct {
	bin, chart, out string
	warm, idle      int           // changes measured warm, and after idleness
	every, quiet    time.Duration // between warm changes; idleness before an idle one
	objects         int           // for the loaded agent
}

func main() {
	s := settings{}
	flag.StringVar(&s.bin, "bin", "bin", "folder of the built programs")
	flag.StringVar(&s.chart, "chart", "charts/fed-agent", "the agent's chart")
	flag.StringVar(&s.out, "out", "docs/benchmarks.md", "page to write; - for standard output")
	flag.IntVar(&s.warm, "warm", 30, "changes measured warm")
	flag.IntVar(&s.idle, "idle", 5, "changes measured after idleness")
	flag.DurationVar(&s.every, "every", 5*time.Second, "time between warm changes")
	flag.DurationVar(&s.quiet, "quiet", time.Minute, "idleness before an idle change, and over which operations are counted")
	flag.IntVar(&s.objects, "objects", 1000, "objects of the loaded agent")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	var err error
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return err
	}
	if s.chart, err = filepath.Abs(s.chart); err != nil {
		return err
	}
	w, err := newWorld(ctx, s)
	if err != nil {
		return err
	}
	defer w.close()
	page := &report{settings: s}
	if page.startup, err = w.measureStartup(ctx); err != nil {
		return err
	}
	for _, backend := range []backend{{name: "file://"}, {name: "gs://", read: 15 * time.Millisecond, write: 100 * time.Millisecond}} {
		r, err := w.measureBackend(ctx, backend)
		if err != nil {
			return fmt.Errorf("%s: %w", backend.name, err)
		}
		page.backends = append(page.backends, *r)
		if err := page.write(s.out); err != nil {
			return err
		}
	}
	return nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
