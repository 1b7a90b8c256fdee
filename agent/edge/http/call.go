package http

import (
	"context"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// callKey is where a request carries its call.
const callKey = "fed_call"

// call is one client's request on its way: what it is for, and who was asked.
type call struct {
	server  *Server
	began   time.Time
	ingress string
	backend string
	// own is the cluster that the client is in, "" for none.
	own   string
	tried []*endpoint
	last  choice
	// again says whether the request may be sent to another endpoint although
	// the last one may have seen it.
	again bool
}

func callOf(ctx context.Context) *call {
	c, _ := caddyhttp.GetVar(ctx, callKey).(*call)
	return c
}

// next chooses who is asked now. A backend that left the document meanwhile has
// nobody.
func (c *call) next() (choice, bool) {
	b := c.server.snapshot.Load().backends[c.backend]
	if b == nil {
		return choice{}, false
	}
	tiers := b.tiers
	if c.own != "" {
		tiers = b.own(c.own)
	}
	found, ok := chooser{draw: c.server.draw, now: c.server.clock.Now(), tried: c.tried}.choose(tiers)
	if !ok {
		return choice{}, false
	}
	if len(c.tried) > 0 {
		c.server.metrics.retried(c.backend)
	}
	c.release()
	found.endpoint.busy.Add(1)
	c.tried, c.last = append(c.tried, found.endpoint), found
	return found, true
}

// release ends what the last endpoint has to do with it.
func (c *call) release() {
	if c.last.endpoint != nil {
		c.last.endpoint.busy.Add(-1)
	}
}

// repeatable says whether a request may be sent twice: it changes nothing, or
// the same the second time, and has no body that is gone by then.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	}
	return false
}
