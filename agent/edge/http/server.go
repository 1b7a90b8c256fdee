package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// Config of a Server.
type Config struct {
	// Place is where the edge is.
	Place traffic.Place
	// Plain and Secure are where HTTP and HTTPS are listened for (host:port).
	Plain, Secure []string
	// StateDir is a folder that belongs to the edge.
	StateDir string
	// TrustedProxies (CIDR) are those whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Default certificate for names that no document has one for; nil, or one
	// that is nil, for none.
	Default func() *tls.Certificate
	// AccessLog is written a line for each request; nil for none.
	AccessLog io.Writer
	// Grace bounds how long requests may take to finish at the end.
	Grace time.Duration

	Metrics prometheus.Registerer
	Prober  Prober
	Clock   clock.WithTicker
}

// Server serves the newest document that it was given.
type Server struct {
	Config
	id       string
	clock    clock.WithTicker
	draw     func() float64
	snapshot atomic.Pointer[snapshot]
	checks   *checks
	metrics  *metrics
	access   *accessLog
	busy     atomic.Int64
	leaving  atomic.Bool

	mu       sync.Mutex // one document at a time
	compiler compiler
	ctx      context.Context
	stop     context.CancelFunc
}

// New makes a server that does not listen yet. Its checks end with the context.
func New(ctx context.Context, c Config) *Server {
	s := &Server{Config: c, id: uuid.NewString(), clock: c.Clock, draw: rand.Float64}
	s.ctx, s.stop = context.WithCancel(ctx)
	s.compiler = compiler{place: c.Place, gates: map[gateKey]*gate{}}
	s.checks = newChecks(c.Prober, c.Clock, s.changed)
	s.metrics = newMetrics(c.Metrics, s)
	s.access = newAccessLog(c.AccessLog)
	return s
}

// Start listens. Caddy is one of a kind in a process, and so is a started server.
func (s *Server) Start() error {
	for _, address := range append(append([]string{}, s.Plain...), s.Secure...) {
		if err := free(address); err != nil {
			return err
		}
	}
	registerModules()
	servers.Store(s.id, s)
	config, err := caddyConfig(s.Config, s.id)
	if err != nil {
		return err
	}
	if err := caddy.Run(config); err != nil {
		return fmt.Errorf("start serving: %w", err)
	}
	return nil
}

// free says whether an address can be listened on. Caddy would share it with
// whoever has it already.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return l.Close()
}

// Serve makes a document the one that is served, with certificates by Secret
// ("namespace/name"). Requests that are on their way go on.
func (s *Server) Serve(t *v1alpha1.Traffic, certificates map[string]*tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.compiler.compile(t, certificates, s.snapshot.Load(), s.clock.Now())
	s.snapshot.Store(next)
	s.checks.follow(s.ctx, next.endpoints)
	s.metrics.forget(next)
	if next.skipped > 0 {
		logr.FromContextOrDiscard(s.ctx).Info("some endpoints are no addresses that an edge connects to", "count", next.skipped, "serial", t.Serial)
	}
}

// changed tells the gates of an endpoint's shards.
func (s *Server) changed(e *endpoint) {
	now := s.clock.Now()
	current := s.snapshot.Load()
	for _, sh := range current.of[e] {
		sh.gate.note(sh.up(), now)
	}
	if !e.good() {
		e.pool.renew()
	}
	logr.FromContextOrDiscard(s.ctx).V(1).Info("endpoint changed", "endpoint", e.key.address, "healthy", e.good())
}

// Checked says whether every endpoint of the document, if there is one, was
// checked once.
func (s *Server) Checked() bool {
	current := s.snapshot.Load()
	if current == nil {
		return true
	}
	for _, e := range current.endpoints {
		if !e.known.Load() {
			return false
		}
	}
	return true
}

// Health is what the checks see.
func (s *Server) Health() []v1alpha1.EdgeHealth {
	current := s.snapshot.Load()
	if current == nil {
		return nil
	}
	return current.health()
}

// Drain serves on, and has clients connect anew for their next request: to
// another edge, if whoever sends them here knows that this one ends.
func (s *Server) Drain() { s.leaving.Store(true) }

// Stop takes no new connections, lets requests finish within the bound that
// the configuration names, and ends.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	if app, e := caddy.ActiveContext().AppIfConfigured("http"); e == nil {
		err = app.(caddy.App).Stop()
	}
	ctx, cancel := context.WithTimeout(ctx, s.Grace)
	defer cancel()
	s.idle(ctx)
	s.stop()
	err = errors.Join(err, caddy.Stop())
	servers.Delete(s.id)
	s.checks.wait()
	return err
}

// idle waits until no request is on its way.
func (s *Server) idle(ctx context.Context) {
	ticker := s.clock.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for s.busy.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
	}
}
