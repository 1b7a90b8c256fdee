package plugin

import (
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// joined is a federation whose third cluster has come after everything was
// placed: what runs has stayed where it was.
func joined(t *testing.T) *memory.Hub {
	t.Helper()
	hub := led(t, "a", "b")
	hub.Members["c"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c", UID: "uid-c"}}
	hub.Decided.Judged.Clusters["c"] = v1alpha1.ClusterVerdict{UID: "uid-c", State: v1alpha1.ClusterReady, Reported: true}
	return hub
}

func TestRebalanceDryRun(t *testing.T) {
	hub := joined(t)
	if got := shares(foretold(t, hub, "plan")["web"]); got["a"] != 3 || got["b"] != 3 || got["c"] != 0 {
		t.Fatalf("a cluster that joins takes what runs elsewhere: %v", got)
	}
	got := command(t, hub, "", "rebalance", "deploy/web", "--dry-run")
	if got.code != 0 || len(hub.Said)+len(hub.Rings) > 0 || strings.Count(got.out, " 2  ") != 3 {
		t.Errorf("%+v, said %v", got, hub.Said)
	}
}

func TestRebalance(t *testing.T) {
	hub := joined(t)
	got := command(t, hub, "", "rebalance", "deploy", "web", "--reason", "c is new")
	if got.code != 0 || got.out != "deployments.apps/web rebalancing\n" || len(hub.Said) != 1 || len(hub.Rings) != 1 {
		t.Fatalf("%+v, said %v, rings %v", got, hub.Said, hub.Rings)
	}
	if r := hub.Said[0]; r.Type != v1alpha1.RequestRebalance || !slices.Equal(r.Keys, []v1alpha1.Key{web}) || r.ID == "" || r.Reason != "c is new" {
		t.Errorf("said %+v", r)
	}
	want := map[string]int64{"a": 2, "b": 2, "c": 2}
	if got := shares(foretold(t, hub, "plan")["web"]); !maps.Equal(got, want) {
		t.Errorf("the request moves %v", got)
	}
	hub.Decided.Judged.Answered = []string{hub.Said[0].ID}
	if got := shares(foretold(t, hub, "plan")["web"]); got["c"] != 0 {
		t.Errorf("a request counts twice: %v", got)
	}
}

func TestRebalanceRefuses(t *testing.T) {
	hub := joined(t)
	for args, says := range map[string]string{"": "name the objects", "deploy/none": `deployments.apps "none" not found`, "deploy/web deploy/none": "none", "web": "web NAME"} {
		got := command(t, hub, "", append([]string{"rebalance"}, strings.Fields(args)...)...)
		if got.code != 1 || !strings.Contains(got.err, says) || len(hub.Said) > 0 {
			t.Errorf("%s: %+v, said %v", args, got, hub.Said)
		}
	}
}
