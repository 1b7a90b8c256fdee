package v1alpha1

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Verdicts is leader/verdicts.json: what a new leader starts from, so that a
// change of leader changes no decision.
type Verdicts struct {
	Epoch    int64                     `json:"epoch"`
	Clusters map[string]ClusterVerdict `json:"clusters,omitempty"`
	// Removals are those of the last ten minutes that no user's delete
	// explains; the budget counts them.
	Removals []Removal `json:"removals,omitempty"`
	// Answered are the IDs of requests that have taken effect.
	Answered []string `json:"answered,omitempty"`
}

// ClusterVerdict is what the leader holds of one member.
type ClusterVerdict struct {
	UID types.UID `json:"uid"`
	// MemberUID the cluster's name is bound to since its first heartbeat.
	MemberUID     string       `json:"memberUID,omitempty"`
	State         ClusterState `json:"state"`
	Since         time.Time    `json:"since"`
	LastHeartbeat time.Time    `json:"lastHeartbeat"`
	// Reported: at least one heartbeat has counted.
	Reported bool `json:"reported"`
	// Stale: silent for three intervals, whatever State says above it.
	Stale bool `json:"stale,omitempty"`
}

// Removal is one object leaving one cluster, or scaled to nothing there,
// without a user's delete.
type Removal struct {
	Time    time.Time `json:"time"`
	Cluster string    `json:"cluster"`
	Key     Key       `json:"key"`
}
