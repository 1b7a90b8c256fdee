package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
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

// control changes what /healthz says, and how soon anything is answered: a test
// takes one pod out of service, or makes it slow, and back without ending it.
func control(leaving, slow *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	for path, set := range map[string]func(){
		"POST /unhealthy": func() { leaving.Store(true) }, "POST /healthy": func() { leaving.Store(false) },
		"POST /slow": func() { slow.Store(true) }, "POST /fast": func() { slow.Store(false) },
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			set()
			w.WriteHeader(http.StatusNoContent)
		})
	}
	return mux
}

// slowness is longer than any health check waits.
const slowness = 5 * time.Second

// delayed answers late while slow is set, or not at all if the client leaves.
func delayed(slow *atomic.Bool, then http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(slowness):
			}
		}
		then.ServeHTTP(w, r)
	})
}
