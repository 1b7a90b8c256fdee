// Package gcsemu is Google Cloud Storage on loopback, for tests: in go JSON API
// requests, out come the answers the real one would give, faults included.
//
// The objects are kept by fake-gcs-server. Before it stands a guard, because
// that server ignores the preconditions of reads and deletes, forgets bucket
// settings, and cannot page through many versions of one object. It keeps
// everything in memory and never asks for credentials.
package gcsemu

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Options of Start. The zero value is a quick, faultless server on any free
// port of loopback.
type Options struct {
	Listen       string   // host:port; "127.0.0.1:0" when empty
	Buckets      []string // created with object versioning on
	ReadLatency  time.Duration
	WriteLatency time.Duration
	// StrictRate answers 429 to a second write of one name within a second, as
	// Google does.
	StrictRate bool
}

// Server is a running emulator.
type Server struct {
	*Guard
	URL string // for STORAGE_EMULATOR_HOST

	http *http.Server
	done chan struct{}
}

// Start listens and serves until Close.
func Start(opts Options) (*Server, error) {
	if opts.Listen == "" {
		opts.Listen = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	guard, err := newGuard(listener.Addr().String(), opts)
	if err != nil {
		listener.Close()
		return nil, err
	}
	s := &Server{Guard: guard, URL: "http://" + listener.Addr().String(), done: make(chan struct{})}
	s.http = &http.Server{Handler: guard, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends with Close
	}()
	return s, nil
}

// Close stops the server and drops every connection.
func (s *Server) Close() {
	_ = s.http.Close()
	<-s.done
}

func newGuard(addr string, opts Options) (*Guard, error) {
	backend, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", ExternalURL: "http://" + addr, PublicHost: addr,
	})
	if err != nil {
		return nil, fmt.Errorf("start the storage: %w", err)
	}
	g := &Guard{
		backend: backend.HTTPHandler(), settings: map[string]map[string]any{}, lastWrite: map[string]time.Time{},
		counts: map[string]int{}, readLatency: opts.ReadLatency, writeLatency: opts.WriteLatency, strictRate: opts.StrictRate,
	}
	for _, name := range opts.Buckets {
		backend.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name, VersioningEnabled: true})
		g.settings[name] = map[string]any{}
	}
	return g, nil
}

// Guard is the handler. Its methods change its behaviour while it runs.
type Guard struct {
	backend http.Handler

	// storage orders the requests: a condition and what it guards are one step.
	storage   sync.Mutex
	settings  map[string]map[string]any // of buckets: what the backend forgets
	lastWrite map[string]time.Time

	mu                        sync.Mutex
	counts                    map[string]int
	faults                    []*Fault
	outage                    bool
	readLatency, writeLatency time.Duration
	strictRate                bool
}
