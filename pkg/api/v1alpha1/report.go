package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Heartbeat is reports/<cluster>/heartbeat. It is small, overwritten every ten
// seconds, and carried in the object's custom metadata too, so that one
// listing reads them all.
type Heartbeat struct {
	Cluster       string    `json:"cluster"`
	FederationUID types.UID `json:"federationUID"`
	ClusterUID    types.UID `json:"clusterUID"`
	// MemberUID is the UID of the member's kube-system namespace.
	MemberUID string `json:"memberUID"`
	// Agent is the identity of the process that beats, unique per start.
	Agent string `json:"agent"`
	// Time is the agent's clock, for people; freshness is judged by change.
	Time metav1.Time `json:"time"`
	// Sequence grows by one each beat of one agent process.
	Sequence int64 `json:"sequence"`
	// Revision and Epoch are the highest taken over.
	Revision int64 `json:"revision"`
	Epoch    int64 `json:"epoch"`
	// Report is the SHA-256 (hex) of report.json as last written.
	Report string `json:"report"`
	// Healthy says that the member's API server answers.
	Healthy bool `json:"healthy"`
	// Interval is how often this agent beats.
	Interval metav1.Duration `json:"interval"`
	// Probes are what this agent sees of other clusters, by name.
	Probes []ProbeResult `json:"probes,omitempty"`
	// Noted is the highest revision that the member itself is known to remember: a
	// member that remembers less was restored from a backup.
	Noted int64 `json:"noted,omitempty"`
	// Waiting is why the agent applies nothing until a user's word; empty while it
	// works.
	Waiting string `json:"waiting,omitempty"`
	// BoundTo is, in a claim, the name that the member is bound to already.
	BoundTo string `json:"boundTo,omitempty"`
}

// ProbeResult is one agent's view of another cluster.
type ProbeResult struct {
	Cluster string `json:"cluster"`
	// Alive: an address accepted a connection at the last try.
	Alive bool `json:"alive"`
	// Ever: this process, or the one before it, has once seen it alive. Who never
	// has says nothing about the other cluster, only about the way there.
	Ever bool `json:"ever"`
	// Failures in a row.
	Failures int64 `json:"failures,omitempty"`
}

// Report is reports/<cluster>/report.json: a member's state, written on change.
type Report struct {
	metav1.TypeMeta `json:",inline"`

	Cluster           string    `json:"cluster"`
	FederationUID     types.UID `json:"federationUID"`
	ClusterUID        types.UID `json:"clusterUID"`
	MemberUID         string    `json:"memberUID"`
	Agent             string    `json:"agent"`
	AgentVersion      string    `json:"agentVersion"`
	KubernetesVersion string    `json:"kubernetesVersion,omitempty"`
	Region            string    `json:"region,omitempty"`
	Zones             []string  `json:"zones,omitempty"`
	// NodeAddresses of ready nodes, external ones where there are any: where node
	// ports are reached.
	NodeAddresses []string `json:"nodeAddresses,omitempty"`
	// Sources (CIDR) are the addresses that connections from the member's pods
	// and nodes come from.
	Sources    []string           `json:"sources,omitempty"`
	Revision   int64              `json:"revision"`
	Epoch      int64              `json:"epoch"`
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	Objects    []ObjectReport     `json:"objects,omitempty"`
	// Gone acknowledges tombstones whose objects no longer exist.
	Gone []GoneObject `json:"gone,omitempty"`
	// Refused lists revisions passed over, newest last, at most ten.
	Refused []RefusedRevision `json:"refused,omitempty"`
	// Resources are served by the member beyond those every cluster has.
	Resources []MemberResource `json:"resources,omitempty"`
}

// Health of an object, as kstatus judges it.
type Health string

const (
	HealthCurrent     Health = "Current"
	HealthInProgress  Health = "InProgress"
	HealthFailed      Health = "Failed"
	HealthTerminating Health = "Terminating"
	HealthUnknown     Health = "Unknown"
)

