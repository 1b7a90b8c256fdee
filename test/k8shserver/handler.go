package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
)

// answer is what a GET of / returns.
type answer struct {
	Hostname string `json:"hostname"`
	Zone     string `json:"zone"`
	Cluster  string `json:"cluster,omitempty"`
}

// handler serves / and /healthz; leaving makes the latter fail.
func handler(a answer, leaving *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		// A client that went away is nobody's error.
		_ = json.NewEncoder(w).Encode(a)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if leaving.Load() {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// control changes what /healthz says: a test takes one pod out of service and
// back without ending it.
func control(leaving *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	for path, value := range map[string]bool{"POST /unhealthy": true, "POST /healthy": false} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			leaving.Store(value)
			w.WriteHeader(http.StatusNoContent)
		})
	}
	return mux
}
