package conformance

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/open"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
	"github.com/kubectl-fed/kubectl-fed/test/e2e/script"
)

const (
	patience = 30 * time.Second
	cluster  = "member"
)

// world is what the rows are made into: an Ingress each, and a Service with one
// endpoint for each backend.
type world struct {
	t         *testing.T
	ingresses []traffic.Object
	services  []traffic.Object
	reports   map[v1alpha1.Key]*v1alpha1.ObjectReport
	backends  map[string]string // name of the Service, by backend
}

func TestPaths(t *testing.T) {
	w := newWorld(t)
	for i, row := range paths {
		var list []any
		for _, r := range row.rules {
			list = append(list, map[string]any{"path": r.path, "pathType": r.kind, "backend": w.to(r.backend())})
		}
		spec := map[string]any{"rules": []any{map[string]any{"host": pathHost(i), "http": map[string]any{"paths": list}}}}
		if row.fallback {
			spec["defaultBackend"] = w.to(otherwise)
		}
		w.ingress(fmt.Sprintf("path-%d", i), spec)
	}
	at := w.serve()
	for i, row := range paths {
		for path, want := range row.want {
			check(t, fmt.Sprintf("%v asked for %s", row.rules, path), at, pathHost(i), path, want)
		}
	}
}

func pathHost(i int) string { return fmt.Sprintf("row%d.paths.test", i) }

func TestWildcardHosts(t *testing.T) {
	w := newWorld(t)
	for i, row := range hosts {
		var list []any
		for _, host := range row.hosts {
			path := map[string]any{"path": "/", "pathType": prefix, "backend": w.to(host)}
			list = append(list, map[string]any{"host": host, "http": map[string]any{"paths": []any{path}}})
		}
		w.ingress(fmt.Sprintf("host-%d", i), map[string]any{"rules": list})
	}
	at := w.serve()
	for _, row := range hosts {
		for host, want := range row.want {
			check(t, fmt.Sprintf("%v asked for %s", row.hosts, host), at, host, "/", want)
		}
	}
}

// check asks the edge; a backend answers with its own name.
func check(t *testing.T, what, at, host, path, want string) {
	t.Helper()
	expected := "200 " + want
	if want == nobody {
		expected = "404"
	}
	if got := (script.Question{URL: "http://" + at + path, Host: host}).Ask(); !strings.HasPrefix(got, expected) || want != nobody && got != expected {
		t.Errorf("%s: %q, want %q", what, got, expected)
	}
}

func newWorld(t *testing.T) *world {
	return &world{t: t, reports: map[v1alpha1.Key]*v1alpha1.ObjectReport{}, backends: map[string]string{}}
}

// to is the reference to a backend, which is made when it is first named.
func (w *world) to(backend string) map[string]any {
	name, ok := w.backends[backend]
	if !ok {
		name = fmt.Sprintf("service-%d", len(w.backends))
		w.backends[backend] = name
		w.service(name, backend)
	}
	return map[string]any{"service": map[string]any{"name": name, "port": map[string]any{"number": int64(80)}}}
}

func (w *world) service(name, answer string) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, answer) }))
	w.t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	key := v1alpha1.Key{Namespace: "default", Resource: "services", Name: name}
	w.services = append(w.services, object(key, "v1", "Service", map[string]any{"ports": []any{map[string]any{"port": int64(80)}}}))
	w.reports[key] = &v1alpha1.ObjectReport{Key: key, Ports: []v1alpha1.ServicePortReport{{Port: 80, Ready: 1, Endpoints: []string{at.Host}}}}
}

func (w *world) ingress(name string, spec map[string]any) {
	key := v1alpha1.Key{Namespace: "default", Group: "networking.k8s.io", Resource: "ingresses", Name: name}
	w.ingresses = append(w.ingresses, object(key, "networking.k8s.io/v1", "Ingress", spec))
}

func object(key v1alpha1.Key, version, kind string, spec map[string]any) traffic.Object {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": version, "kind": kind, "spec": spec}}
	o.SetNamespace(key.Namespace)
	o.SetName(key.Name)
	return traffic.Object{Key: key, Object: o}
}

// serve makes the document, puts it into a bucket and runs the real edge on it.
// It returns where the edge listens.
func (w *world) serve() string {
	t := w.t
	dir := t.TempDir()
	bucket, err := open.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := hub.New(bucket)
	federation := &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "conformance", UID: "0b6f2d3c-1111-4111-8111-000000000000"}}
	federation.Spec.LayoutVersion = v1alpha1.LayoutVersion
	if err := store.CreateFederation(t.Context(), federation); err != nil {
		t.Fatal(err)
	}
	verdict := v1alpha1.ClusterVerdict{State: v1alpha1.ClusterReady, Reported: true}
	out := traffic.Build(traffic.Input{Federation: federation.UID, Ingresses: w.ingresses, Services: w.services, Now: time.Now(),
		Edges: []v1alpha1.Edge{{Name: "edge", Addresses: []string{"127.0.0.1"}}},
		Clusters: []traffic.Cluster{{Name: cluster, Region: "europe-west1", Verdict: verdict, Services: w.reports,
			Has: func(v1alpha1.Key) bool { return true }}}})
	for key, result := range out.Ingresses {
		if result.Served.Status != metav1.ConditionTrue {
			t.Fatalf("%s is not served: %s %v", key, result.Served.Message, result.Problems)
		}
	}
	document := out.Document
	document.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Traffic"}
	document.Epoch, document.Serial = 1, 1
	if _, err := store.PutTraffic(t.Context(), &document, 0); err != nil {
		t.Fatal(err)
	}
	return runEdge(t, dir)
}

func runEdge(t *testing.T, bucket string) string {
	program, err := filepath.Abs("../../bin/fed-edge")
	if err != nil {
		t.Fatal(err)
	}
	at, admin := freeAddress(t), freeAddress(t)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--bucket=file://"+bucket, "--name=edge", "--region=europe-west1", "--address=127.0.0.1",
		"--http-listen="+at, "--https-listen=", "--admin-listen="+admin, "--access-log=off")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatalf("%v; `make e2e` builds it", err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if strings.HasPrefix((script.Question{URL: "http://" + admin + "/readyz"}).Ask(), strconv.Itoa(http.StatusOK)) {
			return at
		}
	}
	t.Fatal("the edge is not ready")
	return ""
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
