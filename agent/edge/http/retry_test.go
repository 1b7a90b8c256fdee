package http

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestWhatMayHaveBeenDoneIsNotDoneAgain has backends that take requests and hang
// up, on new connections and on those that were kept.
func TestWhatMayHaveBeenDoneIsNotDoneAgain(t *testing.T) {
	var taken atomic.Int64
	hangUp := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/greet" {
			return
		}
		taken.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	})
	var all []string
	for range 3 {
		s := httptest.NewServer(hangUp)
		t.Cleanup(s.Close)
		all = append(all, address(s))
	}
	e := startEdge(t, func(c *Config) { c.Prober = alwaysGood{} })
	e.give(documentOf(serving("europe", all...)))
	for _, tc := range []struct {
		method, body string
		once         bool
	}{
		{"POST", "x", true}, {"POST", "", true}, {"PATCH", "x", true}, {"PUT", "x", true}, {"DELETE", "x", true}, {"GET", "", false}, {"PUT", "", false},
	} {
		for range 4 {
			e.wants("http://web.example.com/greet", 200, "")
			taken.Store(0)
			r, err := http.NewRequest(tc.method, "http://web.example.com/", strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := e.client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if n := taken.Load(); answer.StatusCode != http.StatusBadGateway || (n == 1) != tc.once {
				t.Errorf("%s %q: %d, taken %d times", tc.method, tc.body, answer.StatusCode, n)
			}
		}
	}
}
