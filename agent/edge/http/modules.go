package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/certmagic"
)

// Caddy makes its modules by name from its configuration; servers is where they
// find the edge that they belong to.
var (
	registered sync.Once
	servers    sync.Map
)

func registerModules() {
	registered.Do(func() {
		for _, m := range []caddy.Module{&routeModule{}, &chooseModule{}, &sendModule{}, &againModule{}, &certificateModule{}, &issuerModule{}} {
			caddy.RegisterModule(m)
		}
	})
}

// ofServer is what those modules have in common.
type ofServer struct {
	Edge   string `json:"edge"`
	server *Server
}

// Provision finds the edge.
func (m *ofServer) Provision(caddy.Context) error {
	s, ok := servers.Load(m.Edge)
	if !ok {
		return errors.New("no such edge")
	}
	m.server = s.(*Server)
	return nil
}

// routeModule finds out what a request is for.
type routeModule struct{ ofServer }

// CaddyModule names it.
func (*routeModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.fed_route", New: func() caddy.Module { return new(routeModule) }}
}

// ServeHTTP answers what no endpoint is needed for.
func (m *routeModule) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return m.server.route(w, r, next)
}

// chooseModule chooses the endpoint for each attempt.
type chooseModule struct{}

// CaddyModule names it.
func (*chooseModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.selection_policies.fed", New: func() caddy.Module { return new(chooseModule) }}
}

// Select chooses. The pool that Caddy has is empty.
func (*chooseModule) Select(_ reverseproxy.UpstreamPool, r *http.Request, _ http.ResponseWriter) *reverseproxy.Upstream {
	c := callOf(r.Context())
	if c == nil {
		return nil
	}
	found, ok := c.next()
	if !ok {
		return nil
	}
	return found.endpoint.upstream
}

// sendModule carries a request to the endpoint.
type sendModule struct{}

// CaddyModule names it.
func (*sendModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.fed", New: func() caddy.Module { return new(sendModule) }}
}

// RoundTrip sends.
func (*sendModule) RoundTrip(r *http.Request) (*http.Response, error) {
	c := callOf(r.Context())
	if c == nil {
		return nil, errNoChoice
	}
	return c.send(r)
}

// againModule says which requests are sent again.
type againModule struct{}

// CaddyModule names it.
func (*againModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.fed_again", New: func() caddy.Module { return new(againModule) }}
}

// Match says whether this one is.
func (*againModule) Match(r *http.Request) bool {
	c := callOf(r.Context())
	return c != nil && c.again
}

// MatchWithError is Match.
func (m *againModule) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// certificateModule finds certificates in the document.
type certificateModule struct{ ofServer }

// CaddyModule names it.
func (*certificateModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.get_certificate.fed", New: func() caddy.Module { return new(certificateModule) }}
}

// GetCertificate always finds one or fails: nobody else is asked for one.
func (m *certificateModule) GetCertificate(_ context.Context, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.server.certificate(hello.ServerName)
}

var errNoIssuer = errors.New("an edge obtains no certificates")

// issuerModule takes the place of those that would obtain certificates.
type issuerModule struct{}

// CaddyModule names it.
func (*issuerModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.issuance.fed_none", New: func() caddy.Module { return new(issuerModule) }}
}

// Issue refuses.
func (*issuerModule) Issue(context.Context, *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	return nil, errNoIssuer
}

// IssuerKey names it among certificates that are kept, of which there are none.
func (*issuerModule) IssuerKey() string { return "none" }

var (
	_ caddyhttp.MiddlewareHandler       = (*routeModule)(nil)
	_ caddyhttp.RequestMatcherWithError = (*againModule)(nil)
	_ reverseproxy.Selector             = (*chooseModule)(nil)
	_ http.RoundTripper                 = (*sendModule)(nil)
	_ certmagic.Manager                 = (*certificateModule)(nil)
	_ certmagic.Issuer                  = (*issuerModule)(nil)
)
