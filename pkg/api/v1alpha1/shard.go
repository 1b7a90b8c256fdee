package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Shard is one revision of what one cluster runs, whole. Revisions are
// immutable and numbered without gaps, but for those that a user's word leaps
// over; a revision's creation is the compare-and-swap between leaders.
type Shard struct {
	metav1.TypeMeta `json:",inline"`

	Revision int64 `json:"revision"`
	// Epoch is the lease's transition count under which this was planned.
	Epoch int64 `json:"epoch"`
	// Previous is the SHA-256 (hex) of the predecessor's stored bytes; empty
	// where there is none, or none to be trusted.
	Previous      string    `json:"previous,omitempty"`
	Cluster       string    `json:"cluster"`
	FederationUID types.UID `json:"federationUID"`
	ClusterUID    types.UID `json:"clusterUID"`
	// Objects in key order. Empty when Parts carries them.
	Objects []ShardObject `json:"objects,omitempty"`
	// Parts hold the objects of a large shard, split by key hash.
	Parts []ShardPart `json:"parts,omitempty"`
	// Tombstones name what is to go, until the cluster has reported it gone.
	Tombstones []Tombstone `json:"tombstones,omitempty"`
	// Probes ask the member's agent to look whether others live.
	Probes []ProbeTarget `json:"probes,omitempty"`
	// Addresses of the Ingresses among Objects that the federation serves, by key.
	Addresses []ObjectAddresses `json:"addresses,omitempty"`
	// Accept is a user's word, told once, that this revision is to be taken over
	// although something went back in time.
	Accept AcceptMode `json:"accept,omitempty"`
	// Leaving is set on the revisions a member that unjoins is given.
	Leaving LeavingMode `json:"leaving,omitempty"`
	// Decision is what this revision was decided from. Internal: it lets a
	// plan be replayed and explained, and promises nothing.
	Decision Decision `json:"decision"`
}

// AcceptMode names what a revision goes on after.
type AcceptMode string

const (
	// AcceptRestore: the bucket was restored to an earlier state. The revision
	// follows none of those that came before it.
	AcceptRestore AcceptMode = "BucketRestored"
	// AcceptMember: the member was restored from a backup.
	AcceptMember AcceptMode = "MemberRestored"
)

// ShardObject is one object as this cluster is to run it.
type ShardObject struct {
	Key Key `json:"key"`
	// UID is the spec's, stable until a delete completes.
	UID types.UID `json:"uid"`
	// Generation is the bucket generation of the spec this came from.
	Generation int64 `json:"generation"`
	// Manifest is the object as JSON, or absent when Body names it.
	Manifest json.RawMessage `json:"manifest,omitempty"`
	// Body is the SHA-256 (hex) of a manifest stored beside the revisions.
	Body string `json:"body,omitempty"`
}

// ShardPart names a blob with a JSON list of ShardObject.
type ShardPart struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// MaxProbeTargets and MaxProbeAddresses bound a shard's probes.
const (
	MaxProbeTargets   = 3
	MaxProbeAddresses = 4
)

// ProbeTarget is another cluster and where its services are published. A TCP
// connection to any of the addresses shows that it lives.
type ProbeTarget struct {
	Cluster   string   `json:"cluster"`
	Addresses []string `json:"addresses"` // host:port, sorted
}

// Propagation says how a tombstone's object is deleted in the member.
type Propagation string

const (
	PropagationBackground Propagation = "Background"
	PropagationForeground Propagation = "Foreground"
	// PropagationOrphan keeps the object and takes our marks off it.
	PropagationOrphan Propagation = "Orphan"
)

// Tombstone is the only word on which an agent deletes.
type Tombstone struct {
	Key Key `json:"key"`
	// UID of the spec; the agent deletes only what carries it.
	UID         types.UID   `json:"uid"`
	APIVersion  string      `json:"apiVersion"`
	Kind        string      `json:"kind"`
	Propagation Propagation `json:"propagation"`
	// Cause tells why, for the leader that reads it back.
	Cause TombstoneCause `json:"cause,omitempty"`
}

// TombstoneCause says whose word a tombstone is. The uid of an object that a
// user deleted is never used again; the others' may come back.
type TombstoneCause string

const (
	// CauseDeleted: a user deleted the object. Stored as nothing.
	CauseDeleted TombstoneCause = ""
	// CauseLeaving: the cluster is being unjoined.
	CauseLeaving TombstoneCause = "Leaving"
	// CauseUnplaced: the object is no longer for this cluster.
	CauseUnplaced TombstoneCause = "Unplaced"
)

// Decision is the input a revision was planned from.
type Decision struct {
	// Time is the leader's clock, for people only.
	Time metav1.Time `json:"time"`
	// Leader is the identity that planned.
	Leader string `json:"leader"`
	// Reason is one line: what made this revision differ from the last.
	Reason string `json:"reason,omitempty"`
	// Replicas tells, per object, the total wanted and each cluster's part.
	Replicas map[Key]ReplicaDecision `json:"replicas,omitempty"`
	// Reasons tells, per object that this revision changed, in one line each why
	// this cluster has what it has.
	Reasons map[Key]string `json:"reasons,omitempty"`
	// Verdicts of all clusters that are not simply ready.
	Verdicts map[string]string `json:"verdicts,omitempty"`
}

// ReplicaDecision is how one object's replicas were divided.
type ReplicaDecision struct {
	Wanted   int64            `json:"wanted"`
	Clusters map[string]int64 `json:"clusters"`
}
