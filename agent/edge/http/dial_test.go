package http

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestNamesLeadElsewhere(t *testing.T) {
	for found, want := range map[string]bool{
		"192.0.2.1:80": true, "[2001:db8::1]:80": true, "10.0.0.1:80": true, "[fd00::1]:80": true,
		"127.0.0.1:80": false, "127.9.9.9:80": false, "[::1]:80": false, "[::ffff:127.0.0.1]:80": false, "169.254.169.254:80": false,
		"[::ffff:169.254.169.254]:80": false, "[fd00:ec2::254]:80": false, "[fe80::1%1]:80": false, "0.0.0.0:80": false, "0.1.2.3:80": false,
		"[::]:80": false, "224.0.0.1:80": false, "255.255.255.255:80": false, "somewhere": false,
	} {
		if err := elsewhere(t.Context(), "tcp", found, nil); (err == nil) != want {
			t.Errorf("%s: %v", found, err)
		}
	}
}

func TestOnlyAnAddressLeadsToThisMachine(t *testing.T) {
	s := named(t, "eu")
	_, port, err := net.SplitHostPort(address(s))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/"} {
		if err := (Network{}).Probe(t.Context(), address(s), v1alpha1.ProtocolHTTP, path); err != nil {
			t.Errorf("%q of the address: %v", path, err)
		}
		if err := (Network{}).Probe(t.Context(), "localhost:"+port, v1alpha1.ProtocolHTTP, path); err == nil || !strings.Contains(err.Error(), "the name leads to") {
			t.Errorf("%q of the name: %v", path, err)
		}
	}
	e := startEdge(t, nil)
	e.give(documentOf(serving("europe", "localhost:"+port)))
	e.wants("http://web.example.com/", 502, "did not answer")
}

func TestUpgradesOfHTTPSAreHTTP1(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "chat/2" || r.ProtoMajor != 1 {
			http.Error(w, r.Proto, http.StatusBadRequest)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat/2\r\n\r\nhello\n")
	}))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	e := startEdge(t, nil)
	doc := documentOf(serving("europe", address(secure)))
	doc.Backends[0].Protocol = v1alpha1.ProtocolHTTPS
	e.give(doc)
	conn, err := net.Dial("tcp", e.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: web.example.com\r\nConnection: Upgrade\r\nUpgrade: chat/2\r\n\r\n")
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", answer, err)
	}
	if line, err := in.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestStreamsOutliveTheirEndpoint reads a stream on whose endpoint checks give
// up, and which then leaves the document: neither ends what has begun.
func TestStreamsOutliveTheirEndpoint(t *testing.T) {
	for _, protocol := range []v1alpha1.BackendProtocol{v1alpha1.ProtocolHTTP, v1alpha1.ProtocolH2C} {
		t.Run(string(protocol), func(t *testing.T) {
			next := make(chan string)
			stream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for word := range next {
					_, _ = fmt.Fprintln(w, word)
					_ = http.NewResponseController(w).Flush()
				}
			}))
			stream.Config.Protocols = new(http.Protocols)
			stream.Config.Protocols.SetHTTP1(true)
			stream.Config.Protocols.SetUnencryptedHTTP2(true)
			stream.Start()
			t.Cleanup(stream.Close)
			e := startEdge(t, func(c *Config) { c.Prober = alwaysGood{} })
			doc := documentOf(serving("europe", address(stream)))
			doc.Backends[0].Protocol = protocol
			e.give(doc)
			go func() { next <- "one" }()
			answer, err := e.client().Get("http://web.example.com/")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			in := bufio.NewReader(answer.Body)
			reads(t, in, "one")
			e.kill()
			next <- "two"
			reads(t, in, "two")
			e.give(documentOf())
			next <- "three"
			reads(t, in, "three")
			close(next)
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

func died(standing) standing { return standing{health: healthBad} }

// kill has every endpoint found dead.
func (e *running) kill() {
	for _, p := range e.snapshot.Load().endpoints {
		if p.change(died) {
			e.changed(p)
		}
	}
}

func reads(t *testing.T, in *bufio.Reader, want string) {
	t.Helper()
	if line, err := in.ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("read %q, %v, want %q", line, err, want)
	}
}

func TestAwait(t *testing.T) {
	e := point("a:1", 'g')
	ctx, over := e.await(t.Context())
	if !over() || ctx.Err() != nil {
		t.Error("it answered, and is taken for dead")
	}
	e.change(died)
	if ctx.Err() != nil {
		t.Error("what answered before is ended")
	}
	e = point("b:1", 'g')
	ctx, over = e.await(t.Context())
	e.change(died)
	if !errors.Is(context.Cause(ctx), errDied) || over() {
		t.Errorf("%v, lived until its answer", context.Cause(ctx))
	}
	if len(e.waiting) != 0 {
		t.Error("somebody still waits")
	}
}

func TestConnectionsAreNewAfterDeath(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
	t.Cleanup(s.Close)
	e := startEdge(t, func(c *Config) { c.Prober = alwaysGood{} })
	e.give(documentOf(serving("europe", address(s))))
	_, first, _ := e.get("http://web.example.com/")
	if _, again, _ := e.get("http://web.example.com/"); again != first {
		t.Errorf("no connection is kept: %s, %s", first, again)
	}
	e.kill()
	if _, after, _ := e.get("http://web.example.com/"); after == first {
		t.Error("a connection from before the endpoint's death")
	}
}
