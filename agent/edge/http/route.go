package http

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// retryAfter is what clients are told, in seconds, when nobody can answer now.
const retryAfter = "5"

// route finds the backend of a request, answers itself where none is needed,
// and notes what became of it.
func (s *Server) route(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	c := &call{server: s, began: s.clock.Now()}
	w.Header().Del("Server")
	clean(r)
	if s.leaving.Load() && r.Header.Get("Upgrade") == "" {
		w.Header().Set("Connection", "close") // the client's next request is for another edge
	}
	rec := caddyhttp.NewResponseRecorder(w, nil, nil)
	if r.Header.Get("Upgrade") == "" {
		s.busy.Add(1) // an upgraded connection has no end to wait for
		defer s.busy.Add(-1)
	}
	defer func() {
		c.release()
		s.metrics.done(c, rec.Status(), s.clock.Since(c.began))
		s.access.done(c, r, rec, s.clock.Since(c.began))
	}()
	current := s.snapshot.Load()
	if current == nil {
		return unavailable(rec, "no traffic document yet")
	}
	switch {
	case tunnel(r):
		return answer(rec, http.StatusMethodNotAllowed, "an edge opens no tunnels")
	case len(r.Header["Via"]) > mostHops: // each edge adds a line
		return answer(rec, http.StatusLoopDetected, "an endpoint leads back to an edge")
	}
	m, ok := current.table.Match(r.Host, r.URL.Path)
	if !ok {
		return answer(rec, http.StatusNotFound, "no Ingress has this host and path")
	}
	c.ingress, c.backend = m.Ingress.Namespace+"/"+m.Ingress.Name, m.Backend
	switch b := current.backends[m.Backend]; {
	case m.Redirect && !secure(r):
		return redirect(rec, r)
	case b == nil || b.empty():
		return unavailable(rec, "no cluster serves this backend")
	}
	c.own = ownCluster(current.sources, r)
	caddyhttp.SetVar(r.Context(), callKey, c)
	return s.proxy(rec, r, next)
}

// proxy has the request carried, and words what goes wrong.
func (s *Server) proxy(rec caddyhttp.ResponseRecorder, r *http.Request, next caddyhttp.Handler) error {
	err := next.ServeHTTP(rec, r)
	if err == nil || rec.Status() >= http.StatusOK {
		return err
	}
	status := http.StatusBadGateway
	var known caddyhttp.HandlerError
	if errors.As(err, &known) && known.StatusCode >= 400 {
		status = known.StatusCode
	}
	if timedOut(err) {
		status = http.StatusGatewayTimeout
	}
	if status == http.StatusServiceUnavailable {
		return unavailable(rec, "no cluster serves this backend")
	}
	return answer(rec, status, "the backend did not answer")
}

func unavailable(w http.ResponseWriter, why string) error {
	w.Header().Set("Retry-After", retryAfter)
	return answer(w, http.StatusServiceUnavailable, why)
}

func answer(w http.ResponseWriter, status int, why string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := fmt.Fprintf(w, "%d %s: %s\n", status, http.StatusText(status), why)
	return err
}

// redirect sends the client to HTTPS, on its standard port.
func redirect(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Location", "https://"+withoutPort(r.Host)+r.URL.RequestURI())
	w.WriteHeader(http.StatusPermanentRedirect)
	return nil
}

func withoutPort(host string) string {
	name, _, err := net.SplitHostPort(host)
	switch {
	case err != nil:
		return host
	case strings.Contains(name, ":"):
		return "[" + name + "]"
	}
	return name
}

// ownCluster is the cluster that a client is in, "" for none.
func ownCluster(sources *traffic.Sources, r *http.Request) string {
	client, err := netip.ParseAddr(clientOf(r))
	if err != nil {
		return ""
	}
	name, _ := sources.OwnCluster(client.Unmap().WithZone(""))
	return name
}

// clientOf is the client's address: the connection's, or what a trusted proxy
// says.
func clientOf(r *http.Request) string {
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return address
}

var errNoCertificate = errors.New("no certificate for this name")

// certificate for the name that a client asks for.
func (s *Server) certificate(name string) (*tls.Certificate, error) {
	if current := s.snapshot.Load(); current != nil {
		if found, ok := current.table.TLS(name); ok && current.certificates[found.Secret] != nil {
			return current.certificates[found.Secret], nil
		}
	}
	if s.Default != nil {
		if pair := s.Default(); pair != nil {
			return pair, nil
		}
	}
	return nil, errNoCertificate
}
