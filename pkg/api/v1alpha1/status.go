package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ClusterState is what `get clusters` prints under STATUS.
type ClusterState string

const (
	// ClusterReady: beats, and its API server answers.
	ClusterReady ClusterState = "Ready"
	// ClusterNotReady: beats, but its API server does not answer, or two
	// agents claim its name.
	ClusterNotReady ClusterState = "NotReady"
	// ClusterStale: missed three heartbeats.
	ClusterStale ClusterState = "Stale"
	// ClusterCordoned: given nothing new.
	ClusterCordoned ClusterState = "Cordoned"
	// ClusterLeaving: unjoin is under way.
	ClusterLeaving ClusterState = "Leaving"
	// ClusterNever: joined, but no agent has reported yet.
	ClusterNever ClusterState = "Never"
)

// ClusterStatus is status/clusters/<name>.json.
type ClusterStatus struct {
	Cluster string       `json:"cluster"`
	UID     types.UID    `json:"uid"`
	State   ClusterState `json:"state"`
	// MemberUID is bound at the first heartbeat; another one's reports are
	// refused until `recover` says otherwise.
	MemberUID         string      `json:"memberUID,omitempty"`
	LastHeartbeat     metav1.Time `json:"lastHeartbeat,omitempty"`
	Region            string      `json:"region,omitempty"`
	Zones             []string    `json:"zones,omitempty"`
	AgentVersion      string      `json:"agentVersion,omitempty"`
	KubernetesVersion string      `json:"kubernetesVersion,omitempty"`
	// Revision is the newest planned, Applied the newest taken over.
	Revision int64 `json:"revision"`
	Applied  int64 `json:"applied"`
	// Objects counts the shard's objects; Unhealthy those not Current.
	Objects   int64 `json:"objects"`
	Unhealthy int64 `json:"unhealthy"`
	// Remaining counts what a leaving cluster has still to let go.
	Remaining int64 `json:"remaining,omitempty"`
	// Claim is a member that asks for the name and is refused; nil for none.
	Claim      *ClusterClaim      `json:"claim,omitempty"`
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	Resources  []MemberResource   `json:"resources,omitempty"`
	// Events are what was decided about the cluster, oldest first, at most twenty.
	Events []Event `json:"events,omitempty"`
}

// ClusterClaim is a member whose agent was told a cluster's name, and that is
// given nothing.
type ClusterClaim struct {
	MemberUID string `json:"memberUID"`
	Agent     string `json:"agent,omitempty"`
	// BoundTo is the name that the member is bound to already, if any.
	BoundTo string `json:"boundTo,omitempty"`
}

// Condition types of a Cluster, an object and the federation.
const (
	ConditionReady        = "Ready"
	ConditionNameConflict = "NameConflict"
	ConditionRefused      = "RevisionRefused"
	ConditionAPIServer    = "APIServerReachable"
	// ConditionPlaced: the object is in every cluster's shard that it is for.
	ConditionPlaced = "Placed"
	// ConditionAvailable: Current in every cluster that is not stale.
	ConditionAvailable = "Available"
	// ConditionHeld: the last good state is kept; the reason says why.
	ConditionHeld = "Held"
	// ConditionDeleting: tombstones are out and not all acknowledged.
	ConditionDeleting = "Deleting"
	// ConditionPlanning: the leader follows the specs; False while it holds.
	ConditionPlanning = "Planning"
	// ConditionFrozen: so many clusters are silent at once that health changes
	// nothing; users' writes go on.
	ConditionFrozen = "Frozen"
	// ConditionFailedOver: the cluster is taken for dead and its share runs elsewhere.
	ConditionFailedOver = "FailedOver"
	// ConditionMemberRestored: the member was restored from a backup; its agent
	// waits for a user's word.
	ConditionMemberRestored = "MemberRestored"
	// ConditionLeftovers: the member holds objects with the federation's mark that
	// are not in its shard.
	ConditionLeftovers = "Leftovers"
	// ConditionRollout: the newest change is in every cluster.
	ConditionRollout = "RolledOut"
)

// Reasons of events about clusters and the federation. Users see them.
const (
	// EventFailedOver: the cluster is taken for dead, its share runs elsewhere.
	EventFailedOver = "FailedOver"
	// EventReturned: it is trusted again.
	EventReturned = "Returned"
	// EventHolding: it is back, and given nothing new for a while.
	EventHolding = "Holding"
	// EventKept: it is silent, but probes reach its services.
	EventKept = "KeptThoughSilent"
	// EventFrozen and EventThawed: so many clusters are silent at once that
	// health moves nothing, and no longer.
	EventFrozen = "Frozen"
	EventThawed = "Thawed"
)

// Reasons of ConditionPlanning being False.
const (
	HaltBucket   = "BucketUnavailable"
	HaltRestored = "BucketRestored"
)

// Reasons of ConditionHeld.
const (
	HeldVanished    = "SpecVanished"
	HeldCorrupt     = "SpecInvalid"
	HeldNoNamespace = "NamespaceNotFound"
	HeldBudget      = "RemovalBudget"
	HeldSecret      = "SecretsRefused"
	// HeldPlacement: its Placement or an annotation about it cannot be followed.
	HeldPlacement = "PlacementInvalid"
	// HeldOverride: an override does not fit the object.
	HeldOverride = "OverrideInvalid"
)

