package http

import (
	"crypto/tls"
	"testing"
)

func TestHandshakes(t *testing.T) {
	pair := certificateFor(t, "other.example.com")
	e := startEdge(t, func(c *Config) { c.Default = func() *tls.Certificate { return pair } })
	for name, tc := range map[string]struct {
		server    string
		low, high uint16
		want      bool
	}{
		"no name":       {"", tls.VersionTLS12, tls.VersionTLS13, true},
		"any name":      {"WEB.example.com", tls.VersionTLS12, tls.VersionTLS13, true},
		"TLS 1.2":       {"web.example.com", tls.VersionTLS12, tls.VersionTLS12, true},
		"nothing older": {"web.example.com", tls.VersionTLS10, tls.VersionTLS11, false},
	} {
		conn, err := tls.Dial("tcp", e.secure, &tls.Config{ServerName: tc.server, MinVersion: tc.low, MaxVersion: tc.high, InsecureSkipVerify: true})
		if (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
