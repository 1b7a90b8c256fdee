// Command gcs-emulator serves an emulated Google Cloud Storage on loopback. It
// prints its URL, for STORAGE_EMULATOR_HOST, as the first line, and serves until
// it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gcs-emulator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var opts gcsemu.Options
	flags := flag.NewFlagSet("gcs-emulator", flag.ExitOnError)
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:0", "`address` to listen on")
	flags.Func("bucket", "`name` of a bucket to create, with versioning on (repeatable)", func(name string) error {
		opts.Buckets = append(opts.Buckets, name)
		return nil
	})
	flags.DurationVar(&opts.ReadLatency, "read-latency", 0, "delay of every read and listing")
	flags.DurationVar(&opts.WriteLatency, "write-latency", 0, "delay of every write and delete")
	flags.BoolVar(&opts.StrictRate, "strict-rate", false, "answer 429 to a second write of a name within a second")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := gcsemu.Start(opts)
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(server.URL)
	<-ctx.Done()
	return nil
}
