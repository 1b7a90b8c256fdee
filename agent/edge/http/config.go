package http

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage" // where Caddy would keep certificates
)

const (
	// retries of one request at most.
	retries = 5
	// tryFor is how long after its begin a request is still sent again.
	tryFor = time.Minute
	// maxHeader is what a request's header may hold, in bytes.
	maxHeader = 64 << 10
	// bodyStall is how long a client's body may pause: streams do, for long.
	bodyStall = 10 * time.Minute
)

// object is JSON.
type object = map[string]any

// caddyConfig is the one configuration that Caddy is given. Nothing of a
// document is in it.
func caddyConfig(c Config, id string) (*caddy.Config, error) {
	servers := object{}
	if len(c.Plain) > 0 {
		servers["plain"] = server(c, id, c.Plain, []string{"h1", "h2c"})
	}
	if len(c.Secure) > 0 {
		s := server(c, id, c.Secure, []string{"h1", "h2"})
		s["tls_connection_policies"] = []object{{}}
		servers["secure"] = s
	}
	text, err := json.Marshal(object{
		"admin": object{"disabled": true, "config": object{"persist": false}},
		"logging": object{"logs": object{"default": object{"level": "ERROR", "exclude": []string{
			"tls.handshake", "tls.on_demand",
			"http.handlers.reverse_proxy", // it words each request for lines that it hardly ever writes; the access log has them
		}}}},
		"storage": object{"module": "file_system", "root": filepath.Join(c.StateDir, "caddy")},
		"apps": object{
			"http": object{"servers": servers, "grace_period": caddy.Duration(c.Grace)},
			"tls": object{
				"disable_storage_check": true, "disable_storage_clean": true, "disable_ocsp_stapling": true,
				"automation": object{"policies": []object{{
					"get_certificate": []object{{"via": "fed", "edge": id}},
					"issuers":         []object{{"module": "fed_none"}},
				}}},
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("write the server's configuration: %w", err)
	}
	config := &caddy.Config{}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("read the server's configuration: %w", err)
	}
	return config, nil
}

// server is one of HTTP's servers: it routes, then proxies.
func server(c Config, id string, listen, protocols []string) object {
	s := object{
		"listen": listen, "protocols": protocols,
		"automatic_https":   object{"disable": true},
		"max_header_bytes":  maxHeader,
		"read_idle_timeout": caddy.Duration(bodyStall),
		"routes": []object{{"handle": []object{
			{"handler": "fed_route", "edge": id},
			{
				"handler":        "reverse_proxy",
				"transport":      object{"protocol": "fed"},
				"flush_interval": -1,
				"load_balancing": object{
					"selection_policy": object{"policy": "fed"},
					"retries":          retries, "try_duration": caddy.Duration(tryFor), "try_interval": caddy.Duration(time.Millisecond),
					"retry_match": []object{{"fed_again": object{}}},
				},
			},
		}}},
	}
	if len(c.TrustedProxies) > 0 {
		s["trusted_proxies"] = object{"source": "static", "ranges": c.TrustedProxies}
		s["trusted_proxies_strict"] = 1
	}
	return s
}
