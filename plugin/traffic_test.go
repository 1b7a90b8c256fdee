package plugin

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

var shop = v1alpha1.Key{Namespace: "default", Group: "networking.k8s.io", Resource: "ingresses", Name: "shop"}

const shopIngress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {team: blue}}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
  tls: [{secretName: shop-tls, hosts: [shop.example.com]}, {secretName: gone}]
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /api, pathType: Prefix, backend: {service: {name: api, port: {name: http}}}}
      - {path: /old, pathType: Exact, backend: {service: {name: old, port: {number: 80}}}}
`

// serves is a federation whose Ingress is served by eu and us, api by us alone.
func serves() *memory.Hub {
	hub := memory.New()
	for name, region := range map[string]string{"eu": "europe-west1", "us": "us-east1"} {
		hub.Members[name] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: "1"},
			Spec: v1alpha1.ClusterSpec{Region: region}}
	}
	hub.Members["new"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "new", UID: "new", ResourceVersion: "1"}}
	check := v1alpha1.HealthCheck{Path: "/healthz", Interval: metav1.Duration{Duration: 2 * time.Second}}
	behind := func(cluster string, endpoints ...string) v1alpha1.BackendCluster {
		return v1alpha1.BackendCluster{Cluster: cluster, State: v1alpha1.BackendServing, Weight: v1alpha1.FullWeight, Endpoints: endpoints, Ready: 2}
	}
	out := v1alpha1.BackendCluster{Cluster: "eu", State: v1alpha1.BackendOut, Reason: "nothing is ready for 1m"}
	hub.Document = &v1alpha1.Traffic{FederationUID: "fed-uid", Epoch: 3, Serial: 7, Time: metav1.NewTime(memory.Epoch),
		Clusters: []v1alpha1.TrafficCluster{{Name: "eu", Region: "europe-west1", Zones: []string{"europe-west1-b"}},
			{Name: "us", Region: "us-east1", Coordinates: &v1alpha1.Coordinates{Latitude: 33.2, Longitude: -80}}},
		Frontends: []v1alpha1.Frontend{{Ingress: shop, DefaultBackend: "default/web:80",
			TLS: []v1alpha1.FrontendTLS{{Secret: "default/shop-tls", Hosts: []string{"shop.example.com"}}},
			Rules: []v1alpha1.Rule{{Host: "shop.example.com", Paths: []v1alpha1.RoutePath{
				{Path: "/api", Type: v1alpha1.PathPrefix, Backend: "default/api:8080"}}}}}},
		Backends: []v1alpha1.Backend{
			{Name: "default/api:8080", Protocol: v1alpha1.ProtocolHTTP, Check: v1alpha1.HealthCheck{Interval: check.Interval},
				Clusters: []v1alpha1.BackendCluster{out, behind("us", "192.0.2.1:31000", "192.0.2.2:31000")}},
			{Name: "default/web:80", Protocol: v1alpha1.ProtocolHTTP, Check: check,
				Clusters: []v1alpha1.BackendCluster{behind("eu", "198.51.100.1:30080", "198.51.100.2:30080"), behind("us", "192.0.2.1:30080", "192.0.2.2:30080")}}}}
	sees := func(web int64) []v1alpha1.EdgeHealth {
		return []v1alpha1.EdgeHealth{{Backend: "default/web:80", Cluster: "eu", Healthy: web, Total: 2},
			{Backend: "default/web:80", Cluster: "us", Healthy: 2, Total: 2}, {Backend: "default/api:8080", Cluster: "us", Total: 2}}
	}
	hub.Register(v1alpha1.Edge{Name: "edge-eu", Region: "europe-west1", Addresses: []string{"203.0.113.1"}, Time: metav1.Now(), Epoch: 3, Serial: 7, Health: sees(1)})
	hub.Register(v1alpha1.Edge{Name: "edge-us", Coordinates: &v1alpha1.Coordinates{Latitude: 40.7, Longitude: -74}, Addresses: []string{"203.0.113.2", "edge.example.com"},
		Time: metav1.Now(), Epoch: 3, Serial: 7, Health: sees(2)})
	hub.Register(v1alpha1.Edge{Name: "edge-old", Region: "asia-east1", Addresses: []string{"203.0.113.3", "203.0.113.1"},
		Time: metav1.NewTime(time.Now().Add(-time.Hour)), Epoch: 3, Serial: 5, Health: sees(0)})
	return hub
}

func TestTrafficGet(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{nil, `CLUSTER  REGION        WEIGHT  STATE    BACKENDS  ENDPOINTS  REASON
eu       europe-west1  100     Mixed    1/2       1-2/2      nothing is ready for 1m
new      <none>        100     None     0/0       -/0
us       us-east1      100     Serving  2/2       2/4
`},
		{[]string{"us", "-o", "wide"}, `CLUSTER  REGION    ZONES   COORDINATES  WEIGHT  STATE    BACKENDS  ENDPOINTS  REASON
