package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Placement says, for the objects of its namespace that it selects, which
// clusters run them and how: an object stays a plain manifest, the intent is
// beside it. It is kept under specs/ as any other object and is never placed
// in a member.
type Placement struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec PlacementSpec `json:"spec"`
}

// PlacementSpec is what is wanted. What it leaves out is decided by the
// object's own annotations (Federation v1's), and then by the defaults of its
// kind.
type PlacementSpec struct {
	// Objects that this is about: those that match any of the entries. Of
	// several Placements that select one object, the one that names it wins over
	// one that selects it by label, and that over one that selects its kind; among
	// equals the first by name.
	Objects []ObjectSelector `json:"objects"`
	// Clusters that may run the objects; absent means every cluster.
	Clusters *ClusterSelector `json:"clusters,omitempty"`
	// Preferred clusters come first in planner order among clusters of equal
	// weight: where only some can have an object, these have it.
	Preferred []ClusterPreferenceTerm `json:"preferred,omitempty"`
	// Tolerations let objects into clusters with matching taints.
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// Strategy is how the objects are spread; absent means the kind's default.
	Strategy Strategy `json:"strategy,omitempty"`
	// Replicas are weights and bounds per cluster, as in Federation v1's
	// annotations.
	Replicas *ReplicaPreferences `json:"replicas,omitempty"`
	// Spread limits what one region or zone may have.
	Spread []SpreadConstraint `json:"spread,omitempty"`
	// Overrides change the objects in some clusters, in this order.
	Overrides []Override `json:"overrides,omitempty"`
	// Rollout takes changes to the clusters in waves; absent: all at once.
	Rollout *Rollout `json:"rollout,omitempty"`
	// Failover says what becomes of a dead cluster's share.
	Failover *Failover `json:"failover,omitempty"`
	// Dependencies is "Follow" to take along, to the same clusters, the ConfigMaps,
	// Secrets, ServiceAccounts and claims that the objects name.
	Dependencies DependencyPolicy `json:"dependencies,omitempty"`
}

// ObjectSelector matches objects of the Placement's namespace.
type ObjectSelector struct {
	// Kind is required: Deployment. APIGroup is its group, empty for a kind of
	// Kubernetes' own; a custom resource needs it.
	APIGroup string `json:"apiGroup,omitempty"`
	Kind     string `json:"kind"`
	// Name selects one; LabelSelector those whose labels match; neither: all of the kind.
	Name          string                `json:"name,omitempty"`
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}

