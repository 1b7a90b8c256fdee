package traffic

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var t0 = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// scene is an input that tests change: a Service "web" with port 80 in clusters
// a and b, both serving, behind one Ingress and one edge.
type scene struct {
	t *testing.T
	Input
}

const webService = `
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: web}]`

const webIngress = `
spec:
  rules:
  - host: a.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}`

func newScene(t *testing.T) *scene {
	s := &scene{t: t, Input: Input{Federation: "f", Now: t0, Edges: []v1alpha1.Edge{{Name: "e", Addresses: []string{"192.0.2.1"}}}}}
	s.service("web", webService)
	s.ingress("i", webIngress)
	s.join("a")
	s.join("b")
	return s
}

func object(t testing.TB, resource, group, name, manifest string) Object {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err)
	}
	o.SetName(name)
	o.SetNamespace("default")
	return Object{
		Key: v1alpha1.Key{Namespace: "default", Resource: resource, Group: group, Name: name},
		UID: types.UID("uid-" + name), Created: t0.Add(-time.Hour), Object: o,
	}
}

func put(list []Object, o Object) []Object {
	if at := slices.IndexFunc(list, func(x Object) bool { return x.Key == o.Key }); at >= 0 {
		list[at] = o
		return list
	}
	return append(list, o)
}

func (s *scene) service(name, manifest string) {
	s.Services = put(s.Services, object(s.t, "services", "", name, manifest))
}

// ingress is younger than those before it.
func (s *scene) ingress(name, manifest string) {
	o := object(s.t, "ingresses", "networking.k8s.io", name, manifest)
	o.Created = o.Created.Add(time.Duration(len(s.Ingresses)) * time.Second)
	s.Ingresses = put(s.Ingresses, o)
}

func (s *scene) workload(resource, name, manifest string) {
	s.Workloads = put(s.Workloads, object(s.t, resource, "apps", name, manifest))
}

func serviceKey(name string) v1alpha1.Key {
	return v1alpha1.Key{Namespace: "default", Resource: "services", Name: name}
}

// join adds a cluster in which web has two ready endpoints behind 198.51.100.N.
func (s *scene) join(name string) {
	address := fmt.Sprintf("198.51.100.%d", name[0]-'a'+1)
	s.Clusters = append(s.Clusters, Cluster{
		Name: name, Verdict: v1alpha1.ClusterVerdict{State: v1alpha1.ClusterReady, Reported: true},
		Has: func(k v1alpha1.Key) bool { return k.Resource == "services" },
		Services: map[v1alpha1.Key]*v1alpha1.ObjectReport{
			serviceKey("web"): {Addresses: []string{address}, Ports: []v1alpha1.ServicePortReport{{Name: "http", Port: 80, Ready: 2}}},
		},
	})
}

func (s *scene) cluster(name string) *Cluster {
	at := slices.IndexFunc(s.Clusters, func(c Cluster) bool { return c.Name == name })
	return &s.Clusters[at]
}

// row of the web Service in a cluster.
func (s *scene) row(cluster string) *v1alpha1.ObjectReport {
	return s.cluster(cluster).Services[serviceKey("web")]
}

func (s *scene) ready(cluster string, n int64) { s.row(cluster).Ports[0].Ready = n }

// build, and go on from what was built, as it would be read from the bucket.
func (s *scene) build() Output {
	out := Build(s.Input)
	again := Build(s.shuffled())
	if a, b := encode(s.t, out.Document), encode(s.t, again.Document); a != b {
		s.t.Errorf("another order gives another document:\n%s\n%s", a, b)
	}
	s.Previous = &v1alpha1.Traffic{}
	if err := json.Unmarshal([]byte(encode(s.t, out.Document)), s.Previous); err != nil {
		s.t.Fatal(err)
	}
	if next := Build(s.Input); !Same(&next.Document, &out.Document) {
		s.t.Errorf("the same once more is another document:\n%s\n%s", encode(s.t, out.Document), encode(s.t, next.Document))
	}
	return out
}

func (s *scene) shuffled() Input {
	in := s.Input
	in.Clusters, in.Ingresses, in.Services, in.Workloads = slices.Clone(in.Clusters), slices.Clone(in.Ingresses), slices.Clone(in.Services), slices.Clone(in.Workloads)
	slices.Reverse(in.Clusters)
	slices.Reverse(in.Ingresses)
	slices.Reverse(in.Services)
	slices.Reverse(in.Workloads)
	return in
}

func encode(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// states prints a backend: "a=Serving/100 b=Out/0".
func states(t *v1alpha1.Traffic, backend string) string {
	var list []string
	for _, b := range t.Backends {
		for _, c := range b.Clusters {
			if b.Name == backend {
				list = append(list, fmt.Sprintf("%s=%s/%d", c.Cluster, c.State, c.Weight))
			}
		}
	}
	return strings.Join(list, " ")
}

func (s *scene) expect(want string) Output {
	s.t.Helper()
	out := s.build()
	if got := states(&out.Document, "default/web:80"); got != want {
		s.t.Errorf("%s, want %s", got, want)
	}
	return out
}

// entry of web in a cluster.
func entry(t *testing.T, doc *v1alpha1.Traffic, cluster string) v1alpha1.BackendCluster {
	t.Helper()
	for _, b := range doc.Backends {
		for _, c := range b.Clusters {
			if b.Name == "default/web:80" && c.Cluster == cluster {
				return c
			}
		}
	}
	t.Fatalf("nothing of %s", cluster)
	return v1alpha1.BackendCluster{}
}

// problems of an Ingress: "Reason: message" each.
func problems(out Output, ingress string) []string {
	var list []string
	for _, p := range out.Ingresses[ingressKey(ingress)].Problems {
		list = append(list, p.Reason+": "+p.Message)
	}
	return list
}
