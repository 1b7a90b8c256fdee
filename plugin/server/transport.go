package server

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// Transport hands requests to a handler in this process, so that a client-go
// client needs neither port nor certificate. Answers stream, as watches must.
// When ctx ends every request does.
func Transport(ctx context.Context, h http.Handler) http.RoundTripper {
	return &transport{ctx: ctx, handler: h}
}

type transport struct {
	ctx     context.Context
	handler http.Handler
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(t.ctx, cancel)
	body, pipe := io.Pipe()
	w := &answer{header: http.Header{}, pipe: pipe, started: make(chan struct{})}
	go func() {
		defer cancel()
		defer stop()
		if r.Body != nil {
			defer r.Body.Close()
		}
		t.handler.ServeHTTP(w, r.WithContext(ctx))
		w.WriteHeader(http.StatusOK)
		_ = pipe.Close()
	}()
	select {
	case <-w.started:
	case <-ctx.Done():
		// The handler may have answered in the moment it was cancelled.
		select {
		case <-w.started:
		default:
			_ = body.CloseWithError(ctx.Err())
			return nil, context.Cause(ctx)
		}
	}
	return &http.Response{StatusCode: w.code, Status: http.StatusText(w.code), Header: w.sent, Body: &cancelBody{body, cancel},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Request: r}, nil
}

// cancelBody ends the request when the client stops reading.
type cancelBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *cancelBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// answer is a ResponseWriter whose body is a pipe.
type answer struct {
	header, sent http.Header
	code         int
	pipe         *io.PipeWriter
	once         sync.Once
	started      chan struct{}
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	a.once.Do(func() {
		a.code, a.sent = code, a.header.Clone()
		close(a.started)
	})
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.pipe.Write(b)
}

// Flush does nothing: a pipe holds nothing back.
func (a *answer) Flush() {}
