package follow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Mark is what a member itself remembers of the revisions taken over. The zero
// Mark is none.
type Mark struct {
	Cluster    string    `json:"cluster"`
	ClusterUID types.UID `json:"clusterUID"`
	Revision   int64     `json:"revision"`
	Epoch      int64     `json:"epoch"`
	// SHA256 of the revision's stored bytes.
	SHA256 string `json:"sha256,omitempty"`
}

// Memory is kept by the member's API server: one that was restored from a
// backup remembers less than the bucket does. Errors are those of
// k8s.io/apimachinery/pkg/api/errors; Forbidden means that there is none to be
// had.
type Memory interface {
	Recall(ctx context.Context) (Mark, error)
	Store(ctx context.Context, m Mark) error
}

const (
	// recallEvery is how often the member is asked, recallLimit how long it may
	// take.
	recallEvery = 2 * time.Second
	recallLimit = 2 * time.Second
	// sureFor is how long an answer is relied on. It is shorter than any restore
	// of an API server's store takes, so that nothing is written between the
	// restore and the next answer.
	sureFor = 5 * time.Second
	// storeEvery is how often the member is told of new revisions.
	storeEvery = 10 * time.Second
	// refusedFor is how long a member that was known to remember must refuse to
	// answer before that is believed: an API server that has just started, perhaps
	// with a backup, refuses everything until it knows who may do what.
	refusedFor = time.Minute
)

var (
	// ErrBoundElsewhere: the member takes part in the federation under another
	// name.
	ErrBoundElsewhere = errors.New("this cluster is a member under another name")
	// errForgot: the member remembers something else than it did.
	errForgot = errors.New("the member's memory has changed")
)

// keeper holds the member's memory against the bucket's. A memory that is
// missing raises no alarm: somebody may have removed it, and it is written
// again. One that went back does.
type keeper struct {
	memory Memory
	id     Identity
	clock  clock.WithTicker
	hurry  chan struct{}
	// changed is poked when waiting may answer differently.
	changed chan struct{}

	mu        sync.Mutex
	off       bool      // there is no memory to be had
	sure      time.Time // when an answer was last asked for that came
	refused   time.Time // since when it refuses to answer; zero while it does not
	stored    Mark      // what the member was last known to remember
	storedAt  time.Time
	noted     int64  // the highest revision that it was ever known to remember
	restored  string // why nothing is applied; empty while all is well
	accepting bool   // a user said to go on; to be stored first
}

// newKeeper asks the member what it remembers. found is the cluster's heartbeat,
// or nil.
func newKeeper(ctx context.Context, memory Memory, id Identity, c clock.WithTicker, found *v1alpha1.Heartbeat) *keeper {
	k := &keeper{memory: memory, id: id, clock: c, off: memory == nil, hurry: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
	if found != nil && found.ClusterUID == id.ClusterUID && found.MemberUID == id.MemberUID {
		k.noted = found.Noted
	}
	if k.off {
		return k
	}
	asked := c.Now()
	m, err := k.recall(ctx)
	if err != nil {
		k.unanswered(ctx, err)
		return k
	}
	if k.sure = asked; m.ClusterUID != id.ClusterUID {
		return k // none, or of an earlier life
	}
	if k.stored = m; m.Revision < k.noted {
		k.restored = fmt.Sprintf("the cluster's API server remembers revision %d, but its agent had taken over %d: it was restored from an earlier backup, and nothing is changed in it until `kubectl fed recover cluster %s --accept-member` says so",
			m.Revision, k.noted, id.Cluster)
		logf.FromContext(ctx).Info("the member was restored from a backup; nothing is applied", "remembers", m.Revision, "takenOver", k.noted)
	}
	k.noted = max(k.noted, m.Revision)
	return k
}

func (k *keeper) recall(ctx context.Context) (Mark, error) {
	ctx, cancel := context.WithTimeout(ctx, recallLimit)
	defer cancel()
	return k.memory.Recall(ctx)
}

// unanswered notes a failure; without permission there is no memory.
func (k *keeper) unanswered(ctx context.Context, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !apierrors.IsForbidden(err) {
		k.refused = time.Time{}
		return
	}
	if k.refused.IsZero() {
		k.refused = k.clock.Now()
	}
	if remembered := !k.sure.IsZero() || k.noted > 0; remembered && k.clock.Since(k.refused) < refusedFor {
		return
	}
	logf.FromContext(ctx).Info("the agent may not keep Leases in its namespace: a cluster restored from a backup will not be noticed", "error", err.Error())
	k.off = true
}

// trusted says whether the member may be written to.
func (k *keeper) trusted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.off || k.restored == "" && !k.sure.IsZero() && k.clock.Since(k.sure) < sureFor
}