us       us-east1  <none>  33.2,-80     100     Serving  2/2       2/4
`},
		{[]string{"new", "-o", "yaml"}, `clusters:
- backends: []
  cluster: new
  endpoints: 0
  serving: 0
  state: None
  weight: 100
epoch: 3
serial: 7
time: "2026-11-21T10:00:00Z"
`},
	}
	for _, tt := range tests {
		if got := command(t, serves(), "", append([]string{"traffic", "get"}, tt.args...)...); got.code != 0 || got.out != tt.want || got.err != "" {
			t.Errorf("%v: code %d, %s\n%s", tt.args, got.code, got.err, got.out)
		}
	}
	got := command(t, serves(), "", "traffic", "get", "eu", "-o", "json")
	for _, says := range []string{`"backend": "default/web:80"`, `"least": 1`, `"most": 2`, `"198.51.100.2:30080"`, `"state": "Out"`} {
		if !strings.Contains(got.out, says) {
			t.Errorf("%q is missing in\n%s", says, got.out)
		}
	}
}

func TestTrafficGetAlignsWhatHasNoReason(t *testing.T) {
	hub := serves()
	hub.Document.Backends[1].Clusters[1].Reason = "slow"
	got := command(t, hub, "", "traffic", "get", "new", "us")
	want := `CLUSTER  REGION    WEIGHT  STATE    BACKENDS  ENDPOINTS  REASON
