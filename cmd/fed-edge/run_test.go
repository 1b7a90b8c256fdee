package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/open"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// fixture is a federation in a bucket, and an edge that may be started on it.
type fixture struct {
	t                    *testing.T
	dir, state           string
	plain, secure, admin string
	store                *hub.Store
	generation, serial   int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), state: t.TempDir(), plain: freePort(t), secure: freePort(t), admin: freePort(t)}
	bucket, err := open.Open(t.Context(), "file://"+f.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.store = hub.New(bucket)
	federation := &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "fed", UID: "uid"}}
	federation.Spec.LayoutVersion = v1alpha1.LayoutVersion
	if err := f.store.CreateFederation(t.Context(), federation); err != nil {
		t.Fatal(err)
	}
	return f
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start the edge; the function returned has it drain, and waits.
func (f *fixture) start() (stop func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	args := []string{
		"--bucket=file://" + f.dir, "--name=eu-1", "--region=europe-west1", "--address=192.0.2.7", "--state-dir=" + f.state,
		"--http-listen=" + f.plain, "--https-listen=" + f.secure, "--admin-listen=" + f.admin,
		"--poll-interval=20ms", "--heartbeat-interval=1s", "--drain=50ms", "--access-log=off",
	}
	go func() { done <- run(ctx, args, os.Getenv, io.Discard, f.t.Output()) }()
	f.until("the edge is ready", func() bool { status, _ := f.get("http://"+f.admin+"/readyz", ""); return status == 200 })
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	})
}

func (f *fixture) put(endpoint string) {
	f.t.Helper()
	f.serial++
	t := &v1alpha1.Traffic{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Traffic"}, FederationUID: "uid", Epoch: 3, Serial: f.serial,
		Frontends: []v1alpha1.Frontend{{Ingress: v1alpha1.Key{Group: "networking.k8s.io", Resource: "ingresses", Namespace: "d", Name: "web"},
			Rules: []v1alpha1.Rule{{Paths: []v1alpha1.RoutePath{{Path: "/", Type: v1alpha1.PathPrefix, Backend: "d/web:80"}}}}}},
		Backends: []v1alpha1.Backend{{Name: "d/web:80", Service: v1alpha1.Key{Resource: "services", Namespace: "d", Name: "web"}, Port: 80, Protocol: v1alpha1.ProtocolHTTP,
			Clusters: []v1alpha1.BackendCluster{{Cluster: "c", State: v1alpha1.BackendServing, Weight: 100, Endpoints: []string{endpoint}}}}},
	}
	generation, err := f.store.PutTraffic(f.t.Context(), t, f.generation)
	if err != nil {
		f.t.Fatal(err)
	}
	f.generation = generation
}

func (f *fixture) get(url, host string) (int, string) {
	r, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Host, r.Close = host, true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

func (f *fixture) until(what string, done func() bool) {
	f.t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("still waiting: %s", what)
}

func (f *fixture) answers(word string) {
	f.t.Helper()
	f.until("the answer "+word, func() bool { _, body := f.get("http://"+f.plain+"/", "web"); return body == word })
}

func backend(t *testing.T, word string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, word) }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestEdgeFollowsTheBucketAndServesWithoutIt(t *testing.T) {
	f := newFixture(t)
	one, two := backend(t, "one"), backend(t, "two")
	stop := f.start() // before there is a document
	defer func() { stop() }()
	if status, _ := f.get("http://"+f.plain+"/", "web"); status != 503 {
		t.Errorf("without a document: %d", status)
	}
	f.put(one)
	f.answers("one")
	f.put(two)
	f.answers("two")
	f.until("the registration tells the serial", func() bool {
		e, _, err := f.store.Edge(t.Context(), "eu-1")
		return err == nil && e.Serial == f.serial && e.FederationUID == "uid" && len(e.Health) == 1 && e.Health[0].Healthy == 1 && e.Addresses[0] == "192.0.2.7"
	})
	_, metrics := f.get("http://"+f.admin+"/metrics", "")
	for _, want := range []string{"fed_edge_document_serial 2", "fed_edge_document_epoch 3", "fed_edge_registered 1", `fed_edge_endpoints_healthy{backend="d/web:80",cluster="c"} 1`, `fed_edge_requests_total{backend="d/web:80",cluster="c",code="2xx"}`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	away := f.dir + "-away"
	if err := os.Rename(f.dir, away); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(away)
	f.until("errors are counted", func() bool {
		_, metrics := f.get("http://"+f.admin+"/metrics", "")
		return !strings.Contains(metrics, "fed_edge_bucket_errors_total 0")
	})
	f.answers("two")
	stop()
	stop = f.start() // the bucket is still away
	f.answers("two")
	if err := os.Rename(away, f.dir); err != nil {
		t.Fatal(err)
	}
	f.put(one)
	f.answers("one")
}
