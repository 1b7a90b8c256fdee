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
	// Capacities are what members were found able to run of an object at most.
	Capacities []CapacityEstimate `json:"capacities,omitempty"`
	// Frozen: so many clusters were silent that health changed nothing.
	Frozen bool `json:"frozen,omitempty"`
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
	// StaleSince is when it fell silent, as this or an earlier leader saw it.
	StaleSince time.Time `json:"staleSince,omitzero"`
	// Failed: taken for dead. Its share runs elsewhere, and stays frozen in its
	// shard, until it has been back for long enough.
	Failed bool `json:"failed,omitempty"`
	// Holding: it is back, and given nothing new until HoldUntil.
	Holding   bool      `json:"holding,omitempty"`
	HoldUntil time.Time `json:"holdUntil,omitzero"`
	// Flaps counts how often it fell silent and came back; one is forgotten for
	// every StableMost of good behaviour. Flapped is when it last changed.
	Flaps   int64     `json:"flaps,omitempty"`
	Flapped time.Time `json:"flapped,omitzero"`
	// Probed is what the other clusters see of it.
	Probed ProbeVerdict `json:"probed,omitempty"`
	// Reason is one line for people: why it is Failed, Holding, or kept although
	// it is stale.
	Reason string `json:"reason,omitempty"`
}

// ProbeVerdict is what a quorum of probers sees.
type ProbeVerdict string

const (
	// ProbeUnknown: nobody can tell. Stored as nothing.
	ProbeUnknown ProbeVerdict = ""
	// ProbeAlive: at least one fresh prober reaches it.
	ProbeAlive ProbeVerdict = "Alive"
	// ProbeDead: a quorum of fresh probers that once reached it no longer do.
	ProbeDead ProbeVerdict = "Dead"
)

// Removal is one object leaving one cluster, or scaled to nothing there,
// without a user's delete.
type Removal struct {
	Time    time.Time `json:"time"`
	Cluster string    `json:"cluster"`
	Key     Key       `json:"key"`
}

// CapacityEstimate is the most replicas of an object that a cluster can run,
// until the estimate expires and the cluster is tried again.
type CapacityEstimate struct {
	Cluster  string    `json:"cluster"`
	Key      Key       `json:"key"`
	Replicas int64     `json:"replicas"`
	Expires  time.Time `json:"expires"`
	// Tries counts estimates in a row; each lives twice as long as the last.
	Tries int64 `json:"tries,omitempty"`
}