new      <none>    100     None     0/0       -/0
us       us-east1  100     Serving  2/2       2/4        slow
`
	if got.code != 0 || got.out != want {
		t.Errorf("%s\n%s", got.err, got.out)
	}
}

func TestTrafficGetTellsWhoIsNoMember(t *testing.T) {
	hub := serves()
	delete(hub.Members, "eu")
	got := command(t, hub, "", "traffic", "get", "eu")
	if got.code != 0 || !strings.Contains(got.out, "it is no member any more, and goes by itself; nothing is ready for 1m\n") {
		t.Errorf("%+v", got)
	}
}

func TestTrafficGetWithout(t *testing.T) {
	hub := serves()
	if got := command(t, hub, "", "traffic", "get", "nowhere", "us"); got.code != 1 || !strings.Contains(got.err, `cluster "nowhere" is not a member`) || !strings.Contains(got.out, "\nus ") {
		t.Errorf("an unknown cluster: %+v", got)
	}
	if got := command(t, hub, "", "traffic", "get", "-o", "name"); got.code != 1 || !strings.Contains(got.err, "want json, yaml or wide") {
		t.Errorf("an unknown output: %+v", got)
	}
	hub.Document = nil
	if got := command(t, hub, "", "traffic", "get"); got.code != 0 || !strings.Contains(got.err, "Nothing is served yet") || !strings.Contains(got.out, "None") {
		t.Errorf("no document: %+v", got)
	}
	hub.TrafficError = errors.New("forbidden")
	if got := command(t, hub, "", "traffic", "get"); got.code != 1 || got.out != "" || !strings.Contains(got.err, "read what is served: forbidden") {
		t.Errorf("no access: %+v", got)
	}
}

func TestTrafficWords(t *testing.T) {
	hub := serves()
	tests := []struct {
		args   []string
		out    string
		weight int64 // -1 for none
		rings  int
	}{
		{[]string{"drain", "eu", "--reason", "upgrade"}, "cluster/eu traffic drained\n", 0, 1},
		{[]string{"drain", "eu"}, "cluster/eu traffic already drained\n", 0, 0},
		{[]string{"weight", "eu=30"}, "cluster/eu traffic weight 30\n", 30, 1},
		{[]string{"undrain", "eu"}, "cluster/eu traffic undrained\n", -1, 1},
		{[]string{"undrain", "eu"}, "cluster/eu traffic already undrained\n", -1, 0},
		{[]string{"weight", "eu=0"}, "cluster/eu traffic drained\n", 0, 1},
	}
	for _, tt := range tests {
		hub.Rings = nil
		got := command(t, hub, "", append([]string{"traffic", "--wait=false"}, tt.args...)...)
		weight := int64(-1)
		if w := hub.Members["eu"].Spec.TrafficWeight; w != nil {
			weight = *w
		}
		if got.code != 0 || got.out != tt.out || weight != tt.weight || len(hub.Rings) != tt.rings {
			t.Errorf("%v: %+v, weight %d, rings %v", tt.args, got, weight, hub.Rings)
		}
		if tt.rings > 0 && hub.Rings[0]["clusters/eu.yaml"] == 0 {
			t.Errorf("%v: rang for %v", tt.args, hub.Rings)
		}
	}
}

func TestTrafficWordsAreAudited(t *testing.T) {
	hub := serves()
	command(t, hub, "", "traffic", "drain", "eu", "--wait=false", "--reason", "upgrade of the nodes")
	if p := hub.Wrote["eu"]; p.Reason != "upgrade of the nodes" || p.Author == "" || p.Client == "" {
		t.Errorf("written by %+v", p)
	}
	got := command(t, hub, "", "describe", "cluster", "eu")
	for _, says := range []string{"Last Change:", "(claimed) with kubectl-fed/", "upgrade of the nodes", "Weight:       0", "Mixed, nothing is ready for 1m", "1 of 2 served", "1-2/2 healthy", "<region's>"} {
		if !strings.Contains(got.out, says) {
			t.Errorf("%q is missing in\n%s%s", says, got.out, got.err)
		}
	}
	hub.TrafficError = errors.New("forbidden")
	if got := command(t, hub, "", "describe", "cluster", "eu"); got.code != 0 || !strings.Contains(got.out, "read what is served: forbidden") {
		t.Errorf("nobody may see: %+v", got)
	}
}

func TestTrafficRefuses(t *testing.T) {
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"the last that serves something", []string{"drain", "us"}, "no other cluster serves default/api:8080 (Ingress default/shop)"},
		{"the last by weight", []string{"weight", "us=0"}, "no other cluster serves default/api:8080"},
		{"all at once", []string{"drain", "us", "eu"}, "default/web:80 (Ingress default/shop)"},
		{"before it shows what", []string{"drain", "us", "--dry-run"}, "no other cluster serves"},
		{"no member", []string{"drain", "eu", "nowhere"}, "not members of the federation: nowhere"},
		{"no cluster", []string{"drain"}, "at least one cluster is required"},
		{"twice", []string{"drain", "eu", "eu"}, `"eu" is named twice`},
		{"more than all", []string{"weight", "eu=101"}, `"eu=101": want CLUSTER=N, with N from 0 to 100`},
		{"less than nothing", []string{"weight", "eu=-1"}, "want CLUSTER=N"},
		{"no weight", []string{"weight", "eu"}, "want CLUSTER=N"},
		{"no name", []string{"weight", "=5"}, "want CLUSTER=N"},
		{"no time", []string{"drain", "eu", "--timeout=0"}, "--timeout must be greater than 0"},
		{"no word", []string{"dran", "eu"}, "unknown command dran; did you mean drain"},
	}
	for _, tt := range tests {
		hub := serves()
		got := command(t, hub, "", append([]string{"traffic"}, tt.args...)...)
		if got.code != 1 || got.out != "" || !strings.Contains(got.err, tt.says) || len(hub.Wrote) > 0 || len(hub.Rings) > 0 {
			t.Errorf("%s: %+v, wrote %v", tt.name, got, hub.Wrote)
		}
	}
}

func TestTrafficLastOneByForce(t *testing.T) {
	hub := serves()
	if got := command(t, hub, "", "traffic", "drain", "us", "--force", "--wait=false"); got.code != 0 || got.out != "cluster/us traffic drained\n" {
		t.Errorf("%+v", got)
	}
	// The document does not show it yet, and still us is no other cluster.
	if got := command(t, hub, "", "traffic", "drain", "eu", "--wait=false"); got.code != 1 || !strings.Contains(got.err, "no other cluster serves default/web:80") {
		t.Errorf("the other: %+v", got)
	}
	hub.TrafficError = errors.New("forbidden")
	if got := command(t, hub, "", "traffic", "weight", "eu=0"); got.code != 1 || !strings.Contains(got.err, "--force drains without having seen it") || got.out != "" {
		t.Errorf("without having looked: %+v", got)
	}
	if got := command(t, hub, "", "traffic", "drain", "eu", "--wait=false", "--force"); got.code != 0 {
		t.Errorf("without having to look: %+v", got)
	}
	if got := command(t, hub, "", "traffic", "undrain", "us"); got.code != 1 || got.out != "cluster/us traffic undrained\n" || !strings.Contains(got.err, "it is written; whether edges follow cannot be seen") {
		t.Errorf("nothing to look for: %+v", got)
	}
	if got := command(t, hub, "", "traffic", "undrain", "us", "--dry-run"); got.code != 1 || !strings.Contains(got.err, "read what is served: forbidden") {
		t.Errorf("nothing to compare with: %+v", got)
	}
}

func TestTrafficDryRun(t *testing.T) {
	hub := serves()
	got := command(t, hub, "", "traffic", "drain", "eu", "--dry-run")
	want := `change cluster default/api:8080 in eu: Out 0%, 0 ready (nothing is ready for 1m) → Drained 0%, 0 ready (drained)
