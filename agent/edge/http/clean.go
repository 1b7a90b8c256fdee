package http

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// mostHops is how many proxies a request may have passed.
const mostHops = 16

// clean drops what a client may not tell a backend: where a request came from,
// unless a trusted proxy says so, and that the connection becomes HTTP/2, since
// what is asked for on it then would pass the edge by.
func clean(r *http.Request) {
	if !trusted(r) {
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" {
				delete(r.Header, name)
			}
		}
	}
	if asksForHTTP2(r.Header.Values("Upgrade")) {
		r.Header.Del("Upgrade")
		r.Header.Del("Http2-Settings")
	}
}

// trusted says whether the request comes from a trusted proxy.
func trusted(r *http.Request) bool {
	is, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return is
}

func asksForHTTP2(upgrades []string) bool {
	for _, line := range upgrades {
		for token := range strings.SplitSeq(line, ",") {
			switch token = strings.ToLower(strings.TrimSpace(token)); token {
			case "h2c", "h2", "http/2.0", "http/2":
				return true
			}
		}
	}
	return false
}

// secure says whether the client asked over TLS, be it a proxy's before.
func secure(r *http.Request) bool {
	return r.TLS != nil || trusted(r) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// tunnel says whether a request wants a connection to somewhere, which is not an
// edge's to give. Websockets over HTTP/2 ask likewise, with a protocol.
func tunnel(r *http.Request) bool {
	return r.Method == http.MethodConnect && r.Header.Get(":protocol") == ""
}
