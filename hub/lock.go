package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lockCall bounds one call on the lease: a slow bucket must not make a leader
// believe in a lease that has run out.
const lockCall = 2 * time.Second

// Lock is the lease leader/lease.json as client-go's leader election takes it.
// It is never deleted; who leaves it writes an empty holder.
type Lock struct {
	store    *Store
	identity string

	mu         sync.Mutex
	generation int64
	held       resourcelock.LeaderElectionRecord
	renewed    time.Time // this process's monotonic clock, before the write
	// rewound is the generation of a record that names us but is older than
	// what we wrote; raised the least that transitions are to be.
	rewound int64
	raised  int
}

var _ resourcelock.Interface = (*Lock)(nil)

// NewLock returns the lease for one candidate; identity is unique per process.
func NewLock(s *Store, identity string) *Lock {
	return &Lock{store: s, identity: identity}
}

// Epoch is the lease's transition count, from 1, while this candidate holds
// it; 0 otherwise.
func (l *Lock) Epoch() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held.HolderIdentity != l.identity {
		return 0
	}
	return int64(l.held.LeaderTransitions) + 1
}

// Remaining is how long the lease is surely ours; 0 when it is not. It counts
// from before the last renewal was sent, on this process's clock alone.
func (l *Lock) Remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held.HolderIdentity != l.identity {
		return 0
	}
	lease := time.Duration(l.held.LeaseDurationSeconds) * time.Second
	return max(0, lease-time.Since(l.renewed))
}

// Get implements resourcelock.Interface.
func (l *Lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, lockCall)
	defer cancel()
	r := &resourcelock.LeaderElectionRecord{}
	o, err := l.store.readJSON(ctx, own("leases", "leader"), leasePath, r)
	if err != nil {
		return nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation = o.Generation
	if l.disown(r, o.Generation) {
		o.Body = append(o.Body, '\n') // the election compares bytes
	}
	if r.HolderIdentity != l.identity {
		l.held = *r
	}
	return r, o.Body, nil
}

// disown makes a record of ours that is older than what we wrote somebody
// else's: the bucket was restored, and whoever led before must lose the lease
// and begin anew with what the bucket holds now.
func (l *Lock) disown(r *resourcelock.LeaderElectionRecord, generation int64) bool {
	if r.HolderIdentity != l.identity {
		return false
	}
	if l.held.HolderIdentity == l.identity {
		wrote := l.held.RenewTime.Truncate(time.Second) // as it is stored
		if r.RenewTime.Time.Before(wrote) || r.LeaderTransitions < l.held.LeaderTransitions {
			l.rewound = generation
		}
	}
	if l.rewound != generation {
		return false
	}
	r.HolderIdentity += " before the bucket was restored"
	return true
}

// Raise makes every later epoch, and that of this lease, greater than above. It
// fails if the lease is not held.
func (l *Lock) Raise(ctx context.Context, above int64) error {
	l.mu.Lock()
	r, generation := l.held, l.generation
	l.mu.Unlock()
	if r.HolderIdentity != l.identity {
		return errors.New("raise the epoch: the lease is not held")
	}
	if above < 0 || above > mostEpoch {
		return fmt.Errorf("raise the epoch above %d: want 0 to %d", above, int64(mostEpoch))
	}
	r.LeaderTransitions = max(r.LeaderTransitions, int(above))
	if err := l.write(ctx, r, generation); err != nil {
		return fmt.Errorf("raise the epoch: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raised = r.LeaderTransitions
	return nil
}

// mostEpoch is more than any federation can come to by itself.
const mostEpoch = 1 << 30

// Create implements resourcelock.Interface. NotFound means that there is no
// federation to lead: a candidate must not leave a lease in a bucket that was
// emptied under it.
func (l *Lock) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	ctx, cancel := context.WithTimeout(ctx, lockCall)
	defer cancel()
	if _, err := l.store.bucket.Read(ctx, federationPath, 0); err != nil {
		return own("federations", federationPath).apiError(err)
	}
	return l.write(ctx, r, 0)
}

// Update implements resourcelock.Interface.
func (l *Lock) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	l.mu.Lock()
	generation := l.generation
	l.mu.Unlock()
	if generation == 0 {
		return fmt.Errorf("update lease: it was never read")
	}
	return l.write(ctx, r, generation)
}

func (l *Lock) write(ctx context.Context, r resourcelock.LeaderElectionRecord, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, lockCall)
	defer cancel()
	l.mu.Lock()
	r.LeaderTransitions = max(r.LeaderTransitions, l.raised) // the election knows nothing of it
	l.mu.Unlock()
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode lease: %w", err)
	}
	sent := time.Now()
	gen, err := l.store.bucket.Write(ctx, leasePath, body, WriteOptions{IfGeneration: &generation})
	if err != nil {
		return own("leases", "leader").apiError(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation, l.held, l.renewed = gen, r, sent
	return nil
}

// RecordEvent implements resourcelock.Interface; the caller's log tells.
func (l *Lock) RecordEvent(string) {}

// Identity implements resourcelock.Interface.
func (l *Lock) Identity() string { return l.identity }

// Describe implements resourcelock.Interface.
func (l *Lock) Describe() string { return leasePath }

// LeaseHolder tells who leads and when the lease was last renewed, on the
// holder's clock. An empty holder has left.
func (s *Store) LeaseHolder(ctx context.Context) (string, metav1.Time, error) {
	r := &resourcelock.LeaderElectionRecord{}
	if _, err := s.readJSON(ctx, own("leases", "leader"), leasePath, r); err != nil {
		return "", metav1.Time{}, err
	}
	return r.HolderIdentity, r.RenewTime, nil
}