change cluster default/web:80 in eu: Serving 100%, 2 ready → Drained 0%, 2 ready (drained)
`
	if got.code != 0 || got.err != "" || got.out != want {
		t.Errorf("%s%s", got.err, got.out)
	}
	if len(hub.Wrote) > 0 || len(hub.Rings) > 0 {
		t.Errorf("wrote %v", hub.Wrote)
	}
	if got := command(t, hub, "", "traffic", "undrain", "us", "--dry-run"); got.code != 0 || got.out != "" || got.err != "Nothing would change.\n" {
		t.Errorf("nothing to do: %+v", got)
	}
	hub.Document = nil
	if got := command(t, hub, "", "traffic", "drain", "us", "--dry-run"); got.code != 0 || !strings.Contains(got.err, "nothing is served yet") {
		t.Errorf("no document: %+v", got)
	}
}

func TestUnregister(t *testing.T) {
	hub := serves()
	if got := command(t, hub, "", "traffic", "unregister", "edge-old"); got.code != 1 || !strings.Contains(got.err, "203.0.113.3 leave every Ingress of the federation: say --yes") || strings.Contains(got.err, "203.0.113.1") {
		t.Errorf("nobody to ask: %+v", got)
	}
	if got := command(t, hub, "", "traffic", "unregister", "edge-eu"); got.code != 1 || !strings.Contains(got.err, "No Ingress loses an address: say --yes") {
		t.Errorf("another has its address: %+v", got)
	}
	if got := command(t, hub, "", "traffic", "unregister", "edge-old", "nowhere", "--yes"); got.code != 1 || !strings.Contains(got.err, "not registered: nowhere") || len(hub.Carriers) != 3 {
		t.Errorf("an unknown one: %+v", got)
	}
	got := command(t, hub, "", "traffic", "unregister", "edge-old", "--yes", "--reason", "moved")
	if got.code != 0 || got.out != "edge/edge-old unregistered\n" || len(hub.Carriers) != 2 || len(hub.Rings) != 1 {
		t.Errorf("%+v, %v", got, hub.Rings)
	}
	if len(hub.Said) != 1 || hub.Said[0].Type != v1alpha1.RequestUnregister || hub.Said[0].Edge != "edge-old" || hub.Said[0].Reason != "moved" || hub.Said[0].Author == "" {
		t.Errorf("said %+v", hub.Said)
	}
}

func TestEdges(t *testing.T) {
	hub := serves()
	got := command(t, hub, "", "traffic", "edges")
	want := `NAME      REGION        ADDRESSES                     STATE   DOCUMENT  AGE
