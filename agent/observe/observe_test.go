package observe

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestJudge(t *testing.T) {
	for name, tc := range map[string]struct {
		object    string
		health    v1alpha1.Health
		counts    map[string]int64
		addresses []string
	}{
		"a ConfigMap is what it is": {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}`, v1alpha1.HealthCurrent, nil, nil},
		"a ReplicaSet on its way": {
			`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"r","generation":2},"spec":{"replicas":3},"status":{"observedGeneration":2,"replicas":3,"readyReplicas":1,"availableReplicas":1}}`,
			v1alpha1.HealthInProgress, map[string]int64{"replicas": 3, "readyReplicas": 1, "availableReplicas": 1}, nil,
		},
		"a ReplicaSet that is there": {
			`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"r","generation":2},"spec":{"replicas":1},"status":{"observedGeneration":2,"replicas":1,"readyReplicas":1,"availableReplicas":1,"fullyLabeledReplicas":1}}`,
			v1alpha1.HealthCurrent, map[string]int64{"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "fullyLabeledReplicas": 1}, nil,
		},
		"a status of an older generation": {
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","generation":2},"spec":{"replicas":1},"status":{"observedGeneration":1,"replicas":1}}`,
			v1alpha1.HealthInProgress, map[string]int64{"replicas": 1}, nil,
		},
		"a rollout past its deadline": {
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","generation":1},"spec":{"replicas":1,"progressDeadlineSeconds":10},"status":{"observedGeneration":1,"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}`,
			v1alpha1.HealthFailed, nil, nil,
		},
		"being deleted": {
			`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["f"]}}`, v1alpha1.HealthTerminating, nil, nil,
		},
		"a Service with addresses": {
			`{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1"},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"},{"hostname":"lb.example.com"},{"ip":""}]}}}`,
			v1alpha1.HealthCurrent, nil, []string{"192.0.2.1", "lb.example.com"},
		},
		"a custom resource that says it is not ready": {
			`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"status":{"conditions":[{"type":"Ready","status":"False","reason":"Waiting","message":"for parts"}],"parts":4,"ratio":0.5,"nested":{"n":1}}}`,
			v1alpha1.HealthInProgress, map[string]int64{"parts": 4}, nil,
		},
		"a status that is no object": {`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"status":"fine"}`, v1alpha1.HealthUnknown, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			if err := u.UnmarshalJSON([]byte(tc.object)); err != nil {
				t.Fatal(err)
			}
			got := Judge(u)
			if got.Health != tc.health {
				t.Errorf("health %s (%s), want %s", got.Health, got.Message, tc.health)
			}
			if !maps.Equal(got.Counts, tc.counts) || !slices.Equal(got.Addresses, tc.addresses) {
				t.Errorf("counts %v, addresses %v", got.Counts, got.Addresses)
			}
			if got.Health != v1alpha1.HealthCurrent && got.Message == "" {
				t.Error("no message explains it")
			}
		})
	}
}

func TestJudgeIsBounded(t *testing.T) {
	status := map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "False", "reason": "R", "message": strings.Repeat("é", 5000)}}}
	for i := range 200 {
		status["n"+string(rune('a'+i%26))+string(rune('a'+i/26))] = int64(i)
	}
	got := Judge(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "x.y/v1", "kind": "Z", "metadata": map[string]any{"name": "z"}, "status": status}})
	if len(got.Message) > maxMessage+len("…") || len(got.Counts) != maxCounts {
		t.Errorf("message of %d bytes, %d counts", len(got.Message), len(got.Counts))
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

func TestLocation(t *testing.T) {
	node := func(region, zone string) map[string]string {
		return map[string]string{"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone}
	}
	for name, tc := range map[string]struct {
		nodes  []map[string]string
		region string
		zones  []string
	}{
		"no nodes":                 {nil, "", nil},
		"one without labels":       {[]map[string]string{nil, node("r", "r-b"), node("r", "r-a"), node("r", "r-a")}, "r", []string{"r-a", "r-b"}},
		"most nodes decide":        {[]map[string]string{node("a", "a1"), node("b", "b1"), node("b", "b2")}, "b", []string{"a1", "b1", "b2"}},
		"labels of older clusters": {[]map[string]string{{"failure-domain.beta.kubernetes.io/region": "r", "failure-domain.beta.kubernetes.io/zone": "z"}}, "r", []string{"z"}},
	} {
		region, zones := Location(tc.nodes)
		if region != tc.region || !slices.Equal(zones, tc.zones) {
			t.Errorf("%s: %s %v, want %s %v", name, region, zones, tc.region, tc.zones)
		}
	}
}

func TestResourcesAreThoseNotBuiltIn(t *testing.T) {
	got := resources([]*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "pods", Kind: "Pod"}}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
		{GroupVersion: "apiextensions.k8s.io/v1", APIResources: []metav1.APIResource{{Name: "customresourcedefinitions"}}},
		{GroupVersion: "gateway.networking.k8s.io/v1", APIResources: []metav1.APIResource{
			{Name: "httproutes", Kind: "HTTPRoute", Namespaced: true}, {Name: "httproutes/status", Kind: "HTTPRoute"}, {Name: "gatewayclasses", Kind: "GatewayClass", ShortNames: []string{"gc"}},
		}},
	})
	if len(got) != 2 || got[0].Resource != "gatewayclasses" || got[1].Resource != "httproutes" || !got[1].Namespaced || got[0].ShortNames[0] != "gc" {
		t.Errorf("got %+v", got)
	}
}

// fakeServer is an API server that is as the test says.
type fakeServer struct {
	mu        sync.Mutex
	err       error
	asked     int
	refreshed int
}

func (s *fakeServer) Ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.err
}

func (s *fakeServer) Refresh(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshed++
	return nil
}

func (s *fakeServer) Facts() Facts { return Facts{} }

func (s *fakeServer) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func TestVitalsTellOfOutagesAndTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, back := &fakeServer{}, 0
		v := NewVitals(s, clock.RealClock{}, 10*time.Second, func() { back++ })
		ctx, cancel := context.WithCancel(logf.IntoContext(context.Background(), logr.Discard()))
		done := make(chan struct{})
		go func() {
			defer close(done)
			v.Run(ctx)
		}()
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		pass(5 * time.Minute)
		if s.asked != 31 || s.refreshed != 3 || v.Unready() != "" {
			t.Errorf("asked %d times, refreshed %d times in 5 min; unready %q", s.asked, s.refreshed, v.Unready())
		}
		<-v.Changed()
		s.set(errors.New("connection refused"))
		pass(10 * time.Second)
		<-v.Changed()
		if v.Unready() != "connection refused" {
			t.Errorf("unready %q", v.Unready())
		}
		s.set(nil)
		pass(unreadyEvery)
		if v.Unready() != "" || back != 1 {
			t.Errorf("unready %q, called back %d times", v.Unready(), back)
		}
		cancel()
		<-done
	})
}
