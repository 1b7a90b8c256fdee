package plugin

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// foretold runs a command and returns its objects by name.
func foretold(t *testing.T, hub *memory.Hub, args ...string) map[string]forecast.Object {
	t.Helper()
	return objectsOf(t, command(t, hub, "", append(args, "-o", "json")...))
}

func objectsOf(t *testing.T, got ran) map[string]forecast.Object {
	t.Helper()
	var r forecast.Result
	if got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		t.Fatalf("%v in %+v", err, got)
	}
	objects := map[string]forecast.Object{}
	for _, o := range r.Objects {
		objects[o.Name] = o
	}
	return objects
}

// shares are the replicas by cluster.
func shares(o forecast.Object) map[string]int64 {
	found := map[string]int64{}
	for _, c := range o.Clusters {
		if c.Replicas != nil {
			found[c.Cluster] = *c.Replicas
		}
	}
	return found
}

func TestPlanAgainstABucket(t *testing.T) {
	other := "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}"
	tests := []struct {
		name    string
		args    []string
		web     map[string]int64 // nil: not told of
		objects int
	}{
		{"what the leader is about to do", nil, map[string]int64{"a": 2, "b": 2, "c": 2}, 1},
		{"a file that changes nothing", []string{"-f", file(t, "web.yaml", deployment("one", 6))}, map[string]int64{"a": 2, "b": 2, "c": 2}, 1},
		{"a changed file", []string{"-f", file(t, "more.yaml", deployment("one", 9))}, map[string]int64{"a": 3, "b": 3, "c": 3}, 1},
		{"another object", []string{"-f", file(t, "other.yaml", other)}, nil, 1},
		{"a lost cluster", []string{"--without-cluster", "b"}, map[string]int64{"a": 3, "c": 3}, 1},
	}
	for _, tt := range tests {
		hub := led(t, "a", "b", "c")
		before := len(hub.Specs)
		objects := foretold(t, hub, append([]string{"plan"}, tt.args...)...)
		got := shares(objects["web"])
		if tt.name == "a lost cluster" {
			delete(got, "b") // it keeps what it was given
		}
		if !maps.Equal(got, tt.web) || len(objects) != tt.objects {
			t.Errorf("%s: got %v of %d objects, want %v of %d", tt.name, got, len(objects), tt.web, tt.objects)
		}
		if len(hub.Specs) != before || len(hub.Rings)+len(hub.Said) > 0 {
			t.Errorf("%s: wrote %v, rang %v, said %v", tt.name, hub.Specs, hub.Rings, hub.Said)
		}
	}
}

func TestPlanExitCodeOnABucket(t *testing.T) {
	hub := led(t, "a", "b")
	for _, tt := range []struct {
		args []string
		code int
	}{
		{nil, 0},
		{[]string{"-f", file(t, "web.yaml", deployment("one", 6))}, 0},
		{[]string{"-f", file(t, "web.yaml", deployment("two", 6))}, 1},
		{[]string{"--without-cluster", "a"}, 1},
		{[]string{"--without-cluster", "none"}, 2},
	} {
		if got := command(t, hub, "", append([]string{"plan", "--exit-code"}, tt.args...)...); got.code != tt.code {
			t.Errorf("%v: want exit %d, got %+v", tt.args, tt.code, got)
		}
	}
}

// TestAssumptionRoundTrip: what a bug report carries tells the same story.
func TestAssumptionRoundTrip(t *testing.T) {
	hub := led(t, "a", "b", "c")
	c := hub.Members["c"]
	c.Spec.Cordoned = true
	hub.Members["c"] = c
	hub.Decided.Judged.Capacities = []v1alpha1.CapacityEstimate{{Cluster: "a", Key: web, Replicas: 4, Expires: time.Now().Add(time.Hour)}}
	manifest := file(t, "web.yaml", deployment("one", 20))
	want := shares(foretold(t, hub, "plan", "-f", manifest)["web"])
	printed := command(t, hub, "", "plan", "-f", manifest, "-o", "assumption")
	if printed.code != 0 || want["a"] != 4 || want["b"] != 14 {
		t.Fatalf("%v, %+v", want, printed)
	}
	out, errOut, code := onPaper(t, "plan", "-f", manifest, "--assume", file(t, "roster.yaml", printed.out), "-o", "json")
	if got := shares(objectsOf(t, ran{out, errOut, code})["web"]); !maps.Equal(got, want) || errOut != "" {
		t.Errorf("got %v, want %v from\n%s%s", got, want, printed.out, errOut)
	}
}

func TestPlanForgetsExpiredCapacity(t *testing.T) {
	hub := led(t, "a", "b")
	hub.Decided.Judged.Capacities = []v1alpha1.CapacityEstimate{{Cluster: "a", Key: web, Replicas: 1, Expires: time.Now().Add(-time.Second)}}
	got := shares(foretold(t, hub, "plan", "-f", file(t, "web.yaml", deployment("one", 10)))["web"])
	if got["a"] != 5 || got["b"] != 5 {
		t.Errorf("an estimate holds that the leader has given up: %v", got)
	}
}

// TestPlanOfAMemberThatCannotBeRead warns, and moves nothing for the sake of it.
func TestPlanOfAMemberThatCannotBeRead(t *testing.T) {
	hub := led(t, "a", "b")
	hub.Decided.Chains["b"][0] = nil
	got := command(t, hub, "", "plan", "-o", "json")
	if !strings.Contains(got.err, "the shard of b cannot be read, its share is unknown") {
		t.Errorf("%+v", got)
	}
	if s := shares(objectsOf(t, got)["web"]); s["a"] != 3 {
		t.Errorf("what b may still run is given away: %v", s)
	}
}

// What create would refuse is not planned.
func TestPlanRefusesWhatCreateRefuses(t *testing.T) {
	hub := memory.New()
	for name, c := range map[string]struct{ manifest, says string }{
		"a Secret":       {"{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: v}}", "refuses Secrets"},
		"a missing home": {"{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: nowhere}}", "nowhere"},
	} {
		got := command(t, hub, "", "plan", "-f", file(t, "one.yaml", c.manifest))
		if got.code < 2 || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
