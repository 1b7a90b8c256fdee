package http

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// TestBothWaysAtOnce has a client and a backend talk to each other as gRPC's
// streams do, over the death of the endpoint and its end in the document.
func TestBothWaysAtOnce(t *testing.T) {
	echo := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		in := bufio.NewScanner(r.Body)
		_ = http.NewResponseController(w).Flush()
		for in.Scan() {
			_, _ = fmt.Fprintln(w, in.Text())
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("Grpc-Status", "0")
	}))
	echo.Config.Protocols = new(http.Protocols)
	echo.Config.Protocols.SetUnencryptedHTTP2(true)
	echo.Start()
	t.Cleanup(echo.Close)
	e := startEdge(t, func(c *Config) { c.Prober = alwaysGood{} })
	doc := documentOf(serving("europe", address(echo)))
	doc.Backends[0].Protocol = v1alpha1.ProtocolH2C
	e.give(doc)
	client := e.client()
	client.Transport.(*http.Transport).Protocols = new(http.Protocols)
	client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	said, say := io.Pipe()
	answer, err := client.Post("http://web.example.com/echo.Echo/Talk", "application/grpc", said)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	in := bufio.NewReader(answer.Body)
	for word, then := range map[string]func(){"one": e.kill, "two": func() { e.give(documentOf()) }, "three": func() {}} {
		_, _ = fmt.Fprintln(say, word)
		reads(t, in, word)
		then()
	}
	say.Close()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 || answer.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%q, %v, trailers %v", rest, err, answer.Trailer)
	}
}
