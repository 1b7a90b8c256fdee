package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// runs makes the statuses say how many replicas of web a has, and what the
// leader says of a.
func runs(hub *memory.Hub, replicas int64, state v1alpha1.ClusterState) {
	hub.ObjectStates[web] = v1alpha1.ObjectStatus{Key: web, Wanted: 9, Clusters: []v1alpha1.ObjectClusterStatus{{Cluster: "a", Replicas: &replicas}}}
	hub.Seen["a"] = v1alpha1.ClusterStatus{Cluster: "a", State: state}
}

func TestDrain(t *testing.T) {
	tests := []struct {
		name      string
		replicas  int64
		state     v1alpha1.ClusterState
		args      []string
		code      int
		out, says string
	}{
		{"everything has moved", 0, v1alpha1.ClusterCordoned, nil, 0, "cluster/a draining\ncluster/a drained\n", ""},
		{"nobody waits", 3, v1alpha1.ClusterReady, []string{"--wait=false"}, 0, "cluster/a draining\n", ""},
		{"something is left", 3, v1alpha1.ClusterCordoned, []string{"--timeout=10ms"}, 1, "cluster/a draining\n",
			"not drained within 10ms (3 replicas left of deployments.apps/web); it goes on by itself"},
		{"what is said of the objects may be of before", 0, v1alpha1.ClusterReady, []string{"--timeout=10ms"}, 1, "cluster/a draining\n", "not drained within 10ms"},
		{"no time", 0, v1alpha1.ClusterReady, []string{"--timeout=0"}, 1, "", "--timeout must be greater than 0"},
		{"no member", 0, v1alpha1.ClusterReady, []string{"b"}, 1, "cluster/a draining\n", `"b" not found`},
	}
	for _, tt := range tests {
		hub := led(t, "a")
		runs(hub, tt.replicas, tt.state)
		got := command(t, hub, "", append([]string{"drain", "a"}, tt.args...)...)
		if got.code != tt.code || got.out != tt.out || !strings.Contains(got.err, tt.says) {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if spec := hub.Members["a"].Spec; (spec.Cordoned && spec.Drained) != (tt.out != "") {
			t.Errorf("%s: %+v", tt.name, spec)
		}
	}
}

func TestDrainWaitsForNothingThatStays(t *testing.T) {
	hub, five := led(t, "a"), int64(5)
	runs(hub, 0, v1alpha1.ClusterCordoned)
	here := []v1alpha1.ObjectClusterStatus{{Cluster: "a", Replicas: &five}}
	copied := v1alpha1.Key{Group: "apps", Resource: "statefulsets", Namespace: "default", Name: "db"}
	job := v1alpha1.Key{Group: "batch", Resource: "jobs", Namespace: "default", Name: "import"}
	hub.ObjectStates[copied] = v1alpha1.ObjectStatus{Key: copied, Clusters: here}
	hub.ObjectStates[job] = v1alpha1.ObjectStatus{Key: job, Wanted: 5, Clusters: here}
	if got := command(t, hub, "", "drain", "a", "--timeout=10s"); got.code != 0 || !strings.HasSuffix(got.out, "cluster/a drained\n") {
		t.Errorf("%+v", got)
	}
}

func TestDrainAgain(t *testing.T) {
	hub := led(t, "a")
	runs(hub, 0, v1alpha1.ClusterCordoned)
	command(t, hub, "", "drain", "a")
	rings := len(hub.Rings)
	got := command(t, hub, "", "drain", "a")
	if got.code != 0 || got.out != "cluster/a already draining\ncluster/a drained\n" || len(hub.Rings) != rings {
		t.Errorf("%+v, rings %v", got, hub.Rings)
	}
	if got := command(t, hub, "", "uncordon", "a"); got.code != 0 || hub.Members["a"].Spec.Cordoned || hub.Members["a"].Spec.Drained {
		t.Errorf("taken back: %+v, %+v", got, hub.Members["a"].Spec)
	}
}
