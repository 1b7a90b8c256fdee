package plugin

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// led is a federation of the named clusters, all of them ready, whose leader has
// placed six replicas an hour ago.
func led(t *testing.T, clusters ...string) *memory.Hub {
	t.Helper()
	hub := memory.New()
	hub.Decided.Chains = map[string][]*v1alpha1.Shard{}
	hub.Decided.Judged.Clusters = map[string]v1alpha1.ClusterVerdict{}
	for _, name := range clusters {
		uid := types.UID("uid-" + name)
		hub.Members[name] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid, ResourceVersion: "1"}}
		hub.Decided.Judged.Clusters[name] = v1alpha1.ClusterVerdict{UID: uid, State: v1alpha1.ClusterReady, Reported: true}
	}
	hub.Put(web, deployment("one", 6))
	lead(t, hub, time.Now().Add(-time.Hour))
	return hub
}

// lead does what the leader would at that time.
func lead(t *testing.T, hub *memory.Hub, at time.Time) {
	t.Helper()
	bucket, err := (&session{}).readBucket(t.Context(), hub)
	if err != nil {
		t.Fatal(err)
	}
	out := plan.Plan(bucket.Input(manifest.NewDecoder().DecodeSpec, at))
	for _, c := range out.Clusters {
		if !c.Changed {
			continue
		}
		r := c.Shard.Revision()
		r.Cluster, r.Revision = c.Name, int64(len(hub.Decided.Chains[c.Name])+1)
		r.Decision = v1alpha1.Decision{Time: metav1.NewTime(at), Leader: "leader", Reason: c.Reason, Replicas: c.Replicas, Reasons: c.Reasons}
		hub.Decided.Chains[c.Name] = append(hub.Decided.Chains[c.Name], r)
	}
	for _, o := range out.Objects {
		hub.ObjectStates[o.Key] = v1alpha1.ObjectStatus{Key: o.Key, UID: o.Record.UID, CreationTimestamp: metav1.NewTime(o.Record.Created),
			Generation: o.Record.Generation, SpecGeneration: o.Record.SpecGeneration, Wanted: o.Record.Wanted, Placement: o.Record.Placement}
	}
}
