package http

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// errDied ends the wait of requests for an endpoint that was found dead. It is
// not the client's cancellation: the request goes to another endpoint.
var errDied = errors.New("the endpoint died")

// endpointKey is what makes two endpoints the same one: an endpoint that keeps
// it through a change of the document keeps its standing and its connections.
type endpointKey struct {
	address  string
	protocol v1alpha1.BackendProtocol
	check    v1alpha1.HealthCheck
	timeout  time.Duration
}

// endpoint is one address behind a backend.
type endpoint struct {
	key      endpointKey
	upstream *reverseproxy.Upstream
	pool     *pool
	// trusted until its first check: its backend is new to this edge, so that
	// nothing else is known to be better.
	trusted bool

	busy  atomic.Int64 // requests outstanding
	now   atomic.Int32 // standing.health, for choosing
	known atomic.Bool  // it was checked

	mu       sync.Mutex
	standing standing
	waiting  map[int64]context.CancelCauseFunc
	next     int64
}

func newEndpoint(key endpointKey, trusted bool) *endpoint {
	return &endpoint{
		key: key, trusted: trusted, pool: newPool(key), waiting: map[int64]context.CancelCauseFunc{},
		upstream: &reverseproxy.Upstream{Host: new(reverseproxy.Host), Dial: key.address},
	}
}

// good says whether it is to be asked first; a trusted one is while unknown.
func (e *endpoint) good() bool {
	switch health(e.now.Load()) {
	case healthGood:
		return true
	case healthUnknown:
		return e.trusted
	}
	return false
}

func (e *endpoint) unknown() bool { return health(e.now.Load()) == healthUnknown }

// change applies a step to the standing and says whether the endpoint became
// good or ceased to be. Those that wait for one that dies are woken.
func (e *endpoint) change(step func(standing) standing) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.good()
	e.standing = step(e.standing)
	e.now.Store(int32(e.standing.health))
	after := e.good()
	if before && !after {
		for id, cancel := range e.waiting {
			cancel(errDied)
			delete(e.waiting, id)
		}
	}
	return before != after
}

func (e *endpoint) checked(ok bool) bool {
	e.known.Store(true)
	return e.change(func(s standing) standing { return s.checked(ok, e.key.check) })
}

// await notes a request that waits for response headers and may be sent again
// elsewhere: its context ends when the endpoint dies. The function returned ends
// the note, and says whether the endpoint lived until then. After that the context
// ends with the client's request: what is read of the response depends on it.
func (e *endpoint) await(ctx context.Context) (context.Context, func() bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	id := e.next
	e.next++
	e.waiting[id] = cancel
	return ctx, func() bool { return e.over(id) }
}

func (e *endpoint) over(id int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, waits := e.waiting[id]
	delete(e.waiting, id)
	return waits
}