edge-eu   europe-west1  203.0.113.1                   Ready   7         0s
edge-old  asia-east1    203.0.113.3,203.0.113.1       Silent  5         60m
edge-us   40.7,-74      203.0.113.2,edge.example.com  Ready   7         0s
`
	if got.code != 0 || got.out != want {
		t.Errorf("%s\n%s", got.err, got.out)
	}
	if got := command(t, hub, "", "traffic", "edges", "-o", "wide"); got.code != 0 || !strings.Contains(got.out, "ZONE") || !strings.Contains(got.out, "<none>  40.7,-74 ") {
		t.Errorf("wide: %+v", got)
	}
	for name, place := range map[string]v1alpha1.Edge{"cloud us-east1 <region's>": {Zone: "us-east1-b"}, "rack rack-1 <unknown>": {Zone: "rack-1"}} {
		words := strings.Fields(name)
		place.Name = words[0]
		hub.Register(place)
		got := command(t, hub, "", "traffic", "edges", "-o", "wide")
		if line := regexp.MustCompile(words[0] + ` +` + words[1] + ` .*`).FindString(got.out); !strings.Contains(line, words[2]) {
			t.Errorf("%s: %s", name, got.out)
		}
	}
	if got := command(t, hub, "", "traffic", "edges", "-o", "json"); got.code != 0 || !strings.Contains(got.out, `"healthy": 2`) {
		t.Errorf("%+v", got)
	}
	clear(hub.Carriers)
	if got := command(t, hub, "", "traffic", "edges"); got.code != 0 || got.out != "" || got.err != "No edge is registered.\n" {
		t.Errorf("none: %+v", got)
	}
}

func TestTrafficWaits(t *testing.T) {
	hub := serves()
	got := command(t, hub, "", "traffic", "drain", "eu", "--timeout=10ms")
	if got.code != 1 || got.out != "cluster/eu traffic drained\n" || !strings.Contains(got.err, "the leader has not followed cluster eu yet); it goes on by itself") || len(hub.Rings) != 1 {
		t.Errorf("nobody leads: %+v", got)
	}
	hub.Publish(func(d *v1alpha1.Traffic) *v1alpha1.Traffic { return withState(d, "eu", v1alpha1.BackendDrained) })
	got = command(t, hub, "", "traffic", "drain", "eu", "--timeout=10ms")
	if got.code != 1 || !strings.Contains(got.err, "document 8 is not served by edge-eu, edge-us yet") {
		t.Errorf("no edge has it: %+v", got)
	}
	for _, name := range []string{"edge-eu", "edge-us"} {
		e := hub.Carriers[name]
		e.Serial = 8
		hub.Register(e)
	}
	if got = command(t, hub, "", "traffic", "drain", "eu"); got.code != 0 || got.out != "cluster/eu traffic already drained\n" {
		t.Errorf("a silent edge is not waited for: %+v", got)
	}
	hub.Document = nil
	if got = command(t, hub, "", "traffic", "undrain", "eu"); got.code != 0 {
		t.Errorf("nothing is served: %+v", got)
	}
	hub.TrafficError = apierrors.NewServiceUnavailable("bucket away")
	if got = command(t, hub, "", "traffic", "undrain", "eu", "--timeout=10ms"); got.code != 1 || !strings.Contains(got.err, "the leader has not looked yet") {
		t.Errorf("the bucket is away: %+v", got)
	}
}

// withState gives a cluster one state everywhere.
func withState(d *v1alpha1.Traffic, cluster string, state v1alpha1.BackendState) *v1alpha1.Traffic {
	next := *d
	next.Backends = nil
	for _, b := range d.Backends {
		b.Clusters = append([]v1alpha1.BackendCluster{}, b.Clusters...)
		for i := range b.Clusters {
			if c := &b.Clusters[i]; c.Cluster == cluster {
				c.State, c.Weight = state, 0
			}
		}
		next.Backends = append(next.Backends, b)
	}
	return &next
}

func TestEdgeWatchHearsEdgesWithWrongClocks(t *testing.T) {
	now := memory.Epoch
	w := &edgeWatch{session: &session{now: func() time.Time { return now }}, beats: map[string]heard{}}
	late := v1alpha1.Edge{Name: "e", Time: metav1.NewTime(now.Add(-time.Hour)), Sequence: 1}
	ahead := v1alpha1.Edge{Name: "f", Time: metav1.NewTime(now.Add(time.Hour)), Sequence: 1}
	if w.live(&late) || !w.live(&ahead) {
		t.Error("at first there is only the clock to go by")
	}
	late.Sequence, now = 2, now.Add(10*time.Second)
	if !w.live(&late) {
		t.Error("it beats")
	}
	now = now.Add(31 * time.Second)
	if w.live(&late) || w.live(&ahead) {
		t.Error("neither beats any more")
	}
}
