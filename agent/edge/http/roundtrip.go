package http

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

var errNoChoice = errors.New("no endpoint was chosen")

// attempt is a request on its way to one endpoint.
type attempt struct {
	// may it be sent again although the endpoint may have seen it?
	may       bool
	connected atomic.Bool
	body      watchedBody
}

// send carries a request to the endpoint that was chosen for it.
func (c *call) send(r *http.Request) (*http.Response, error) {
	e := c.last.endpoint
	if e == nil {
		return nil, errNoChoice
	}
	c.again = false
	a := &attempt{may: repeatable(r)}
	ctx, over := r.Context(), func() bool { return true }
	if a.may {
		ctx, over = e.await(ctx)
	}
	answer, err := e.pool.roundTrip(a.redirected(ctx, r, e))
	lived := over()
	if err != nil {
		return nil, c.failed(ctx, r, a, err)
	}
	if !lived { // in this very moment, and with it what is still to be read
		_ = answer.Body.Close()
		c.again = a.may
		return nil, errDied
	}
	e.change(standing.answered)
	return answer, nil
}

// failed judges an attempt without an answer: whose doing it was, and whether
// another endpoint may be asked.
func (c *call) failed(ctx context.Context, r *http.Request, a *attempt, err error) error {
	switch {
	case r.Context().Err() != nil || a.body.failed.Load():
		return err // the client's doing
	case errors.Is(context.Cause(ctx), errDied):
		c.again = a.may
		return errDied
	}
	if e := c.last.endpoint; e.change(standing.failed) {
		c.server.changed(e)
	}
	if !a.connected.Load() {
		return reverseproxy.NewDialError(err)
	}
	// One that took too long has been worked on: the next would be, too.
	c.again = a.may && !timedOut(err)
	return err
}

// redirected is the request as it goes to an endpoint.
func (a *attempt) redirected(ctx context.Context, r *http.Request, e *endpoint) *http.Request {
	sent := r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport asks for another connection only if the first took nothing.
		GetConn: func(string) { a.connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
	}))
	sent.URL = new(url.URL)
	*sent.URL = *r.URL
	sent.URL.Scheme, sent.URL.Host = e.pool.scheme, e.key.address
	if r.Body != nil && r.Body != http.NoBody {
		a.body.ReadCloser = r.Body
		sent.Body = &a.body
	}
	return sent
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// watchedBody remembers that reading the client's body failed.
type watchedBody struct {
	io.ReadCloser
	failed atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.failed.Store(true)
	}
	return n, err
}
