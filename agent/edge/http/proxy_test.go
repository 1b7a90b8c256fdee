package http

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// dead is an address that refuses connections.
func dead(t *testing.T) string { return freePort(t) }

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestHTTPS(t *testing.T) {
	e := startEdge(t, nil)
	e.certify("default/web", "web.example.com")
	e.certify("default/wild", "*.wild.example.com")
	doc := documentOf(serving("europe", address(named(t, "eu"))))
	doc.Frontends[0].Redirect = true
	doc.Frontends[0].TLS = []v1alpha1.FrontendTLS{{Hosts: []string{"web.example.com"}, Secret: "default/web"}, {Hosts: []string{"*.wild.example.com"}, Secret: "default/wild"}, {Hosts: []string{"lost.example.com"}, Secret: "default/lost"}}
	for _, host := range []string{"*.wild.example.com", "lost.example.com"} {
		rule := doc.Frontends[0].Rules[0]
		rule.Host = host
		doc.Frontends[0].Rules = append(doc.Frontends[0].Rules, rule)
	}
	e.give(doc)
	header := e.wants("http://web.example.com/a?b=c", 308, "")
	if got := header.Get("Location"); got != "https://web.example.com/a?b=c" {
		t.Errorf("Location: %q", got)
	}
	header = e.wants("https://web.example.com/a", 200, "eu")
	if header.Get("X-Seen-Proto") != "https" {
		t.Errorf("the backend saw %q", header.Get("X-Seen-Proto"))
	}
	e.wants("https://a.wild.example.com/", 200, "eu")
	e.wants("http://lost.example.com/", 200, "eu") // no redirect to where nothing can be served
	if _, err := e.client().Get("https://lost.example.com/"); err == nil {
		t.Error("a name without a certificate was served")
	}
	// HTTP/2, as clients over TLS speak it by default.
	answer, err := e.client().Get("https://web.example.com/")
	if err != nil || answer.ProtoMajor != 2 {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestDefaultCertificate(t *testing.T) {
	pair := certificateFor(t, "other.example.com")
	e := startEdge(t, func(c *Config) { c.Default = func() *tls.Certificate { return pair } })
	e.roots.AddCert(pair.Leaf)
	e.give(documentOf(serving("europe", address(named(t, "eu")))))
	e.wants("https://other.example.com/", 404, "no Ingress")
}

func TestForwardedHeaders(t *testing.T) {
	for name, tc := range map[string]struct {
		trusted []string
		want    string
	}{
		"from anybody":         {nil, "127.0.0.1"},
		"from a trusted proxy": {[]string{"127.0.0.0/8"}, "203.0.113.9, 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, func(c *Config) { c.TrustedProxies = tc.trusted })
			e.give(documentOf(serving("europe", address(named(t, "eu")))))
			_, _, header := e.get("http://web.example.com/", "X-Forwarded-For", "203.0.113.9")
			if got := header.Get("X-Seen-For"); got != tc.want {
				t.Errorf("X-Forwarded-For %q, want %q", got, tc.want)
			}
			if header.Get("X-Seen-Host") != "web.example.com" || header.Get("X-Seen-Proto") != "http" {
				t.Errorf("saw %q, %q", header.Get("X-Seen-Host"), header.Get("X-Seen-Proto"))
			}
		})
	}
}

func TestClientOfAMemberIsSentHomeFirst(t *testing.T) {
	e := startEdge(t, func(c *Config) { c.TrustedProxies = []string{"127.0.0.0/8"} })
	doc := documentOf(serving("america", address(named(t, "us"))), serving("europe", address(named(t, "eu"))))
	doc.Clusters[0].Sources = []string{"10.9.0.0/16"}
	e.give(doc)
	if _, body, _ := e.get("http://web.example.com/", "X-Forwarded-For", "10.9.8.7"); body != "us" {
		t.Errorf("got %q", body)
	}
	e.wants("http://web.example.com/", 200, "eu")
}

func TestRetryAndFailOver(t *testing.T) {
	e := startEdge(t, nil)
	eu := named(t, "eu")
	doc := documentOf(serving("america", address(named(t, "us"))), serving("europe", address(eu), dead(t)))
	// Checks that find nothing out in time: requests do.
	doc.Backends[0].Check.Interval.Duration = time.Minute
	doc.Backends[0].Check.UnhealthyAfter = 10
	e.serial++
	e.Serve(doc, nil)
	for range 20 {
		e.wants("http://web.example.com/", 200, "")
		post, err := e.client().Post("http://web.example.com/", "text/plain", strings.NewReader("body"))
		if err != nil || post.StatusCode != 200 {
			t.Fatalf("POST: %v, %v", post, err)
		}
	}
	eu.Close()
	e.wants("http://web.example.com/", 200, "us")
	e.until("the log says who answered", func() bool { return strings.Contains(e.log.String(), `"cluster":"america"`) })
}

func TestRequestsLeaveAnEndpointThatDies(t *testing.T) {
	e := startEdge(t, nil)
	doc := documentOf(serving("america", address(named(t, "us"))), serving("europe", silent(t)))
	doc.Backends[0].Check = v1alpha1.HealthCheck{ // a connection is enough, at first
		Interval: metav1.Duration{Duration: 100 * time.Millisecond}, Timeout: metav1.Duration{Duration: 100 * time.Millisecond}, HealthyAfter: 1, UnhealthyAfter: 1,
	}
	e.give(doc)
	got := make(chan string)
	go func() {
		answer, err := e.client().Get("http://web.example.com/")
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(answer.Body)
		got <- string(body)
	}()
	e.until("the request waits", func() bool {
		for key, p := range e.snapshot.Load().endpoints {
			p.mu.Lock()
			waiting := len(p.waiting)
			p.mu.Unlock()
			if waiting == 1 {
				if p.checked(false); key.address == "" {
					t.Error("no address")
				}
				return true
			}
		}
		return false
	})
	if body := <-got; body != "us" {
		t.Errorf("got %q", body)
	}
}

func TestAllUnhealthyIsServedAllTheSame(t *testing.T) {
	e := startEdge(t, nil)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, "still here")
	}))
	t.Cleanup(broken.Close)
	drained := serving("america", address(named(t, "us")))
	drained.State = v1alpha1.BackendDrained
	doc := documentOf(serving("europe", address(broken)), drained)
	doc.Backends[0].Check.Path = "/healthz"
	e.give(doc)
	e.healthy("europe", 0)
	e.wants("http://web.example.com/", 200, "still here")
}

