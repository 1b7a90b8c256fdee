package plan

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// state is what becomes of a key.
type state int

const (
	// keep leaves every shard as it is.
	keep state = iota
	// follow places the spec.
	follow
	// remove sends tombstones.
	remove
)

// item is one key, and what was decided of it last.
type item struct {
	key    v1alpha1.Key
	own    Spec
	spec   *Spec // own, or nil
	broken *Broken
	// record it was decided with.
	record   Record
	recorded bool
	// prev has, per member, what it was given.
	prev []*Placed
	// seen is the pass that last had a spec or a fault of this key.
	seenSpec, seenBroken int64

	// took are the keys it took along when it was last decided.
	took []v1alpha1.Key
	// exposed: it is a Service that an Ingress names which the federation serves.
	exposed bool
	// dirty: something it depends on may have changed.
	dirty bool
	decision
}

// decision about one key.
type decision struct {
	state       state
	uid         types.UID
	held        string
	message     string
	propagation v1alpha1.Propagation
	intent      *intent
	placement   string

	// cells are per member.
	cells []cell
	// scaler is the autoscaler that has its replicas.
	scaler *item
	// divides: cells have targets.
	divides  bool
	wanted   int64
	unplaced int64
	moved    int64
	// weights of all members that it is divided over.
	weights int64
	rollout *v1alpha1.RolloutStatus
	undone  bool
	// stranded: only members taken for dead have it.
	stranded bool
	away     []string
	stepped  time.Time
	// waits: something is wanted and not done yet, so that reports and time matter.
	waits bool
	again time.Time
	// lingers: replicas are in clusters that are to have none.
	lingers bool
	// changed: some shard gets something else than it had.
	changed bool
	object  Object
	listed  bool
}

// cell is one object in one member.
type cell struct {
	stand stand
	why   why
	// may have the newest content.
	may  bool
	wave int
	// target is what it is to have in the end, given what it has with this plan.
	target, given int64
	// other is a Job's completions or an autoscaler's minimum.
	other int64
	// there: it is in the new shard.
	there bool
	next  *Placed
	note  string
}

// stand is what a member is to an object.
type stand int8

const (
	// out: not for it. What is there goes.
	out stand = iota
	// drained: what is there goes because a user asked for it.
	drained
	// keeps what it has, and is given nothing new.
	keeps
	// quiet: silent. Given nothing new while others have room.
	quiet
	// open to everything.
	open
	// frozen: taken for dead. What was given stays as it is.
	frozen
	// fixed: held by the budget.
	fixed
	// unread: its shard cannot be read.
	unread
)

// why is the reason behind a stand, for people.
type why int8

const (
	whySelected why = iota
	whyLeaving
	whyPolicy
	whyNamespace
	whyTaker
	whyScaler
	whyTaint
	whyCordoned
	whyDrained
	whyDomain
	whyUnnamed
	whyLost
	whyHolding
	whyStale
	whyWave
	whyOther
)

func (it *item) generation() int64 {
	switch {
	case it.spec != nil:
		return it.spec.Generation
	case it.broken != nil:
		return it.broken.Generation
	}
	return 0
}

func (it *item) hold(reason, message string) {
	it.state, it.held, it.message = keep, reason, message
}

// forget what was decided, keeping memory and what was rendered.
func (it *item) forget() {
	cells := it.cells
	clear(cells)
	it.decision = decision{intent: it.intent, scaler: it.scaler, cells: cells}
}

// nothing is left of the key.
func (it *item) gone() bool {
	if it.spec != nil || it.broken != nil || isPlacement(it.key) && it.recorded {
		return false
	}
	for _, o := range it.prev {
		if o != nil {
			return false
		}
	}
	return true
}
