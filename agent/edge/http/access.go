package http

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// accessLog writes a line for each request. Queries are left out: they hold
// what is nobody's business.
type accessLog struct{ log *slog.Logger }

func newAccessLog(w io.Writer) *accessLog {
	if w == nil {
		return &accessLog{}
	}
	bare := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}
	return &accessLog{slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: bare}))}
}

func (l *accessLog) done(c *call, r *http.Request, rec caddyhttp.ResponseRecorder, took time.Duration) {
	if l.log == nil {
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	attributes := []slog.Attr{
		slog.String("client", clientOf(r)), slog.String("proto", r.Proto), slog.String("scheme", scheme), slog.String("method", r.Method),
		slog.String("host", r.Host), slog.String("path", r.URL.Path), slog.Int("status", rec.Status()),
		slog.Int("bytes", rec.Size()), slog.Float64("duration", took.Seconds()),
		slog.String("ingress", c.ingress), slog.String("backend", c.backend), slog.Int("tries", len(c.tried)),
	}
	if c.last.endpoint != nil {
		attributes = append(attributes, slog.String("cluster", c.last.shard.cluster), slog.String("endpoint", c.last.endpoint.key.address))
	}
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "", attributes...)
}
