package http

import (
	"crypto/tls"
	"net"
	"net/http"
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
	main *http.Transport
	// upgrades are HTTP/1.1's: an endpoint that speaks HTTP/2 without TLS takes
	// websockets that way.
	upgrades *http.Transport
	scheme   string
}

func newPool(key endpointKey) *pool {
	p := &pool{scheme: "http", main: transport(key.timeout)}
	p.upgrades = p.main
	switch key.protocol {
	case v1alpha1.ProtocolH2C:
		p.main.Protocols = new(http.Protocols)
		p.main.Protocols.SetUnencryptedHTTP2(true)
		p.upgrades = transport(key.timeout)
	case v1alpha1.ProtocolHTTPS:
		p.scheme = "https"
		p.main.ForceAttemptHTTP2 = true
		p.main.TLSClientConfig = insecure()
		p.main.TLSHandshakeTimeout = 5 * time.Second
	}
	return p
}

// insecure takes any certificate: endpoints are addresses, and what they show
// is not issued for those.
func insecure() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
}

func transport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: dialer.DialContext, DisableCompression: true,
		MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTimeout,
		ResponseHeaderTimeout: timeout, ExpectContinueTimeout: time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
}

func (p *pool) roundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Upgrade") != "" {
		return p.upgrades.RoundTrip(r)
	}
	return p.main.RoundTrip(r)
}

// retire closes the connections that carry no request; the others are closed
// after theirs.
func (p *pool) retire() {
	p.main.CloseIdleConnections()
	p.upgrades.CloseIdleConnections()
}
