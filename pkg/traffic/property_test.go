package traffic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// sane is what holds of every document, whatever it was made from.
func sane(t testing.TB, in *Input, out *Output) {
	t.Helper()
	names := map[string]bool{}
	for _, b := range out.Document.Backends {
		names[b.Name] = true
		for _, c := range b.Clusters {
			if takes(&c) != (c.Weight > 0) || takes(&c) && len(c.Endpoints) == 0 || c.State == v1alpha1.BackendServing && c.Ready == 0 && c.Unready.IsZero() && !in.Frozen && in.Previous == nil {
				t.Fatalf("%s: %+v", b.Name, c)
			}
		}
	}
	for _, f := range out.Document.Frontends {
		for _, r := range f.Rules {
			for _, p := range r.Paths {
				if !names[p.Backend] {
					t.Fatalf("%s%s goes to %q, which is not there", r.Host, p.Path, p.Backend)
				}
			}
		}
		if f.DefaultBackend != "" && !names[f.DefaultBackend] {
			t.Fatalf("default backend %q is not there", f.DefaultBackend)
		}
		if _, told := out.Ingresses[f.Ingress]; !told {
			t.Fatalf("nothing is told of %s", f.Ingress)
		}
	}
	if !out.Again.IsZero() && !out.Again.After(in.Now) {
		t.Fatalf("look again at %s, and it is %s", out.Again, in.Now)
	}
}

// emptied finds a backend that has lost all that took traffic although neither
// a user nor the plan took it away.
func emptied(in *Input, out *Output) error {
	weights := map[string]bool{}
	for i := range in.Clusters {
		c := &in.Clusters[i]
		weights[c.Name] = c.Has != nil && c.Has(serviceKey("web")) && !c.Leaving && (c.Weight == nil || *c.Weight > 0)
	}
	if in.Previous == nil || len(in.Services) == 0 {
		return nil
	}
	had := false
	for _, b := range in.Previous.Backends {
		for _, c := range b.Clusters {
			had = had || takes(&c) && len(c.Endpoints) > 0 && weights[c.Cluster]
		}
	}
	for _, b := range out.Document.Backends {
		for _, c := range b.Clusters {
			had = had && !takes(&c)
		}
	}
	if had {
		return fmt.Errorf("nothing takes traffic any more: %s, before %s", states(&out.Document, "default/web:80"), states(in.Previous, "default/web:80"))
	}
	return nil
}

