package http

import (
	"crypto/tls"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// dialTimeout bounds the connection to an endpoint; another one is asked then.
	dialTimeout = time.Second
	// idleTimeout is how long a connection to an endpoint is kept for the next request.
	idleTimeout = 30 * time.Second
	// idleConnections kept to one endpoint.
	idleConnections = 128
	// maxResponseHeader in bytes.
	maxResponseHeader = 256 << 10
)

// pool holds the connections to one endpoint.
type pool struct {
	key    endpointKey
	scheme string
	now    atomic.Pointer[ways]
}

// ways to an endpoint.
type ways struct {
	main *http.Transport
	// upgrades are HTTP/1.1's: an endpoint that speaks HTTP/2 takes websockets
	// that way.
	upgrades *http.Transport
}

func newPool(key endpointKey) *pool {
	p := &pool{key: key, scheme: "http"}
	if key.protocol == v1alpha1.ProtocolHTTPS {
		p.scheme = "https"
	}
	p.now.Store(newWays(key))
	return p
}

func newWays(key endpointKey) *ways {
	w := &ways{main: transport(key)}
	w.upgrades = w.main
	switch key.protocol {
	case v1alpha1.ProtocolH2C:
		w.upgrades = transport(key)
		w.main.Protocols = new(http.Protocols)
		w.main.Protocols.SetUnencryptedHTTP2(true)
	case v1alpha1.ProtocolHTTPS:
		w.upgrades = transport(key)
		w.main.ForceAttemptHTTP2 = true
	}
	return w
}

// insecure takes any certificate: endpoints are addresses, and what they show
// is not issued for those.
func insecure() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
}

func transport(key endpointKey) *http.Transport {
	t := &http.Transport{
		DialContext: dialer(key.address).DialContext, DisableCompression: true,
		MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTimeout,
		ResponseHeaderTimeout: key.timeout, ExpectContinueTimeout: time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	if key.protocol == v1alpha1.ProtocolHTTPS {
		t.TLSClientConfig, t.TLSHandshakeTimeout = insecure(), 5*time.Second
	}
	return t
}

func (p *pool) roundTrip(r *http.Request) (*http.Response, error) {
	w := p.now.Load()
	if r.Header.Get("Upgrade") != "" {
		return w.upgrades.RoundTrip(r)
	}
	return w.main.RoundTrip(r)
}

// renew has requests from now on use new connections: those to an endpoint that
// died may be dead when it is back, without a sign of it.
func (p *pool) renew() { p.now.Swap(newWays(p.key)).retire() }

// retire closes the connections that carry no request; the others are closed
// after theirs.
func (p *pool) retire() { p.now.Load().retire() }

func (w *ways) retire() {
	w.main.CloseIdleConnections()
	w.upgrades.CloseIdleConnections()
}
