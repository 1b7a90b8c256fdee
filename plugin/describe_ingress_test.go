package plugin

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// shops is serves with the Ingress that is served.
func shops() *memory.Hub {
	hub := serves()
	hub.Put(shop, shopIngress)
	now := metav1.Now()
	hub.ObjectStates[shop] = v1alpha1.ObjectStatus{Key: shop, UID: "u", SpecGeneration: hub.Specs[shop].Generation, CreationTimestamp: metav1.NewTime(memory.Epoch),
		Addresses: []string{"203.0.113.1", "203.0.113.2", "edge.example.com"},
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionServed, Status: metav1.ConditionFalse, Reason: v1alpha1.ServedNoService,
			Message: "spec.rules[0].http.paths[1]: Service old is not there", LastTransitionTime: now}},
		Events: []v1alpha1.Event{{Type: "Normal", Reason: "ADD", Message: "default/shop", First: now, Last: now, Count: 1},
			{Type: "Normal", Reason: "CREATE", Message: "ip: 203.0.113.1", First: now, Last: now, Count: 1}}}
	return hub
}

func TestDescribeIngress(t *testing.T) {
	got := command(t, shops(), "", "describe", "ingress", "shop")
	want := `Name:             shop
Namespace:        default
Labels:           <none>
Created:          Sat, 21 Nov 2026 10:00:00 +0000
Last Change:      generation 101, by a writer that left no name
Ingress Class:    kubectl-fed
Address:          203.0.113.1, 203.0.113.2, edge.example.com
Default backend:  web:80 (198.51.100.1:30080,198.51.100.2:30080,192.0.2.1:30080 + 1 more...)
TLS:
  shop-tls terminates shop.example.com (by edges that have its files)
  gone terminates every host of the rules (not served)
Rules:
  Host              Path          Backends
  ----              ----          --------
  shop.example.com  /api          api:http (192.0.2.1:31000,192.0.2.2:31000)
                    /old (Exact)  old:80 (not served)
Backends:
  default/api:8080, HTTP, checked by connecting every 2s
    Cluster  State    Weight  Ready  Endpoints  Reason
    -------  -----    ------  -----  ---------  ------
    eu       Out      0       0      -/0        nothing is ready for 1m
    us       Serving  100     2      0/2        
  default/web:80, HTTP, checked with GET /healthz every 2s
    Cluster  State    Weight  Ready  Endpoints  Reason
    -------  -----    ------  -----  ---------  ------
    eu       Serving  100     2      1-2/2      
    us       Serving  100     2      2/2        
Annotations:
  team:      blue
  backends:  {"default/api:8080":"UNHEALTHY","default/web:80":"HEALTHY"}
  edge:      edge-eu (Ready): 203.0.113.1
  edge:      edge-old (Silent): 203.0.113.3, 203.0.113.1
  edge:      edge-us (Ready): 203.0.113.2, edge.example.com
Conditions:
  Type    Status  Since  Reason           Message
  ----    ------  -----  ------           -------
  Served  False   0s     ServiceNotFound  spec.rules[0].http.paths[1]: Service old is not there
Clusters:  <none>
Events:
  Type    Reason  Age  Cluster  Message
  ----    ------  ---  -------  -------
  Normal  ADD     0s   -        default/shop
  Normal  CREATE  0s   -        ip: 203.0.113.1
`
	if got.code != 0 || got.out != want {
		t.Errorf("code %d, %s\n%s", got.code, got.err, got.out)
	}
}

func TestDescribeIngressWithLessToKnow(t *testing.T) {
	tests := []struct {
		name       string
		change     func(*memory.Hub)
		says, mute []string
	}{
		{"traffic that nobody may read", func(h *memory.Hub) { h.TrafficError = errors.New("forbidden") },
			[]string{"Backends:", "read what is served: forbidden", "/api          api:http\n", "gone terminates every host of the rules\n", "team:"}, []string{"not served", "edge:"}},
		{"no document", func(h *memory.Hub) { h.Document = nil }, []string{"/api          api:http\n", "203.0.113.1"}, []string{"Backends:\n", "edge:"}},
		{"no status", func(h *memory.Hub) { clear(h.ObjectStates) }, []string{"the leader has not seen it yet", "Address:"}, []string{"Conditions"}},
		{"another class", func(h *memory.Hub) {
			h.Put(shop, strings.Replace(shopIngress, "spec:", "spec:\n  ingressClassName: nginx", 1))
		}, []string{"nginx (served by the members' own controllers)"}, []string{"edge:", "not served", "Backends:\n"}},
		{"a backend that is not in the document", func(h *memory.Hub) { h.Document.Backends = h.Document.Backends[1:] },
			[]string{`"default/api:8080":"UNKNOWN"`, "api:http (no endpoints)"}, nil},
		{"a certificate that the federation holds", func(h *memory.Hub) { h.Document.Frontends[0].TLS[0].Certificate = "9f86" },
			[]string{"shop-tls terminates shop.example.com\n"}, nil},
		{"nobody who looks", func(h *memory.Hub) { clear(h.Carriers) }, []string{`"default/web:80":"UNKNOWN"`, "-/2"}, nil},
	}
	for _, tt := range tests {
		hub := shops()
		tt.change(hub)
		got := command(t, hub, "", "describe", "ingress", "shop")
		if got.code != 0 {
			t.Errorf("%s: %+v", tt.name, got)
		}
		for _, says := range tt.says {
			if !strings.Contains(got.out, says) {
				t.Errorf("%s: %q is missing in\n%s", tt.name, says, got.out)
			}
		}
		for _, mute := range tt.mute {
			if strings.Contains(got.out, mute) {
				t.Errorf("%s: %q is in\n%s", tt.name, mute, got.out)
			}
		}
	}
}

func TestGetIngressShowsTheFederationsAddress(t *testing.T) {
	hub := shops()
	tests := []struct {
		args []string
		want string
	}{
		{nil, "NAME   HOSTS              ADDRESS                                    PORTS     AGE\nshop   shop.example.com   203.0.113.1,203.0.113.2,edge.example.com   80, 443   "},
		{[]string{"-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"}, "203.0.113.1 203.0.113.2"},
		{[]string{"-o", "jsonpath={.status.loadBalancer.ingress[2].hostname}"}, "edge.example.com"},
	}
	for _, tt := range tests {
		if got := command(t, hub, "", append([]string{"get", "ingress", "shop"}, tt.args...)...); got.code != 0 || !strings.HasPrefix(got.out, tt.want) {
			t.Errorf("%v: %+v", tt.args, got)
		}
	}
	if got := command(t, hub, "", "get", "ingress", "shop", "-o", "yaml"); !strings.Contains(got.out, "  loadBalancer:\n    ingress:\n    - ip: 203.0.113.1\n") {
		t.Errorf("%+v", got)
	}
	if got := command(t, hub, "", "get", "ingress", "-o", "wide"); !strings.Contains(got.out, "CLASS") || !strings.Contains(got.out, "203.0.113.1") {
		t.Errorf("%+v", got)
	}
}
