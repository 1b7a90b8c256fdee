package http

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// lines is an access log to look at.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is an edge in Europe.
type running struct {
	*Server
	t             testing.TB
	plain, secure string
	log           *lines
	registry      *prometheus.Registry
	serial        int64
	certificates  map[string]*tls.Certificate
	roots         *x509.CertPool
}

func startEdge(t testing.TB, change func(*Config)) *running {
	t.Helper()
	e := &running{t: t, plain: freePort(t), secure: freePort(t), log: &lines{}, registry: prometheus.NewRegistry(), certificates: map[string]*tls.Certificate{}, roots: x509.NewCertPool()}
	c := Config{
		Place: traffic.Place{Region: "europe-west1", Zone: "europe-west1-c"}, Plain: []string{e.plain}, Secure: []string{e.secure},
		StateDir: t.TempDir(), AccessLog: e.log, Grace: 5 * time.Second, Metrics: e.registry, Prober: Network{}, Clock: clock.RealClock{},
	}
	if change != nil {
		change(&c)
	}
	e.Server = New(context.Background(), c)
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// named is a backend server that says its name.
func named(t testing.TB, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen-For", r.Header.Get("X-Forwarded-For"))
		w.Header().Set("X-Seen-Proto", r.Header.Get("X-Forwarded-Proto"))
		w.Header().Set("X-Seen-Host", r.Header.Get("X-Forwarded-Host"))
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(s.Close)
	return s
}

func address(s *httptest.Server) string { return s.Listener.Addr().String() }

var (
	europe  = v1alpha1.TrafficCluster{Name: "europe", Region: "europe-west1", Zones: []string{"europe-west1-b"}}
	america = v1alpha1.TrafficCluster{Name: "america", Region: "us-east1", Zones: []string{"us-east1-b"}}
)

// documentOf is one Ingress for web.example.com with one backend.
func documentOf(clusters ...v1alpha1.BackendCluster) *v1alpha1.Traffic {
	return &v1alpha1.Traffic{
		FederationUID: "fed", Epoch: 1, Clusters: []v1alpha1.TrafficCluster{america, europe},
		Frontends: []v1alpha1.Frontend{{
			Ingress: v1alpha1.Key{Group: "networking.k8s.io", Resource: "ingresses", Namespace: "default", Name: "web"},
			Rules:   []v1alpha1.Rule{{Host: "web.example.com", Paths: []v1alpha1.RoutePath{{Path: "/", Type: v1alpha1.PathPrefix, Backend: "default/web:80"}}}},
		}},
		Backends: []v1alpha1.Backend{{
			Name: "default/web:80", Port: 80, Protocol: v1alpha1.ProtocolHTTP, Clusters: clusters,
			Check:   v1alpha1.HealthCheck{Interval: metav1.Duration{Duration: 100 * time.Millisecond}, Timeout: metav1.Duration{Duration: time.Second}, HealthyAfter: 2, UnhealthyAfter: 2},
			Timeout: metav1.Duration{Duration: 30 * time.Second},
		}},
	}
}

func serving(cluster string, endpoints ...string) v1alpha1.BackendCluster {
	return v1alpha1.BackendCluster{Cluster: cluster, State: v1alpha1.BackendServing, Weight: 100, Endpoints: endpoints}
}

// give serves a document and waits until all its endpoints were checked.
func (e *running) give(t *v1alpha1.Traffic) {
	e.t.Helper()
	e.serial++
	t.Serial = e.serial
	e.Serve(t, e.certificates)
	e.until("every endpoint is checked", e.Checked)
}

func (e *running) until(what string, done func() bool) {
	e.t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.t.Fatalf("still waiting: %s", what)
}

// healthy waits until so many endpoints of a cluster are.
func (e *running) healthy(cluster string, n int64) {
	e.t.Helper()
	e.until(fmt.Sprintf("%d healthy in %s", n, cluster), func() bool {
		for _, h := range e.Health() {
			if h.Cluster == cluster {
				return h.Healthy == n
			}
		}
		return false
	})
}

func (e *running) client() *http.Client {
	return &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: e.roots},
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				to := e.plain
				if strings.HasSuffix(addr, ":443") {
					to = e.secure
				}
				return new(net.Dialer).DialContext(ctx, "tcp", to)
			},
		},
	}
}

// get asks for a URL and returns the status and the body.
func (e *running) get(url string, header ...string) (int, string, http.Header) {
	e.t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := e.client()
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		e.t.Fatalf("GET %s: %v", url, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer.StatusCode, string(body), answer.Header
}

func (e *running) wants(url string, status int, body string) http.Header {
	e.t.Helper()
	gotStatus, gotBody, header := e.get(url)
	if gotStatus != status || !strings.Contains(gotBody, body) {
		e.t.Errorf("GET %s: %d %q, want %d %q", url, gotStatus, gotBody, status, body)
	}
	return header
}

// certify makes a certificate for names, and has clients trust it.
func (e *running) certify(secret string, names ...string) {
	e.t.Helper()
	pair := certificateFor(e.t, names...)
	e.roots.AddCert(pair.Leaf)
	e.certificates[secret] = pair
}

func certificateFor(t testing.TB, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestRoutes(t *testing.T) {
	e := startEdge(t, nil)
	e.wants("http://web.example.com/", 503, "no traffic document yet")
	e.give(documentOf(serving("america", address(named(t, "us"))), serving("europe", address(named(t, "eu")))))
	e.wants("http://web.example.com/", 200, "eu")
	e.wants("http://web.example.com/a/b?c=d", 200, "eu")
	e.wants("http://other.example.com/", 404, "no Ingress")
	if header := e.wants("http://web.example.com/.well-known/acme-challenge/x", 200, "eu"); header.Get("Server") != "" {
		t.Errorf("Server: %q", header.Get("Server"))
	}
	e.give(documentOf())
	if header := e.wants("http://web.example.com/", 503, "no cluster"); header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }
