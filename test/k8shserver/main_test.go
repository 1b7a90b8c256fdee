package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	a := answer{Hostname: "k8shserver-6we2u", Zone: "europe-west1-b"}
	for name, c := range map[string]struct {
		method, path string
		leaving      bool
		status       int
		body         string
	}{
		"a plain answer": {"GET", "/", false, 200, `{"hostname":"k8shserver-6we2u","zone":"europe-west1-b"}` + "\n"},
		"leaving, it still answers": {
			"GET", "/", true, 200, `{"hostname":"k8shserver-6we2u","zone":"europe-west1-b"}` + "\n",
		},
		"healthy":            {"GET", "/healthz", false, 200, "ok\n"},
		"unhealthy, leaving": {"GET", "/healthz", true, 503, "stopping\n"},
		"no such path":       {"GET", "/other", false, 404, "404 page not found\n"},
		"no writes":          {"POST", "/", false, 405, "Method Not Allowed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var leaving atomic.Bool
			leaving.Store(c.leaving)
			w := httptest.NewRecorder()
			handler(a, &leaving).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("%s %s = %d %q, want %d %q", c.method, c.path, w.Code, w.Body, c.status, c.body)
			}
		})
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	var leaving atomic.Bool
	h, c := handler(answer{Hostname: "pod", Zone: "zone", Cluster: "a"}, &leaving), control(&leaving, &atomic.Bool{})
	ask := func(h http.Handler, method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	for _, step := range []struct {
		path string
		want int
	}{{"/unhealthy", 503}, {"/unhealthy", 503}, {"/healthy", 200}} {
		if got := ask(c, "POST", step.path).Code; got != 204 {
			t.Errorf("POST %s = %d", step.path, got)
		}
		if got := ask(h, "GET", "/healthz").Code; got != step.want {
			t.Errorf("after %s it is %d, want %d", step.path, got, step.want)
		}
	}
	if got := ask(c, "GET", "/unhealthy").Code; got != 405 {
		t.Errorf("a GET changed it (%d)", got)
	}
	if got := ask(h, "POST", "/unhealthy").Code; got != 404 && got != 405 {
		t.Errorf("the public address takes orders (%d)", got)
	}
	if got, want := ask(h, "GET", "/").Body.String(), `{"hostname":"pod","zone":"zone","cluster":"a"}`+"\n"; got != want {
		t.Errorf("answer is %s, want %s", got, want)
	}
}

func TestFindZone(t *testing.T) {
	t.Parallel()
	metadata := func(status int, flavour, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Metadata-Flavor") != "Google" || r.URL.Path != metadataPath {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			w.Header().Set("Metadata-Flavor", flavour)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	for name, c := range map[string]struct{ env, host, want string }{
		"the label wins":        {"us-east1-b", metadata(200, "Google", "projects/1/zones/asia-east1-a"), "us-east1-b"},
		"the metadata server":   {"", metadata(200, "Google", "projects/1/zones/asia-east1-a\n"), "asia-east1-a"},
		"an error of its":       {"", metadata(404, "Google", "projects/1/zones/asia-east1-a"), unknownZone},
		"somebody else's":       {"", metadata(200, "", "<html>welcome</html>"), unknownZone},
		"an empty answer":       {"", metadata(200, "Google", ""), unknownZone},
		"nobody there":          {"", "127.0.0.1:1", unknownZone},
		"a host that is no URL": {"", "a b", unknownZone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"ZONE": c.env, "GCE_METADATA_HOST": c.host}
			if got := findZone(t.Context(), func(k string) string { return env[k] }); got != c.want {
				t.Errorf("zone = %q, want %q", got, c.want)
			}
		})
	}
}

// TestRequestsUnderWayFinish holds one request open while the server is told
// to stop: it must turn unhealthy, answer that request and then return.
func TestRequestsUnderWayFinish(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, l, answer{Hostname: "pod", Zone: "zone"}, &atomic.Bool{}, &atomic.Bool{}, 200*time.Millisecond)
	}()

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\n"); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := io.WriteString(conn, "Connection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(reply), `{"hostname":"pod","zone":"zone"}`) {
		t.Errorf("the request under way got %q (%v)", reply, err)
	}
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestRunRefusesAnAddressInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := run(t.Context(), l.Addr().String(), "", 0); err == nil || !strings.Contains(err.Error(), "listen:") {
		t.Errorf("error is %v, want it to begin with listen:", err)
	}
}

// A client is given what a pod would be: the status and the body.
func TestAskPrintsTheAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(handler(answer{Hostname: "pod", Zone: "zone"}, &atomic.Bool{}))
	defer server.Close()
	var out strings.Builder
	if err := ask(t.Context(), server.URL, &out); err != nil || !strings.HasPrefix(out.String(), `200 {"hostname":"pod","zone":"zone"}`) {
		t.Errorf("printed %q (%v)", out.String(), err)
	}
	server.Close()
	if err := ask(t.Context(), server.URL, &out); err == nil {
		t.Error("nobody listens, and no error")
	}
}

// While it is slow nobody is answered soon, and a client that leaves holds nothing up.
func TestSlowAnswersNobodySoon(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	server := httptest.NewServer(delayed(&slow, handler(answer{}, &atomic.Bool{})))
	defer server.Close()
	c := control(&atomic.Bool{}, &slow)
	c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/slow", nil))
	impatient := http.Client{Timeout: 50 * time.Millisecond}
	if resp, err := impatient.Get(server.URL); err == nil {
		resp.Body.Close()
		t.Error("a slow server has answered at once")
	}
	c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/fast", nil))
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
