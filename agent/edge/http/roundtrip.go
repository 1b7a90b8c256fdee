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

// send carries a request to the endpoint that was chosen for it.
func (c *call) send(r *http.Request) (*http.Response, error) {
	e := c.last.endpoint
	if e == nil {
		return nil, errNoChoice
	}
	c.again = false
	ctx, cancel := context.WithCancelCause(r.Context())
	may := repeatable(r)
	if may {
		defer e.await(cancel)()
	}
	// The context lives until the client's request ends: what is read of the
	// response depends on it.
	context.AfterFunc(r.Context(), func() { cancel(nil) })
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport asks for another connection only if the first took nothing.
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	body := &watchedBody{}
	answer, err := e.pool.roundTrip(redirected(ctx, r, e, body))
	switch {
	case err == nil:
		e.change(standing.answered)
		return answer, nil
	case r.Context().Err() != nil || body.failed.Load():
		return nil, err // the client's doing
	case errors.Is(context.Cause(ctx), errDied):
		c.again = may
		return nil, errDied
	}
	if e.change(standing.failed) {
		c.server.changed(e)
	}
	if !connected.Load() {
		return nil, reverseproxy.NewDialError(err)
	}
	// One that took too long has been worked on: the next would be, too.
	c.again = may && !timedOut(err)
	return nil, err
}

// redirected is the request as it goes to an endpoint.
func redirected(ctx context.Context, r *http.Request, e *endpoint, body *watchedBody) *http.Request {
	sent := r.WithContext(ctx)
	sent.URL = new(url.URL)
	*sent.URL = *r.URL
	sent.URL.Scheme, sent.URL.Host = e.pool.scheme, e.key.address
	if r.Body != nil && r.Body != http.NoBody {
		body.ReadCloser = r.Body
		sent.Body = body
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
