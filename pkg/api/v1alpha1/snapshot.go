package v1alpha1

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// SpecRecord is one stored spec as the bucket has it, not yet decoded.
type SpecRecord struct {
	Key        Key
	Generation int64 // the bucket's; also the object's resourceVersion
	Size       int64
	Updated    time.Time // the bucket's clock
	Provenance Provenance
	Body       []byte // nil in listings
}

// Provenance is what a writer claims of itself in an object's custom
// metadata. Who really wrote is the bucket's audit log to say.
type Provenance struct {
	Author string
	Reason string
	Client string
}

// ClusterRecord is the last write of clusters/<name>.yaml.
type ClusterRecord struct {
	Generation int64
	Updated    time.Time // the bucket's clock
	Provenance Provenance
}

// RequestType names what a Request asks for.
type RequestType string

const (
	// RequestApprove lets a removal pass that the budget held.
	RequestApprove RequestType = "Approve"
	// RequestDeleteMissing confirms that a vanished spec was meant to go.
	RequestDeleteMissing RequestType = "DeleteMissing"
	// RequestRebalance moves the replicas of Keys to their fair shares, once.
	RequestRebalance RequestType = "Rebalance"
	// RequestAcceptRestore goes on with a bucket that was restored to an earlier
	// state: revisions and epoch jump over all that members have seen.
	RequestAcceptRestore RequestType = "AcceptRestore"
	// RequestRebind binds the name Cluster to the member MemberUID.
	RequestRebind RequestType = "Rebind"
	// RequestAcceptMember lets the agent of Cluster go on in a member that was
	// restored from a backup.
	RequestAcceptMember RequestType = "AcceptMember"
	// RequestUnregister is kept for whoever asks later who removed Edge: nobody
	// acts on it.
	RequestUnregister RequestType = "Unregister"
)

// Request is requests/<id>.json: a user's word that is not a spec.
type Request struct {
	ID     string      `json:"id"`
	Type   RequestType `json:"type"`
	Author string      `json:"author,omitempty"`
	Reason string      `json:"reason,omitempty"`
	Time   time.Time   `json:"time"`
	// Keys the request is about. Approve with none means all that is held.
	Keys []Key `json:"keys,omitempty"`
	// UIDs of the specs, in the order of Keys, where the user knew them.
	UIDs []types.UID `json:"uids,omitempty"`
	// Cluster limits an approval to one member.
	Cluster string `json:"cluster,omitempty"`
	// Edge of an Unregister.
	Edge string `json:"edge,omitempty"`
	// MemberUID of a Rebind.
	MemberUID string `json:"memberUID,omitempty"`
	// Propagation of a DeleteMissing.
	Propagation Propagation `json:"propagation,omitempty"`
}

// Bell is the object `bell`: what was written just before it was rung.
type Bell struct {
	// Nonce makes two rings differ.
	Nonce string `json:"nonce"`
	// Changed maps bucket keys to the generations just written; 0 is a delete.
	Changed map[string]int64 `json:"changed,omitempty"`
}

// InvalidPath is an object under specs/ whose path names no spec, or whose
// size is over the limit.
type InvalidPath struct {
	Path       string
	Generation int64
	Message    string
}

// Snapshot is the users' side of a bucket at one moment.
type Snapshot struct {
	Federation *Federation
	Clusters   []Cluster    // by name
	Specs      []SpecRecord // by key, bodies read
	Invalid    []InvalidPath
	Requests   []Request // by ID
	// Unread are specs that are listed but could not be read just now.
	Unread map[Key]error
}

// Unusable says of an error of the bucket that what it holds is wrong: asking
// again will not make it better.
func Unusable(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsRequestEntityTooLargeError(err)
}
