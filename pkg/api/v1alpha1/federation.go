package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LayoutVersion is the bucket layout this release reads and writes.
const LayoutVersion = 1

// SecretPolicy says what becomes of Secrets handed to the federation.
type SecretPolicy string

const (
	// SecretsRefuse refuses them at submission. The default.
	SecretsRefuse SecretPolicy = "refuse"
	// SecretsPlaintext stores them readable to whoever reads the bucket.
	SecretsPlaintext SecretPolicy = "plaintext"
)

// Federation is federation.yaml, the root of a bucket.
type Federation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec FederationSpec `json:"spec"`
}

// FederationSpec holds what init was told.
type FederationSpec struct {
	// LayoutVersion of the bucket; an agent or plugin refuses a newer one.
	LayoutVersion int `json:"layoutVersion"`
	// DNSZone is the suffix of the names of federated Services: example.com.
	DNSZone string `json:"dnsZone,omitempty"`
	// DNSProvider and LoadBalancerProvider name who serves names and addresses.
	DNSProvider          string `json:"dnsProvider,omitempty"`
	LoadBalancerProvider string `json:"loadBalancerProvider,omitempty"`
	// Secrets is the policy for Secret objects.
	Secrets SecretPolicy `json:"secrets"`
	// KeepRevisions is how many of a cluster's newest revisions survive pruning.
	KeepRevisions int `json:"keepRevisions"`
	// Failover says when a silent cluster is taken for dead, and when one that
	// is back is trusted again.
	Failover FailoverPolicy `json:"failover,omitempty"`
}

// FailoverPolicy of a federation. Zero values mean the defaults.
type FailoverPolicy struct {
	// After is how long a cluster must have been silent, counted from its last
	// heartbeat, before its replicas are run elsewhere when no probe can tell
	// whether its services live. Default 2m, at least 5s.
	After metav1.Duration `json:"after,omitempty"`
	// Stable is how long a cluster that is back must go on beating before it
	// counts again; doubled with each flap, up to StableMost. Defaults 1m and 10m.
	Stable     metav1.Duration `json:"stable,omitempty"`
	StableMost metav1.Duration `json:"stableMost,omitempty"`
}

// Defaults of FederationSpec.
const DefaultKeepRevisions = 32

// Cluster is clusters/<name>.yaml: a member as join described it.
type Cluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ClusterSpec `json:"spec,omitempty"`
	// Status is filled from the leader's status when a Cluster is read by
	// people; it is never stored in clusters/.
	Status *ClusterStatus `json:"status,omitempty"`
}

// ClusterSpec is what is wanted of a member.
type ClusterSpec struct {
	// Region and Zones as the cloud names them: us-east1, us-east1-b.
	Region string   `json:"region,omitempty"`
	Zones  []string `json:"zones,omitempty"`
	// Taints keep objects away that do not tolerate them.
	Taints []Taint `json:"taints,omitempty"`
	// LeaderEligible members may hold the lease. Whoever leads can write every
	// member's shard: it is as trusted as an administrator of all of them.
	LeaderEligible bool `json:"leaderEligible,omitempty"`
	// AddressRanges (CIDR) limits the addresses the member may report.
	AddressRanges []string `json:"addressRanges,omitempty"`
	// Sources (CIDR) are the addresses that connections of the member's pods come
	// from, where it does not follow from its nodes' pod ranges; they are added to
	// what the member reports.
	Sources []string `json:"sources,omitempty"`
	// Coordinates of the member, for what is closest; by default its region's.
	Coordinates *Coordinates `json:"coordinates,omitempty"`
	// TrafficWeight, 0 to 100, is the part of the users' requests that come its
	// way which the member takes; nil for all. 0 drains it of traffic.
	TrafficWeight *int64 `json:"trafficWeight,omitempty"`
	// Cordoned members keep what they have and are given nothing new.
	Cordoned bool `json:"cordoned,omitempty"`
	// Drained members are cordoned, and what can run elsewhere is moved there.
	Drained bool `json:"drained,omitempty"`
	// Lost members are out of every count until they are uncordoned.
	Lost bool `json:"lost,omitempty"`
	// Leaving is set by unjoin and says what becomes of the member's objects.
	Leaving LeavingMode `json:"leaving,omitempty"`
	// MemberUID is the UID of the member's kube-system namespace where join
	// could read it: the identity that no renaming changes.
	MemberUID string `json:"memberUID,omitempty"`
}

// Taint is a cluster's taint; Effect is NoSchedule or NoExecute.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

// LeavingMode says what unjoin does with a member's objects.
type LeavingMode string

const (
	// LeavingOrphan keeps them, without our marks.
	LeavingOrphan LeavingMode = "Orphan"
	// LeavingDelete deletes them.
	LeavingDelete LeavingMode = "Delete"
)