// waiting is why nothing is applied.
func (k *keeper) waiting() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.restored
}

func (k *keeper) remembered() (noted int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.noted
}

// accept goes on by a user's word, as soon as the member remembers that.
func (k *keeper) accept() {
	k.mu.Lock()
	k.accepting = true
	k.mu.Unlock()
	poke(k.hurry)
}

// run asks and tells the member until the context ends or it remembers
// something else than it did.
func (k *keeper) run(ctx context.Context, taken func() Mark) error {
	for ctx.Err() == nil && !k.disabled() {
		if err := k.check(ctx); err != nil {
			return err
		}
		k.keep(ctx, taken())
		timer := k.clock.NewTimer(recallEvery)
		select {
		case <-ctx.Done():
		case <-k.hurry:
		case <-timer.C():
		}
		timer.Stop()
	}
	if ctx.Err() != nil && k.trusted() { // so that the next process finds it up to date
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), recallLimit)
		defer cancel()
		k.mu.Lock()
		k.storedAt = time.Time{}
		k.mu.Unlock()
		k.keep(last, taken())
	}
	return nil
}

func (k *keeper) disabled() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.off
}

// check compares what the member remembers with what it did before.
func (k *keeper) check(ctx context.Context) error {
	asked := k.clock.Now()
	m, err := k.recall(ctx)
	if err != nil {
		k.unanswered(ctx, err)
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = time.Time{}
	first := k.sure.IsZero()
	ours := m.ClusterUID == k.id.ClusterUID
	switch {
	case first && ours:
		return fmt.Errorf("%w: it answers only now", errForgot) // begin anew, knowing it
	case ours && m.Revision < k.stored.Revision:
		k.sure = time.Time{}
		return fmt.Errorf("%w: it remembers revision %d, and remembered %d before", errForgot, m.Revision, k.stored.Revision)
	case !ours && m.ClusterUID != "" && k.stored.ClusterUID == k.id.ClusterUID:
		k.sure = time.Time{}
		return fmt.Errorf("%w: %q has taken over", ErrBoundElsewhere, m.Cluster)
	case m.ClusterUID == "":
		k.stored, k.storedAt = Mark{}, time.Time{} // somebody removed it
	}
	k.sure = asked
	return nil
}

// keep tells the member of a newer revision, unless it is too soon.
func (k *keeper) keep(ctx context.Context, m Mark) {
	k.mu.Lock()
	due := m.Revision > k.stored.Revision && k.clock.Since(k.storedAt) >= storeEvery && (k.restored == "" || k.accepting)
	due = due && !k.sure.IsZero() && k.clock.Since(k.sure) < sureFor && !k.off
	k.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recallLimit)
	defer cancel()
	if err := k.memory.Store(ctx, m); err != nil {
		logf.FromContext(ctx).V(1).Info("the member cannot be told what was taken over", "error", err.Error())
		return
	}
	k.mu.Lock()
	k.stored, k.storedAt, k.noted = m, k.clock.Now(), m.Revision
	if k.accepting {
		k.restored, k.accepting = "", false
	}
	k.mu.Unlock()
	poke(k.changed)
}