// TestStorm lets everything happen to a federation, and looks at each document.
func TestStorm(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newScene(t)
		s.join("c")
		for range 60 {
			for range 1 + r.IntN(3) {
				s.shake(r)
			}
			in := s.Input
			out := s.build()
			sane(t, &in, &out)
			if err := emptied(&in, &out); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// shake changes one thing.
func (s *scene) shake(r *rand.Rand) {
	c := &s.Clusters[r.IntN(len(s.Clusters))]
	if c.Services == nil || c.Services[serviceKey("web")] == nil || len(c.Services[serviceKey("web")].Ports) == 0 {
		if r.IntN(2) == 0 {
			c.Services = map[v1alpha1.Key]*v1alpha1.ObjectReport{serviceKey("web"): {
				Addresses: []string{"198.51.100.1"}, Ports: []v1alpha1.ServicePortReport{{Port: 80, Ready: r.Int64N(3)}}}}
		}
		return
	}
	row := c.Services[serviceKey("web")]
	acts := []func(){
		func() { s.pass(r.IntN(20)) },
		func() { row.Ports[0].Ready = r.Int64N(3) - 1 },
		func() { row.Ports[0].Ready = 2 },
		func() { row.Addresses = []string{fmt.Sprintf("198.51.100.%d", r.IntN(250)+1)} },
		func() { row.Addresses = nil },
		func() { row.Ports[0].Endpoints = []string{fmt.Sprintf("10.0.0.%d:80", r.IntN(250)+1)} },
		func() { row.Ports[0].Endpoints = nil },
		func() { c.Services = nil },
		func() { row.Ports = nil },
		func() { c.Verdict.Stale = !c.Verdict.Stale },
		func() { c.Verdict.Failed = !c.Verdict.Failed },
		func() { c.Verdict.Holding = !c.Verdict.Holding },
		func() {
			c.Verdict.Probed = []v1alpha1.ProbeVerdict{"", v1alpha1.ProbeAlive, v1alpha1.ProbeDead}[r.IntN(3)]
		},
		func() { s.Frozen = r.IntN(4) == 0 },
		func() { w := []int64{0, 30, 100, -5}[r.IntN(4)]; c.Weight = &w },
		func() { c.Weight = nil },
		func() { c.Leaving = r.IntN(8) == 0 },
	}
	acts[r.IntN(len(acts))]()
}

// FuzzBuild makes documents from Ingresses, Services and workloads of any
// content.
func FuzzBuild(f *testing.F) {
	f.Add([]byte(`{"spec":{"rules":[{"host":"a.com","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"web","port":{"number":80}}}}]}}],"tls":[{"hosts":["a.com"],"secretName":"s"}]}}`),
		[]byte(`{"metadata":{"annotations":{"x":"y"}},"spec":{"type":"NodePort","selector":{"app":"web"},"ports":[{"port":80,"targetPort":"web","appProtocol":"grpc"}]}}`),
		[]byte(`{"spec":{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","ports":[{"name":"web","containerPort":8080}],"readinessProbe":{"httpGet":{"path":"/r","port":"web"}}}]}}}}`))
	f.Add([]byte(`{"spec":{"ingressClassName":5,"defaultBackend":{"service":{"name":"web","port":{"name":"http"}}}}}`), []byte(`{"spec":{"ports":[{"port":-1},{"port":"80"}]}}`), []byte(`{"spec":{"template":[]}}`))
	f.Add([]byte(`{"metadata":{"annotations":[]},"spec":{"rules":[null,{"http":null},{"http":{"paths":[null,{"pathType":""}]}}],"tls":[null]}}`), []byte(`{"spec":null}`), []byte(`{"metadata":{"labels":{"app":1}}}`))
	f.Fuzz(func(t *testing.T, ingress, service, workload []byte) {
		s := newScene(t)
		for i, text := range [][]byte{ingress, service, workload} {
			o := &unstructured.Unstructured{}
			if json.Unmarshal(text, &o.Object) != nil || o.Object == nil {
				return
			}
			switch i {
			case 0:
				s.Ingresses = append(s.Ingresses, Object{Key: ingressKey("fuzzed"), Created: t0.Add(-time.Hour), Object: o})
			case 1:
				s.Services = []Object{{Key: serviceKey("web"), Object: o}}
			case 2:
				s.Workloads = []Object{{Key: v1alpha1.Key{Namespace: "default", Resource: "deployments", Group: "apps", Name: "d"}, Object: o}}
			}
		}
		in := s.Input
		out := Build(in)
		sane(t, &in, &out)
		table := NewTable(&out.Document)
		table.Match("a.com", "/x")
		Tiers(Place{Region: "us-east1"}, out.Document.Clusters)
		Diff(nil, &out.Document)
	})
}

// odd are values that nobody expects.
var odd = []any{nil, true, int64(-1), int64(0), int64(1) << 62, 1.5, "", "x", "../..", "*", "*.", "\x1b[2J", "80", []any{}, []any{nil}, map[string]any{}, map[string]any{"a": "b"}}

// spoil puts odd values into a copy of a tree, now and then.
func spoil(r *rand.Rand, v any) any {
	if r.IntN(25) == 0 {
		return odd[r.IntN(len(odd))]
	}
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) {
			m[k] = spoil(r, v[k])
		}
		return m
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			list = append(list, spoil(r, e))
		}
		return list
	}
	return v
}

// TestOddObjects has Ingresses, Services and workloads that are almost well.
func TestOddObjects(t *testing.T) {
	ingress := webIngress + "\n      - {path: /x, pathType: Exact, " + web80 + "}\n  - {host: b.com}\n" +
		"  defaultBackend: {service: {name: web, port: {name: http}}}\n  tls: [{secretName: c, hosts: [a.com, '*.a.com']}]"
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := newScene(t)
		s.NoSecrets = seed%2 == 0
		s.ingress("j", ingress)
		s.service("web", google(`{"http":"HTTPS"}`)+webService[1:])
		s.workload("deployments", "web", "spec: {template: "+probing("{httpGet: {path: /ready, port: web}}")+"}")
		for _, list := range [][]Object{s.Ingresses, s.Services, s.Workloads} {
			for i := range list {
				if m, ok := spoil(r, list[i].Object.Object).(map[string]any); ok {
					list[i].Object = &unstructured.Unstructured{Object: m}
				}
			}
		}
		in := s.Input
		out := Build(in)
		sane(t, &in, &out)
		NewTable(&out.Document).Match("a.com", "/x")
	}
}
