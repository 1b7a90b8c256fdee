// Command k8shserver is the sample application: an HTTP server that answers
// which pod, in which zone, took the request. What goes in is a GET; what comes
// out is {"hostname":…,"zone":…}, and "cluster" where CLUSTER names it. It keeps no state and never calls anyone but,
// once at its start, Google's metadata server. With -get it is a client instead:
// it asks one URL, prints the answer and ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	readTimeout     = 5 * time.Second
	shutdownTimeout = 10 * time.Second
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	drain := flag.Duration("drain", 5*time.Second, "how long to go on serving after SIGTERM, unhealthy, so that load balancers turn away first")
	controlled := flag.String("control", "", "address where POST /unhealthy and /healthy change what /healthz says, POST /slow and /fast how soon anything is answered, for tests; none by default")
	get := flag.String("get", "", "print the answer to a GET of this URL, as a pod gets it, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	var err error
	if *get != "" {
		err = ask(ctx, *get, os.Stdout)
	} else {
		err = run(ctx, *listen, *controlled, *drain)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "k8shserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, controlled string, drain time.Duration) error {
	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read hostname: %w", err)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	var leaving, slow atomic.Bool
	if controlled != "" {
		c, err := net.Listen("tcp", controlled)
		if err != nil {
			return fmt.Errorf("listen for control: %w", err)
		}
		go func() { _ = (&http.Server{Handler: control(&leaving, &slow), ReadHeaderTimeout: readTimeout}).Serve(c) }()
	}
	zone := findZone(ctx, os.Getenv)
	fmt.Printf("k8shserver %s in zone %s listens on %s\n", hostname, zone, l.Addr())
	return serve(ctx, l, answer{Hostname: hostname, Zone: zone, Cluster: os.Getenv("CLUSTER")}, &leaving, &slow, drain)
}

// serve answers until the context ends, then turns unhealthy, goes on for the
// drain time and lets requests that are under way finish.
func serve(ctx context.Context, l net.Listener, a answer, leaving, slow *atomic.Bool, drain time.Duration) error {
	server := &http.Server{Handler: delayed(slow, handler(a, leaving)), ReadHeaderTimeout: readTimeout}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	leaving.Store(true)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(drain):
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