// ClusterSelector matches clusters: a cluster must match every field that is
// set, and any of a field's values. Empty matches every cluster.
type ClusterSelector struct {
	Names   []string `json:"names,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	Regions []string `json:"regions,omitempty"`
	Zones   []string `json:"zones,omitempty"`
	// LabelSelector is over the labels that join gave the cluster.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}

// ClusterPreferenceTerm prefers clusters; the weights of all terms that match a
// cluster are added up.
type ClusterPreferenceTerm struct {
	Weight   int64           `json:"weight"` // 1 to 100
	Clusters ClusterSelector `json:"clusters"`
}

// Toleration is as in Kubernetes; Operator is Equal (the default) or Exists.
type Toleration struct {
	Key      string `json:"key,omitempty"`
	Operator string `json:"operator,omitempty"`
	Value    string `json:"value,omitempty"`
	Effect   string `json:"effect,omitempty"`
}

// Effects of a cluster's taint.
const (
	// TaintNoSchedule gives the cluster nothing new that does not tolerate it.
	TaintNoSchedule = "NoSchedule"
	// TaintNoExecute moves away what is there and does not tolerate it, too.
	TaintNoExecute = "NoExecute"
)

// Strategy is how an object is spread over its clusters.
type Strategy string

const (
	// StrategyDivide divides replicas, a Job's parallelism and completions or an
	// autoscaler's minimum and maximum. Default of those kinds but StatefulSets.
	StrategyDivide Strategy = "Divide"
	// StrategyCopy gives every selected cluster the whole object. Default of
	// StatefulSets and of everything else but CronJobs.
	StrategyCopy Strategy = "Copy"
	// StrategyOne gives it to one cluster, the first in planner order, and to
	// another when that one dies. Default of CronJobs.
	StrategyOne Strategy = "One"
)

// ReplicaPreferences are also the JSON of Federation v1's annotations.
type ReplicaPreferences struct {
	// Rebalance moves running replicas to reach the fair shares. Otherwise only
	// what is added or removed is spread; `kubectl fed rebalance` moves once.
	Rebalance bool `json:"rebalance,omitempty"`
	// Clusters by name, or "*" for those without an entry of their own. Names
	// are matched exactly. A cluster with neither gets no replicas. An empty map
	// stands for {"*": {"weight": 1}}.
	Clusters map[string]ClusterPreferences `json:"clusters,omitempty"`
}

// ClusterPreferences are one cluster's weight and bounds.
type ClusterPreferences struct {
	MinReplicas int64  `json:"minReplicas,omitempty"`
	MaxReplicas *int64 `json:"maxReplicas,omitempty"`
	Weight      int64  `json:"weight,omitempty"`
}

// SpreadConstraint limits a failure domain.
type SpreadConstraint struct {
	// Topology is "region", "zone", or the key of a label of the clusters. A
	// cluster without a value is in a domain of its own.
	Topology string `json:"topology"`
	// MaxReplicas that the clusters of one domain may have together.
	MaxReplicas *int64 `json:"maxReplicas,omitempty"`
	// MaxClusters of one domain that may have the object.
	MaxClusters *int64 `json:"maxClusters,omitempty"`
}

// Override changes an object in the clusters it selects. Each part that is set
// must fit the object: what does not is an error, never silence.
type Override struct {
	// Clusters that it is for; absent: all.
	Clusters *ClusterSelector `json:"clusters,omitempty"`
	// Image changes container images.
	Image *ImageOverride `json:"image,omitempty"`
	// Env sets (or, with an empty list of values, never removes) variables.
	Env []EnvOverride `json:"env,omitempty"`
	// Resources sets requests and limits.
	Resources *ResourcesOverride `json:"resources,omitempty"`
	// Patch is a JSON patch (RFC 6902), applied last.
	Patch []PatchOperation `json:"patch,omitempty"`
}

// ImageOverride replaces parts of image references: registry/repository:tag.
type ImageOverride struct {
	// Container limits it to one (init) container; empty means all.
	Container  string `json:"container,omitempty"`
	Registry   string `json:"registry,omitempty"`
	Repository string `json:"repository,omitempty"`
	// Tag, or a digest that begins with "sha256:".
	Tag string `json:"tag,omitempty"`
}

// EnvOverride sets one variable.
type EnvOverride struct {
	Container string `json:"container,omitempty"` // empty means all
	Name      string `json:"name"`
	Value     string `json:"value"`
}

// ResourcesOverride sets quantities, leaving others as they are.
type ResourcesOverride struct {
	Container string            `json:"container,omitempty"` // empty means all
	Requests  map[string]string `json:"requests,omitempty"`
	Limits    map[string]string `json:"limits,omitempty"`
}

// PatchOperation is one of RFC 6902.
type PatchOperation struct {
	Op   string `json:"op"`
	Path string `json:"path"`
	From string `json:"from,omitempty"`
	// Value as JSON; null is a value.
	Value json.RawMessage `json:"value,omitempty"`
}

// Rollout takes a change of anything but replicas to the clusters in waves.
type Rollout struct {
	// Waves in order. Clusters that no wave selects come in a last one.
	Waves []Wave `json:"waves"`
	// MinHealthyTime is how long all clusters of a wave must have been healthy
	// before the next begins.
	MinHealthyTime metav1.Duration `json:"minHealthyTime,omitempty"`
	// MaxFailedClusters is how many may fail, in all, before the rollout stops.
	MaxFailedClusters int64 `json:"maxFailedClusters,omitempty"`
	// Deadline is how long one cluster may take to become healthy before it has
	// failed; 0 means 10 minutes.
	Deadline metav1.Duration `json:"deadline,omitempty"`
	// OnFailure is Stop (the default) or Undo: whether a rollout that stops is
	// left as it is, or taken back in the clusters that it reached.
	OnFailure RolloutFailurePolicy `json:"onFailure,omitempty"`
}

// Wave is a part of the clusters: exactly one field of Clusters and Percentage
// is set.
type Wave struct {
	Clusters *ClusterSelector `json:"clusters,omitempty"`
	// Percentage of all clusters of the object, counted from the first in
	// planner order and including the earlier waves: 10%, 50%, 100%.
	Percentage *intstr.IntOrString `json:"percentage,omitempty"`
	// Pause after the wave is healthy, beyond MinHealthyTime.
	Pause metav1.Duration `json:"pause,omitempty"`
	// Approval: the wave begins only once `kubectl fed rollout approve` says so.
	Approval bool `json:"approval,omitempty"`
}

// RolloutFailurePolicy says what a rollout that has failed does.
type RolloutFailurePolicy string

const (
	RolloutStop RolloutFailurePolicy = "Stop"
	RolloutUndo RolloutFailurePolicy = "Undo"
)

// DefaultRolloutDeadlineSeconds of Rollout.Deadline.
const DefaultRolloutDeadlineSeconds = 600

// Failover says what becomes of the share of a cluster taken for dead.
type Failover struct {
	// Move is whether it is run elsewhere meanwhile. Default: true for
	// Deployments, ReplicaSets, CronJobs and autoscalers, false for StatefulSets and Jobs.
	Move *bool `json:"move,omitempty"`
	// Return is how the cluster gets its share back; default Immediate.
	Return ReturnPolicy `json:"return,omitempty"`
}

// ReturnPolicy is how replicas go back to a cluster that has returned. None
// gives a replica up elsewhere before the returned cluster's is ready.
type ReturnPolicy string

const (
	// ReturnImmediate: as fast as its replicas become ready.
	ReturnImmediate ReturnPolicy = "Immediate"
	// ReturnGradual: at most a tenth of the object's replicas each minute.
	ReturnGradual ReturnPolicy = "Gradual"
	// ReturnNever: it keeps none of them; `kubectl fed rebalance` moves once.
	ReturnNever ReturnPolicy = "Never"
)

// DependencyPolicy says whether what an object names goes along.
type DependencyPolicy string

const (
	// DependenciesIgnore leaves what is named to its own placement. The default.
	DependenciesIgnore DependencyPolicy = "Ignore"
	// DependenciesFollow sends it where the object goes, and nowhere else unless
	// it has a Placement of its own.
	DependenciesFollow DependencyPolicy = "Follow"
)