// ObjectStatus is status/objects/<key>.json.
type ObjectStatus struct {
	Key Key `json:"key"`
	// UID and CreationTimestamp are given by the leader when it first sees
	// the spec and kept until a delete completes.
	UID               types.UID   `json:"uid"`
	CreationTimestamp metav1.Time `json:"creationTimestamp"`
	// Generation counts the spec's changes as the leader saw them.
	Generation int64 `json:"generation"`
	// SpecGeneration is the bucket generation that Generation stands for.
	SpecGeneration int64              `json:"specGeneration"`
	Conditions     []metav1.Condition `json:"conditions,omitempty"`
	// Placement is the name of the Placement that it follows, if any.
	Placement string `json:"placement,omitempty"`
	// Rollout is where the newest change is; nil when it goes everywhere at once.
	Rollout *RolloutStatus `json:"rollout,omitempty"`
	// Wanted is the number of replicas that was divided last; 0 where none was.
	Wanted int64 `json:"wanted,omitempty"`
	// Away are the clusters whose share runs elsewhere, and Stepped is when some
	// of it last went back gradually.
	Away    []string    `json:"away,omitempty"`
	Stepped metav1.Time `json:"stepped,omitzero"`
	// Counts are sums over the clusters that run the object.
	Counts    map[string]int64      `json:"counts,omitempty"`
	Addresses []string              `json:"addresses,omitempty"`
	Clusters  []ObjectClusterStatus `json:"clusters,omitempty"`
	Events    []Event               `json:"events,omitempty"`
}

// ObjectClusterStatus is what one cluster runs of an object.
type ObjectClusterStatus struct {
	Cluster string `json:"cluster"`
	// Replicas asked of this cluster, where the kind has any.
	Replicas *int64 `json:"replicas,omitempty"`
	Health   Health `json:"health"`
	Reason   string `json:"reason,omitempty"`
	Message  string `json:"message,omitempty"`
	// Synced: what this cluster reports stems from the newest spec.
	Synced bool `json:"synced"`
	// Stale: the cluster is silent; the rest is the last that was known.
	Stale     bool             `json:"stale,omitempty"`
	Counts    map[string]int64 `json:"counts,omitempty"`
	Addresses []string         `json:"addresses,omitempty"`
	Adopted   bool             `json:"adopted,omitempty"`
	// Why the cluster has what it has, in one line.
	Why string `json:"why,omitempty"`
}

// RolloutPhase is where a rollout is.
type RolloutPhase string

const (
	RolloutProgressing RolloutPhase = "Progressing" // a wave is under way
	RolloutWaiting     RolloutPhase = "Waiting"     // between two waves: for time or approval
	RolloutPaused      RolloutPhase = "Paused"      // by a user
	RolloutStopped     RolloutPhase = "Stopped"     // too many clusters failed
	RolloutUndone      RolloutPhase = "Undone"      // stopped and taken back
	RolloutComplete    RolloutPhase = "Complete"
)

// RolloutStatus is a rollout over clusters, as a leader hands it to the next.
type RolloutStatus struct {
	// Generation of the spec in the bucket that is being rolled out.
	Generation int64 `json:"generation"`
	// Hash names the content that is being rolled out: another generation with
	// the same content (a pause, a scaling) is the same rollout.
	Hash string `json:"hash"`
	// Base is the generation that was last rolled out completely; what an undo
	// goes back to. 0 when there is none.
	Base  int64        `json:"base,omitempty"`
	Phase RolloutPhase `json:"phase"`
	// Wave under way, from 0, of Waves.
	Wave  int64 `json:"wave"`
	Waves int64 `json:"waves"`
	// Awaiting is the wave that waits for a user's approval; nil for none.
	Awaiting *int64 `json:"awaiting,omitempty"`
	// Started is when the wave began, Healthy since when all of it is healthy.
	Started metav1.Time `json:"started,omitempty"`
	Healthy metav1.Time `json:"healthy,omitempty"`
	// Updated clusters have the new revision, Failed ones did not become healthy
	// with it, Skipped ones are silent and catch up when they are back.
	Updated []string `json:"updated,omitempty"`
	Failed  []string `json:"failed,omitempty"`
	Skipped []string `json:"skipped,omitempty"`
	// Since when each cluster that is not healthy yet has been waited for.
	Since   map[string]metav1.Time `json:"since,omitempty"`
	Message string                 `json:"message,omitempty"`
}

// FederationStatus is status/federation.json.
type FederationStatus struct {
	Leader string `json:"leader"`
	Epoch  int64  `json:"epoch"`
	// Time is the leader's clock at its last change of this status.
	Time       metav1.Time        `json:"time"`
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Held lists specs whose last good state is kept, and keys in specs/ that
	// cannot be read as one.
	Held []HeldSpec `json:"held,omitempty"`
	// Events are what was decided of all, oldest first, at most twenty.
	Events []Event `json:"events,omitempty"`
}

// HeldSpec is a spec the leader does not follow, and why.
type HeldSpec struct {
	// Path below specs/, as it is in the bucket.
	Path    string `json:"path"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Generation of the spec in the bucket; 0 when it vanished.
	Generation int64 `json:"generation"`
}
