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
