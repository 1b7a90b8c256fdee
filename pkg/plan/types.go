package plan

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Input is everything that a plan depends on. Slices may be in any order.
type Input struct {
	Federation *v1alpha1.Federation
	Clusters   []Cluster
	Specs      []Spec
	// Broken are specs that the bucket holds but that cannot be followed.
	Broken []Broken
	// Invalid are paths below specs/ that name no key.
	Invalid []v1alpha1.InvalidPath
	// Records are what was kept of every key by an earlier plan.
	Records map[v1alpha1.Key]Record
	// Addresses of the Ingresses that the federation serves; nil while they are
	// not known, which leaves what members were told before.
	Addresses map[v1alpha1.Key][]string
	// Requests that have not taken effect yet.
	Requests []v1alpha1.Request
	// Removals so far that no user's delete explains.
	Removals []v1alpha1.Removal
	Now      time.Time
	// Frozen: so many clusters are silent at once that health moves nothing.
	Frozen bool
	// Explain asks for Object.Places of every object, not only of those that
	// changed.
	Explain bool
	// Cache of decisions between plans; nil plans without one.
	Cache *Cache
}

// Cluster is one member as the planner sees it.
type Cluster struct {
	v1alpha1.Cluster
	// Stale: silent for too long. Its shard goes on following the users, but
	// nothing waits for it.
	Stale bool
	// Reported: an agent has reported at least once.
	Reported bool
	// Failed: taken for dead. What it was given stays frozen in its shard, and its
	// share is run elsewhere where that is wanted.
	Failed bool
	// Holding: it is back, but not trusted with anything new yet.
	Holding bool
	// Capacity is the most it was found able to run of an object; none: any number.
	Capacity map[v1alpha1.Key]int64
	// Reports is its last word on what it was given; nil where there is none.
	Reports map[v1alpha1.Key]*v1alpha1.ObjectReport
	// Published are the addresses (host:port, sorted) of its services, for the
	// others to probe.
	Published []string
	// Unknown: its previous shard cannot be read just now. It is given
	// nothing, and what depends on its share waits.
	Unknown bool
	// Previous is what it was given last; the zero Shard before the first.
	Previous Shard
	// Gone are the tombstones of Previous that it has acknowledged.
	Gone map[v1alpha1.GoneObject]bool
}

// NewCluster is a member as its verdict and what is told of it have it. Those of
// another member that had the name are passed over.
func NewCluster(c v1alpha1.Cluster, v v1alpha1.ClusterVerdict, told v1alpha1.ClusterStatus) Cluster {
	if told.UID == c.UID {
		c.Status = &told
	}
	if v.UID != c.UID {
		return Cluster{Cluster: c}
	}
	return Cluster{Cluster: c, Stale: v.Stale, Reported: v.Reported, Failed: v.Failed, Holding: v.Holding}
}

// Spec is a decoded spec.
type Spec struct {
	Key v1alpha1.Key
	// Generation is the bucket's, for equality only.
	Generation int64
	// Updated is when the spec was written, on the bucket's clock.
	Updated time.Time
	Object  *unstructured.Unstructured
	// Base is the object as it was at the generation Record.Rollout.Base: what an
	// undo goes back to. Nil when it is not needed or cannot be read.
	Base *unstructured.Unstructured
}

// Broken is a spec that is present but not to be followed as it is. What is
// placed stays as it is.
type Broken struct {
	Key        v1alpha1.Key
	Generation int64
	// Message says what is wrong with it. Empty means nothing is known to be
	// wrong: it could not be read just now, or is too young to be followed.
	Message string
}

// Record is what outlives a plan about one key.
type Record struct {
	UID     types.UID
	Created time.Time
	// Generation counts the spec's changes, from 1.
	Generation int64
	// SpecGeneration is the bucket generation it stands for.
	SpecGeneration int64
	// Rollout is where its newest change is; nil when it went everywhere at once.
	Rollout *v1alpha1.RolloutStatus
	// Stepped is when replicas last went back to a returned cluster, gradually.
	Stepped time.Time
	// Placement is the name of the one that decided last.
	Placement string
	// Wanted is the number of replicas that was divided last; 0 where that is not
	// known.
	Wanted int64
	// Away are the clusters, by name, whose share runs elsewhere because they were
	// taken for dead, until they have it back or have given it up.
	Away []string
}

// RecordOf reads back what an object's status keeps.
func RecordOf(st v1alpha1.ObjectStatus) Record {
	return Record{UID: st.UID, Created: st.CreationTimestamp.Time, Generation: st.Generation, SpecGeneration: st.SpecGeneration,
		Rollout: st.Rollout, Stepped: st.Stepped.Time, Placement: st.Placement, Wanted: st.Wanted, Away: st.Away}
}

// Output of a plan.
type Output struct {
	Clusters []ClusterPlan // by name; without the unknown ones
	Objects  []Object      // by key
	// Finished are specs whose delete is done everywhere it must be.
	Finished []Finished
	// Held by path.
	Held []v1alpha1.HeldSpec
	// Removals of the budget's window, these included.
	Removals []v1alpha1.Removal
	// Answered are the IDs of requests that take effect with this plan.
	Answered []string
	// Again is when time alone may change the plan; zero for never.
	Again time.Time
}

// ClusterPlan is what one member is to run.
type ClusterPlan struct {
	Name  string
	Shard Shard
	// Changed: Shard differs from the previous one.
	Changed bool
	// Reason is one line: what makes it differ.
	Reason string
	// Replicas of the divided objects that changed.
	Replicas map[v1alpha1.Key]v1alpha1.ReplicaDecision
	// Reasons of what changed, in one line each.
	Reasons map[v1alpha1.Key]string
}

// Finished names a spec to be removed from the bucket, at this generation
// only.
type Finished struct {
	Key        v1alpha1.Key
	Generation int64
}

// Object is what the plan holds of one key.
type Object struct {
	Key    v1alpha1.Key
	Record Record
	// Deleting: tombstones are out, or about to be.
	Deleting bool
	// Held is the reason (one of v1alpha1.Held…) why the spec is not followed.
	Held    string
	Message string
	// Clusters that have the object in their shard, and those that are to
	// acknowledge a tombstone of it.
	Clusters, Waiting []string
	// Skipped are clusters it would be for, were they not cordoned.
	Skipped []string
	// Wanted replicas in all, and those that no cluster could be given. Both 0
	// for what is not divided.
	Wanted, Unplaced int64
	// Moved counts replicas that leave one cluster for another.
	Moved int64
	// Placement is the name of the Placement that decides, if any.
	Placement string
	// Waits: something is wanted and not done yet, so that what members report may
	// bring it on.
	Waits bool
	// Places are all candidates in planner order, and those that have it still.
	// Filled for what changed and, with Input.Explain, for everything.
	Places []Place
}

// Action is what a plan does to an object in a cluster.
type Action string

const (
	ActionCreate Action = "create"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
	ActionNone   Action = "none"
	// ActionHold: something is wanted and waits: for a user's word, for a wave, for
	// the replacement to be ready.
	ActionHold Action = "hold"
)

// Place is one object in one cluster.
type Place struct {
	Cluster string
	Action  Action
	// Replicas it is to have in the end, and has been given so far; NoReplicas
	// where the kind has none or the strategy is Copy.
	Replicas, Current int64
	// Reason is one line.
	Reason string
}

// Conditions are the object's, without times.
func (o Object) Conditions() []metav1.Condition {
	list := []metav1.Condition{o.placed(), o.held(), o.deleting()}
	if o.Record.Rollout != nil {
		list = append(list, o.rolledOut())
	}
	return list
}
