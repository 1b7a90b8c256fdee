package http

import (
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

func TestDialable(t *testing.T) {
	for address, want := range map[string]bool{
		"10.0.0.1:80": true, "[2001:db8::1]:443": true, "web.example.com:8080": true, "127.0.0.1:1": true,
		"": false, "10.0.0.1": false, ":80": false, "10.0.0.1:0": false, "10.0.0.1:80-90": false, "10.0.0.1:080": false,
		"10.0.0.1:http": false, "10.0.0.1:70000": false, "unix//run/x": false, "unix//run/x:1": false, "{env.HOME}:80": false,
		"a b:80": false, "web/x:80": false, "0.0.0.0:80": false, "[::]:80": false, "[fe80::1%eth0]:80": false,
		"169.254.169.254:80": false, "224.0.0.1:80": false, "tcp/10.0.0.1:80": false, "\x00:80": false,
	} {
		if got := dialable(address); got != want {
			t.Errorf("%q: %t", address, got)
		}
	}
}

func TestEndpointsOutliveDocuments(t *testing.T) {
	c := compiler{place: traffic.Place{Region: "europe-west1"}, gates: map[gateKey]*gate{}}
	first := c.compile(documentOf(serving("europe", "10.0.0.1:80", "10.0.0.2:80")), nil, nil, noon)
	for _, e := range first.endpoints {
		if !e.trusted {
			t.Error("an endpoint of a new backend is not trusted")
		}
	}
	second := c.compile(documentOf(serving("europe", "10.0.0.2:80", "10.0.0.3:80", "unix//x")), nil, first, noon)
	if second.skipped != 1 || len(second.endpoints) != 2 {
		t.Errorf("%d skipped, %d endpoints", second.skipped, len(second.endpoints))
	}
	for key, e := range second.endpoints {
		if was := first.endpoints[key]; was != nil && was != e {
			t.Errorf("%s is a new one", key.address)
		}
		if e.key.address == "10.0.0.3:80" && e.trusted {
			t.Error("a new endpoint of a known backend is trusted")
		}
	}
	if first.backends["default/web:80"].tiers[0][0].gate != second.backends["default/web:80"].tiers[0][0].gate {
		t.Error("the gate is a new one")
	}
	third := documentOf(serving("europe", "10.0.0.2:80"))
	third.Backends[0].Check.Path = "/healthz"
	for key, e := range c.compile(third, nil, second, noon).endpoints {
		if e.trusted || second.endpoints[key] != nil {
			t.Error("another check, and the same standing")
		}
	}
}

func TestChecksAreBounded(t *testing.T) {
	b := v1alpha1.Backend{Check: v1alpha1.HealthCheck{Path: "healthz", Interval: metav1.Duration{Duration: time.Nanosecond}, UnhealthyAfter: 1000}}
	got := keyOf(b, "10.0.0.1:80")
	want := v1alpha1.HealthCheck{Path: "/healthz", Interval: metav1.Duration{Duration: leastInterval}, Timeout: metav1.Duration{Duration: defaultInterval}, HealthyAfter: 1, UnhealthyAfter: mostThreshold}
	if got.check != want || got.timeout != defaultTimeout || got.protocol != v1alpha1.ProtocolHTTP {
		t.Errorf("%+v", got)
	}
}

func TestRepeatable(t *testing.T) {
	for method, want := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "PUT": true, "DELETE": true, "POST": false, "PATCH": false, "CONNECT": false} {
		r, err := http.NewRequest(method, "http://x/", http.NoBody)
		if err != nil || repeatable(r) != want {
			t.Errorf("%s: %v, %v", method, repeatable(r), err)
		}
	}
}

func TestWithoutPort(t *testing.T) {
	for host, want := range map[string]string{"a.example.com": "a.example.com", "a.example.com:80": "a.example.com", "[::1]:80": "[::1]", "[::1]": "[::1]"} {
		if got := withoutPort(host); got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
}