func TestUpgrade(t *testing.T) {
	e := startEdge(t, nil)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, buffered)
	}))
	t.Cleanup(echo.Close)
	e.give(documentOf(serving("europe", address(echo))))
	conn, err := net.Dial("tcp", e.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: web.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", answer, err)
	}
	e.give(documentOf(serving("europe", address(named(t, "eu"))))) // the connection outlives its endpoint
	for _, word := range []string{"hello", "world"} {
		_, _ = fmt.Fprintln(conn, word)
		if line, err := in.ReadString('\n'); err != nil || line != word+"\n" {
			t.Errorf("echo %q, %v", line, err)
		}
	}
}

func TestBackendProtocols(t *testing.T) {
	proto := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-End")
		_, _ = fmt.Fprintf(w, "%s tls=%t host=%s", r.Proto, r.TLS != nil, r.Host)
		_ = http.NewResponseController(w).Flush() // no Content-Length: trailers need that in HTTP/1.1
		w.Header().Set("X-End", "reached")
	})
	h2c := httptest.NewUnstartedServer(proto)
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	t.Cleanup(h2c.Close)
	secure := httptest.NewUnstartedServer(proto)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	e := startEdge(t, nil)
	for _, tc := range []struct {
		protocol v1alpha1.BackendProtocol
		server   *httptest.Server
		want     string
	}{
		{v1alpha1.ProtocolH2C, h2c, "HTTP/2.0 tls=false host=web.example.com"},
		{v1alpha1.ProtocolHTTPS, secure, "HTTP/2.0 tls=true host=web.example.com"},
	} {
		doc := documentOf(serving("europe", address(tc.server)))
		doc.Backends[0].Protocol = tc.protocol
		doc.Backends[0].Check.Path = "/"
		e.give(doc)
		e.healthy("europe", 1)
		e.wants("http://web.example.com/", 200, tc.want)
		answer, err := e.client().Get("http://web.example.com/")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(answer.Body)
		if answer.Trailer.Get("X-End") != "reached" {
			t.Errorf("%s: trailers %v", tc.protocol, answer.Trailer)
		}
	}
}

func TestClientMaySpeakHTTP2WithoutTLS(t *testing.T) {
	e := startEdge(t, nil)
	e.give(documentOf(serving("europe", address(named(t, "eu")))))
	client := e.client()
	client.Transport.(*http.Transport).Protocols = new(http.Protocols)
	client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	answer, err := client.Get("http://web.example.com/")
	if err != nil || answer.ProtoMajor != 2 || answer.StatusCode != 200 {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestNothingIsDroppedWhileTheDocumentChanges(t *testing.T) {
	e := startEdge(t, nil)
	servers := []string{address(named(t, "a")), address(named(t, "b")), address(named(t, "c"))}
	e.give(documentOf(serving("europe", servers...)))
	ctx, stop := context.WithCancel(t.Context())
	var asked, failed atomic.Int64
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			client := e.client()
			for ctx.Err() == nil {
				answer, err := client.Post("http://web.example.com/", "text/plain", strings.NewReader("body"))
				asked.Add(1)
				if err != nil {
					failed.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				if answer.StatusCode != 200 {
					failed.Add(1)
				}
			}
		})
	}
	for i := range 100 {
		e.give(documentOf(serving("europe", servers[i%3], servers[(i+1)%3]), serving("america", servers[(i+2)%3])))
		before := asked.Load()
		e.until("requests are answered", func() bool { return asked.Load() >= before+10 || failed.Load() > 0 })
	}
	stop()
	load.Wait()
	if failed.Load() > 0 || asked.Load() < 1000 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	e := startEdge(t, nil)
	arrived, finish := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		_, _ = io.WriteString(w, "done")
	}))
	t.Cleanup(slow.Close)
	e.give(documentOf(serving("europe", address(slow))))
	got := make(chan string)
	go func() {
		answer, err := e.client().Get("http://web.example.com/")
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(answer.Body)
		got <- string(body)
	}()
	<-arrived
	stopped := make(chan error)
	go func() { stopped <- e.Stop(context.Background()) }()
	e.until("nothing is listened on", func() bool {
		conn, err := net.Dial("tcp", e.plain)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(finish)
	if body := <-got; body != "done" {
		t.Errorf("got %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestPortInUseIsRefused(t *testing.T) {
	e := startEdge(t, nil)
	other := New(context.Background(), Config{Plain: []string{e.plain}, Metrics: newRegistry(), Prober: Network{}, Clock: e.clock})
	if err := other.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
}
