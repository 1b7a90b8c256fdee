package lead

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// board is where the planner and the aggregator tell each other what they
// know. What is put up is never changed afterwards.
type board struct {
	mu      sync.Mutex
	planned planned
	health  health
	// bound are names that a user wants bound to another member.
	bound map[string]string
	// wake asks the planner to look now, stirred the aggregator to look soon.
	wake, stirred chan struct{}
}

// planned is what the planner holds true.
type planned struct {
	federation types.UID
	// failover is the federation's policy.
	failover v1alpha1.FailoverPolicy
	clusters []v1alpha1.Cluster // by name
	heads    map[string]head
	objects  []plan.Object // by key
	held     []v1alpha1.HeldSpec
	answered []string
	// waiting are objects that wait for what members report: for replacements
	// to be ready, for a wave to be healthy, for room.
	waiting map[v1alpha1.Key]bool
	// complete: there has been a plan in this term. Before, what has no place
	// in it is not known to be gone.
	complete bool
	// version tells two apart.
	version int64
	// followed is what users want served; nil before the first plan.
	followed *followed
	// failing is why the users' side cannot be read; empty while it can.
	failing string
}

// health is what the aggregator holds true.
type health struct {
	// verdicts as they are in the bucket: what is not kept has no effect.
	verdicts map[string]v1alpha1.ClusterVerdict
	// frozen: health moves nothing.
	frozen bool
	// limits are the capacities that were found, by cluster.
	limits map[string]map[v1alpha1.Key]int64
	// rows are the members' last words on their objects, by cluster; services
	// those among them that have addresses.
	rows     map[string]map[v1alpha1.Key]*v1alpha1.ObjectReport
	services map[string][]v1alpha1.Key
	// offers are how the Services of the members that have reported in this term
	// are reached.
	offers map[string]*offer
	// gone are acknowledged tombstones, by cluster.
	gone map[string]acknowledged
	// told is what is told of each cluster: where it is, if join did not say.
	told map[string]v1alpha1.ClusterStatus
	// corrupt is, per cluster, the revision its agent found corrupt.
	corrupt map[string]int64
	// refused is, per cluster, a revision beyond the last taken over that its
	// agent did not take.
	refused map[string]int64
	// waiting are clusters whose agents wait for a user's word.
	waiting map[string]bool
	// reached is how far each agent says that it came.
	reached map[string]reached
	// restored says what an agent has seen that the bucket does not hold;
	// empty while nothing of the kind is known.
	restored string
	// unchecked are clusters of which that could not be found out.
	unchecked map[string]bool
}

// acknowledged is what a report says is gone. It speaks of the revision that
// the agent had taken over.
type acknowledged struct {
	revision int64
	objects  map[v1alpha1.GoneObject]bool
}

func newBoard() *board {
	return &board{wake: make(chan struct{}, 1), stirred: make(chan struct{}, 1)}
}

func (b *board) plan() planned {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.planned
}

// setPlan changes what the planner says.
func (b *board) setPlan(change func(*planned)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.planned)
	b.planned.version++
}

func (b *board) healthy() health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health
}

func (b *board) setHealth(h health) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.health = h
}

// ring wakes the planner; rings that come while one is pending are one.
func (b *board) ring() { signal(b.wake) }

// stir tells the aggregator that members were given something new.
func (b *board) stir() { signal(b.stirred) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// head is the newest revision of a cluster's shard.
type head struct {
	revision int64
	digest   string
	shard    plan.Shard
	// buried is the revision that last added a tombstone, or the first of the
	// term. An acknowledgement from before it may be about an older one.
	buried int64
	// pruned is the revision at which old ones were last removed.
	pruned int64
}

// acknowledgedBy filters what a cluster says is gone.
func (h head) acknowledgedBy(a acknowledged) map[v1alpha1.GoneObject]bool {
	if a.revision < h.buried {
		return nil
	}
	return a.objects
}

// Periods of the loops.
const (
	bellEvery     = 250 * time.Millisecond
	snapshotEvery = 30 * time.Second
	// aggregateEvery while something happens, else idleEvery.
	aggregateEvery = time.Second
	idleEvery      = 3 * time.Second
)

// Limits of what is asked of the bucket at once.
const (
	callLimit     = 10 * time.Second
	snapshotLimit = 2 * time.Minute
)
