package lead

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// sharedLease is the stored lease that candidates compete for.
type sharedLease struct {
	mu   sync.Mutex
	body []byte
}

// candidate is one process's view of it.
type candidate struct {
	shared   *sharedLease
	identity string

	mu      sync.Mutex
	read    []byte
	held    resourcelock.LeaderElectionRecord
	renewed time.Time
	broken  bool
}

func (c *candidate) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if c.broken {
		return nil, nil, errAway
	}
	if c.shared.body == nil {
		return nil, nil, notFound("lease")
	}
	r := &resourcelock.LeaderElectionRecord{}
	if err := json.Unmarshal(c.shared.body, r); err != nil {
		return nil, nil, err
	}
	c.read = c.shared.body
	return r, c.shared.body, nil
}

func (c *candidate) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return c.write(r, true)
}

func (c *candidate) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return c.write(r, false)
}

func (c *candidate) write(r resourcelock.LeaderElectionRecord, create bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if c.broken {
		return errAway
	}
	if create && c.shared.body != nil || !create && !bytes.Equal(c.read, c.shared.body) {
		return apierrors.NewConflict(res, "lease", errors.New("changed"))
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	c.shared.body, c.read, c.held, c.renewed = body, body, r, time.Now()
	return nil
}

func (c *candidate) RecordEvent(string) {}
func (c *candidate) Identity() string   { return c.identity }
func (c *candidate) Describe() string   { return "lease" }

func (c *candidate) Epoch() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.HolderIdentity != c.identity {
		return 0
	}
	return int64(c.held.LeaderTransitions) + 1
}

func (c *candidate) Raise(context.Context, int64) error { return errAway }

func (c *candidate) Remaining() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.HolderIdentity != c.identity {
		return 0
	}
	return max(0, time.Duration(c.held.LeaseDurationSeconds)*time.Second-time.Since(c.renewed))
}

// cut lets the candidate reach the lease no more.
func (c *candidate) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
}

type process struct {
	*Lead
	lock *candidate
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, b *bucket, shared *sharedLease, cluster string) *process {
	t.Helper()
	p := &process{lock: &candidate{shared: shared, identity: "agent-of-" + cluster}, done: make(chan error, 1)}
	l, err := New(Config{Cluster: cluster, Lock: p.lock, Snapshots: b, Store: b, Decode: decode})
	if err != nil {
		t.Fatal(err)
	}
	p.Lead = l
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	go func() { p.done <- l.Run(ctx) }()
	return p
}

func (p *process) end(t *testing.T) {
	t.Helper()
	p.stop()
	if err := <-p.done; err != nil {
		t.Error(err)
	}
}

func TestOneLeadsAndAnotherFollowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, shared := newBucket(t, "a", "b"), &sharedLease{}
		b.put(c1, "x", ringing)
		a := start(t, b, shared, "a")
		pass(5 * time.Second)
		other := start(t, b, shared, "b")
		pass(20 * time.Second)
		equal(t, "a leads", a.Leading(), true)
		equal(t, "b waits", other.Leading(), false)
		equal(t, "epoch", b.newest("a").Epoch, 1)

		// A graceful stop gives the lease up: no waiting for it to run out.
		a.end(t)
		equal(t, "a has stopped", a.Leading(), false)
		pass(6 * time.Second)
		equal(t, "b leads", other.Leading(), true)
		head := b.newest("a")
		equal(t, "by", head.Decision.Leader, "agent-of-b")
		if head.Epoch <= 1 {
			t.Errorf("epoch %d after 1", head.Epoch)
		}
		other.end(t)
	})
}

func TestLeaderThatCannotRenewStopsBeforeAnotherStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, shared := newBucket(t, "a", "b"), &sharedLease{}
		a := start(t, b, shared, "a")
		pass(5 * time.Second)
		other := start(t, b, shared, "b")
		pass(5 * time.Second)
		a.lock.cut()
		for range 300 {
			pass(100 * time.Millisecond)
			if a.Leading() && other.Leading() {
				t.Fatal("two lead at once")
			}
		}
		equal(t, "a leads", a.Leading(), false)
		equal(t, "b leads", other.Leading(), true)
		a.end(t)
		other.end(t)
	})
}

func TestOnlyEligibleClustersLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, shared := newBucket(t, "a", "b"), &sharedLease{}
		b.change("a", func(c *v1alpha1.Cluster) { c.Spec.LeaderEligible = false })
		a := start(t, b, shared, "a")
		pass(time.Minute)
		equal(t, "not eligible", a.Leading(), false)
		b.change("a", func(c *v1alpha1.Cluster) { c.Spec.LeaderEligible = true })
		pass(time.Minute)
		equal(t, "eligible", a.Leading(), true)
		b.setFail(func(call, _ string) error {
			if call == "Cluster" {
				return errAway
			}
			return nil
		})
		pass(2 * time.Minute)
		equal(t, "no answer changes nothing", a.Leading(), true)
		b.setFail(func(string, string) error { return nil })
		b.change("a", func(c *v1alpha1.Cluster) { c.Spec.Leaving = v1alpha1.LeavingOrphan })
		pass(time.Minute)
		equal(t, "leaving, it sees itself off", a.Leading(), true)
		b.locked(func() { delete(b.clusters, "a") })
		pass(time.Minute)
		equal(t, "gone", a.Leading(), false)
		a.end(t)
	})
}

// A destroyed federation's bucket stays empty: no lease, no status is written
// back into it.
func TestDestroyedFederationIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, shared := newBucket(t, "a"), &sharedLease{}
		b.put(c1, "x", ringing)
		a := start(t, b, shared, "a")
		pass(10 * time.Second)
		b.setFail(func(call, _ string) error {
			if call == "Snapshot" {
				return notFound("federation.yaml")
			}
			return nil
		})
		b.locked(func() { b.bell, b.rung = nil, 0; clear(b.clusters) })
		pass(time.Second)
		equal(t, "leading", a.Leading(), false)
		shared.mu.Lock()
		shared.body = nil
		shared.mu.Unlock()
		b.locked(func() { clear(b.calls) })
		pass(5 * time.Minute)
		b.locked(func() {
			for _, call := range []string{"AppendRevision", "PutObjectStatus", "PutClusterStatus", "PutVerdicts", "PutFederationStatus", "ForgetCluster"} {
				equal(t, call, b.calls[call], 0)
			}
		})
		equal(t, "lease", string(shared.body), "")
		a.end(t)
	})
}

func TestNewRefusesWhatIsIncomplete(t *testing.T) {
	if _, err := New(Config{Cluster: "a"}); err == nil {
		t.Error("a leader without a bucket was accepted")
	}
}
