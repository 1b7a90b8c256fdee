package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"k8s.io/utils/clock"

	"github.com/kubectl-fed/kubectl-fed/agent/edge"
	"github.com/kubectl-fed/kubectl-fed/agent/edge/http"
	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/open"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/version"
)

const (
	// grace is how long requests may take to finish at the end.
	grace = 20 * time.Second
	// settle is how long a starting edge is not ready because of checks.
	settle = 10 * time.Second
)

// serve runs the edge until the context ends, and then lets it drain.
func serve(ctx context.Context, o *options, stdout io.Writer) error {
	bucket, err := open.Open(ctx, o.bucket)
	if err != nil {
		return err
	}
	access, err := accessLog(o.accessLog, stdout)
	if err != nil {
		return err
	}
	fallback, err := edge.OpenFallback(o.defaultCrt, o.defaultKey)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// What serves goes on after the context's end.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server := newServer(running, o, fallback, access, registry)
	config := edgeConfig(o, hub.New(bucket), server, registry)
	follower := edge.NewFollower(running, config)
	if err := server.Start(); err != nil {
		return err
	}
	if o.admin != "" {
		began := time.Now()
		if err := edge.Admin(running, o.admin, registry, func() error { return ready(ctx, follower, server, time.Since(began)) }); err != nil {
			return errors.Join(err, server.Stop(running))
		}
	}
	var loops sync.WaitGroup
	loops.Go(func() { follower.Run(running) })
	loops.Go(func() { fallback.Run(running, clock.RealClock{}) })
	loops.Go(func() { edge.NewRegistrar(running, config, follower).Run(running) })
	logr.FromContextOrDiscard(ctx).Info("serving", "edge", o.name, "bucket", bucket.String(), "http", o.plain, "https", o.secure, "version", version.Version)
	<-ctx.Done()
	logr.FromContextOrDiscard(ctx).Info("draining", "for", o.drain.String())
	server.Drain()
	time.Sleep(o.drain)
	err = server.Stop(running)
	stop()
	loops.Wait()
	return err
}

// ready says why the edge is not to be sent requests.
func ready(ctx context.Context, f *edge.Follower, s *http.Server, since time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("draining")
	case !f.Asked():
		return errors.New("the bucket was not reached yet")
	case !s.Checked() && since < settle:
		return errors.New("endpoints are being checked")
	}
	return nil
}

func newServer(ctx context.Context, o *options, fallback *edge.Fallback, access io.Writer, registry prometheus.Registerer) *http.Server {
	return http.New(ctx, http.Config{
		Place: o.where(),
		Plain: o.plain, Secure: o.secure, StateDir: cmp.Or(o.stateDir, os.TempDir()),
		TrustedProxies: o.trusted, Default: fallback.Certificate, AccessLog: access, Grace: grace,
		Metrics: registry, Prober: http.Network{}, Clock: clock.RealClock{},
	})
}

func edgeConfig(o *options, store *hub.Store, sink edge.Sink, registry prometheus.Registerer) edge.Config {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return edge.Config{
		Edge: v1alpha1.Edge{
			Name: o.name, Process: host + "_" + uuid.NewString()[:8], Version: version.Version,
			Region: o.region, Zone: o.zone, Coordinates: o.place, Addresses: o.addresses,
		},
		StateDir: o.stateDir, CertificatesDir: o.certificates,
		PollInterval: o.poll, HeartbeatInterval: o.heartbeat,
		Bucket: store, Sink: sink, Metrics: edge.NewMetrics(registry, clock.RealClock{}), Clock: clock.RealClock{},
	}
}

// accessLog opens where requests are noted; nil for nowhere.
func accessLog(where string, stdout io.Writer) (io.Writer, error) {
	switch where {
	case "off", "":
		return nil, nil
	case "stdout":
		return stdout, nil
	}
	f, err := os.OpenFile(where, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open the access log: %w", err)
	}
	return f, nil
}

// withLogger puts a JSON logger into the context.
func withLogger(ctx context.Context, w io.Writer, verbosity int) context.Context {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.Level(-verbosity), ReplaceAttr: lowerLevel})
	return logr.NewContext(ctx, logr.FromSlogHandler(handler))
}

// lowerLevel writes "info" and "error"; what is below info is "debug".
func lowerLevel(_ []string, a slog.Attr) slog.Attr {
	if a.Key != slog.LevelKey {
		return a
	}
	level, ok := a.Value.Any().(slog.Level)
	switch {
	case !ok:
		return a
	case level < slog.LevelInfo:
		return slog.String(slog.LevelKey, "debug")
	}
	return slog.String(slog.LevelKey, strings.ToLower(level.String()))
}
