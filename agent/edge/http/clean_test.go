package http

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// mirror is a backend that answers with the request's head.
func mirror(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var lines []string
		for name, values := range r.Header {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
		slices.Sort(lines)
		_, _ = fmt.Fprintf(w, "%s %s\n%s\n", r.Method, r.Host, strings.Join(lines, "\n"))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestWhatClientsMayNotSay(t *testing.T) {
	said := []string{
		"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Port", "4711", "X-Forwarded-Prefix", "/evil", "X-Real-Ip", "203.0.113.9",
		"Forwarded", "for=203.0.113.9", "Keep-Alive", "timeout=4711", "X-Secret", "4711", "Connection", "X-Secret, X-Forwarded-Proto",
	}
	for name, tc := range map[string]struct {
		trusted       []string
		want, wantNot []string
	}{
		"anybody":         {nil, []string{"X-Forwarded-For: 127.0.0.1\n", "X-Forwarded-Proto: http\n"}, []string{"4711", "203.0.113.9", "/evil"}},
		"a trusted proxy": {[]string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.9, 127.0.0.1\n", "X-Forwarded-Port: 4711\n", "Forwarded: for=203.0.113.9\n"}, []string{"X-Secret", "Keep-Alive"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, func(c *Config) { c.TrustedProxies = tc.trusted })
			e.give(documentOf(serving("europe", address(mirror(t)))))
			_, body, _ := e.get("http://web.example.com/", said...)
			for _, want := range tc.want {
				if !strings.Contains(body, want) {
					t.Errorf("no %q in\n%s", want, body)
				}
			}
			for _, not := range tc.wantNot {
				if strings.Contains(body, not) {
					t.Errorf("%q in\n%s", not, body)
				}
			}
		})
	}
}

// raw sends text to the plain port and returns the status and the body.
func (e *running) raw(text string) (int, string) {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.plain)
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n"))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestNoWayPastTheEdge(t *testing.T) {
	e := startEdge(t, nil)
	doc := documentOf(serving("europe", address(mirror(t))))
	doc.Frontends[0].DefaultBackend = "default/web:80"
	e.give(doc)
	_, body := e.raw("GET / HTTP/1.1\nHost: web.example.com\nConnection: Upgrade\nUpgrade: websocket, h2C\nHTTP2-Settings: AAMAAABkAAQAAP__\n\n")
	if strings.Contains(body, "Upgrade") || strings.Contains(body, "Settings") || !strings.HasPrefix(body, "GET web.example.com") {
		t.Errorf("the backend saw\n%s", body)
	}
	if status, _ := e.raw("CONNECT web.example.com:22 HTTP/1.1\nHost: web.example.com:22\n\n"); status != http.StatusMethodNotAllowed {
		t.Errorf("CONNECT: %d", status)
	}
}

func TestRequestsGoRoundNoLonger(t *testing.T) {
	e := startEdge(t, nil)
	e.give(documentOf(serving("europe", e.plain)))
	if status, body, _ := e.get("http://web.example.com/"); status != http.StatusLoopDetected {
		t.Errorf("%d %s", status, body)
	}
	e.until("all rounds are noted", func() bool { return strings.Count(e.log.String(), "\n") == mostHops+2 })
}

func TestNoRedirectToWhereTheClientIs(t *testing.T) {
	e := startEdge(t, func(c *Config) { c.TrustedProxies = []string{"127.0.0.0/8"} })
	e.certify("default/web", "web.example.com")
	doc := documentOf(serving("europe", address(named(t, "eu"))))
	doc.Frontends[0].Redirect = true
	doc.Frontends[0].TLS = []v1alpha1.FrontendTLS{{Hosts: []string{"web.example.com"}, Secret: "default/web"}}
	e.give(doc)
	for proto, want := range map[string]int{"https": 200, "http": 308} {
		if status, _, _ := e.get("http://web.example.com/", "X-Forwarded-Proto", proto); status != want {
			t.Errorf("%s at the proxy: %d, want %d", proto, status, want)
		}
	}
}

func TestDrainHasClientsConnectAnew(t *testing.T) {
	e := startEdge(t, nil)
	e.give(documentOf(serving("europe", address(named(t, "eu")))))
	e.Drain()
	for range 2 {
		answer, err := e.client().Get("http://web.example.com/")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if !answer.Close || answer.StatusCode != http.StatusOK {
			t.Errorf("%d, the connection is kept: %t", answer.StatusCode, !answer.Close)
		}
	}
}
