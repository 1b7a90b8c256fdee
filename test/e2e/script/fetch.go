package script

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	fetchTimeout = 2 * time.Second
	fetchLimit   = 64 << 10
)

// Fetch is a program for scripts: fetch [-method M] [-host H] [-at HOST:PORT] URL
// prints the status and the body of the answer in one line, after "-> LOCATION"
// for a redirect, which it does not follow, or "none: " and why there is no
// answer. Every time is a new connection; it succeeds either way, for `eventually`.
func Fetch() {
	q := Question{}
	flag.StringVar(&q.Method, "method", http.MethodGet, "HTTP method")
	flag.StringVar(&q.Host, "host", "", "Host header and server name, instead of the URL's")
	flag.StringVar(&q.At, "at", "", "where to connect to, instead of the URL's host")
	flag.Parse()
	q.URL = flag.Arg(0)
	fmt.Println(q.Ask())
}

// Question is one request, and where it is sent.
type Question struct{ Method, URL, Host, At string }

// Ask sends it and tells the answer as Fetch prints it. Certificates are not
// verified; the subject of the one that was shown stands before the status.
func (q Question) Ask() string {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, cmp.Or(q.Method, http.MethodGet), q.URL, nil)
	if err != nil {
		return "none: " + err.Error()
	}
	req.Host = cmp.Or(q.Host, req.Host)
	resp, err := q.client(req).Do(req)
	if err != nil {
		return "none: " + err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, fetchLimit))
	if err != nil {
		return "none: " + err.Error()
	}
	return fmt.Sprintf("%s%d %s%s", shown(resp.TLS), resp.StatusCode, location(resp), bytes.TrimSpace(body))
}

func (q Question) client(req *http.Request) *http.Client {
	name, _, err := net.SplitHostPort(req.Host)
	if err != nil {
		name = req.Host
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, cmp.Or(q.At, address))
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: dial, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true}} // a test's own certificate
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func shown(state *tls.ConnectionState) string {
	if state == nil || len(state.PeerCertificates) == 0 {
		return ""
	}
	return "[" + state.PeerCertificates[0].Subject.CommonName + "] "
}

func location(resp *http.Response) string {
	if to := resp.Header.Get("Location"); to != "" {
		return "-> " + to + " "
	}
	return ""
}