// ObjectReport is the state of one object of the shard in one member.
type ObjectReport struct {
	Key Key       `json:"key"`
	UID types.UID `json:"uid"`
	// Generation is the spec generation that was last applied; 0 before.
	Generation int64  `json:"generation"`
	Health     Health `json:"health"`
	// Reason and Message explain anything but Current; an API server's refusal
	// is in its own words.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Counts are the integer fields at the top of the object's status.
	Counts map[string]int64 `json:"counts,omitempty"`
	// Unschedulable counts the pods of its current template that found no node
	// for over a minute.
	Unschedulable int64 `json:"unschedulable,omitempty"`
	// Addresses are the load-balancer addresses of the object's status.
	Addresses []string `json:"addresses,omitempty"`
	// Ports of a Service, in its order.
	Ports []ServicePortReport `json:"ports,omitempty"`
	// Adopted says that the object existed before the federation.
	Adopted bool `json:"adopted,omitempty"`
	// Events are the newest happenings, oldest first, at most ten.
	Events []Event `json:"events,omitempty"`
}

// ServicePortReport is one TCP port of a Service and what stands behind it.
type ServicePortReport struct {
	Name string `json:"name,omitempty"`
	Port int64  `json:"port"`
	// NodePort is 0 where there is none.
	NodePort int64 `json:"nodePort,omitempty"`
	// Ready endpoints.
	Ready int64 `json:"ready"`
	// Pods says that the agent was told that pods can be reached from outside the
	// cluster: Endpoints are then all that carriers go to, be there none.
	Pods bool `json:"pods,omitempty"`
	// Endpoints (host:port, sorted) that are ready, with Pods.
	Endpoints []string `json:"endpoints,omitempty"`
}

// Event is something that happened to an object, in the member or in the plan.
type Event struct {
	Type    string      `json:"type"` // Normal or Warning
	Reason  string      `json:"reason"`
	Message string      `json:"message"`
	Cluster string      `json:"cluster,omitempty"` // filled by the leader
	First   metav1.Time `json:"first"`
	Last    metav1.Time `json:"last"`
	Count   int64       `json:"count"`
}

// GoneObject acknowledges one tombstone.
type GoneObject struct {
	Key Key       `json:"key"`
	UID types.UID `json:"uid"`
}

// RefusedRevision is a revision an agent did not take over.
type RefusedRevision struct {
	Revision int64  `json:"revision"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

// MemberResource is a resource type a member serves.
type MemberResource struct {
	Group      string   `json:"group,omitempty"`
	Version    string   `json:"version"`
	Resource   string   `json:"resource"`
	Kind       string   `json:"kind"`
	Namespaced bool     `json:"namespaced"`
	ShortNames []string `json:"shortNames,omitempty"`
}

// Reasons an agent gives in reports. Users see them; do not rename.
const (
	ReasonApplied          = "Applied"
	ReasonAdopted          = "Adopted"
	ReasonDriftRepaired    = "DriftRepaired"
	ReasonFieldConflict    = "FieldConflict"
	ReasonForeignOwner     = "ForeignOwner"
	ReasonApplyRefused     = "ApplyRefused"
	ReasonAddressRefused   = "AddressRefused"
	ReasonDeleted          = "Deleted"
	ReasonOrphaned         = "Orphaned"
	ReasonFinalizers       = "WaitingForFinalizers"
	ReasonCorruptRevision  = "CorruptRevision"
	ReasonForeignRevision  = "ForeignRevision"
	ReasonStaleEpoch       = "StaleEpoch"
	ReasonAPIServerUnready = "APIServerUnreachable"
	// ReasonMemberRestored: the member's API server forgot what its agent had
	// taken over: it was restored from a backup.
	ReasonMemberRestored = "MemberRestored"
	// ReasonNameTaken: the name that an agent was told is another member's.
	ReasonNameTaken = "NameTaken"
	// ReasonMemberBoundElsewhere: the member takes part under another name.
	ReasonMemberBoundElsewhere = "MemberBoundElsewhere"
	// ReasonLeftovers: the member holds objects with the federation's mark that
	// nobody wants there, and that nobody has deleted.
	ReasonLeftovers = "MarkedButNotPlanned"
	// ReasonQuotaExceeded: a ResourceQuota keeps pods from being made.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonPodsRefused: an admission webhook or policy refuses the pods.
	ReasonPodsRefused = "PodsRefused"
)
