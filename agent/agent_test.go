package agent

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestAdmit(t *testing.T) {
	f := &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "fu"}, Spec: v1alpha1.FederationSpec{LayoutVersion: 1}}
	newer := &v1alpha1.Federation{Spec: v1alpha1.FederationSpec{LayoutVersion: v1alpha1.LayoutVersion + 1}}
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c", UID: "cu"}, Spec: v1alpha1.ClusterSpec{MemberUID: "m"}}
	for name, tc := range map[string]struct {
		told       Config
		federation *v1alpha1.Federation
		want       string
	}{
		"told nothing":         {Config{Cluster: "c"}, f, ""},
		"told the truth":       {Config{Cluster: "c", FederationUID: "fu", ClusterUID: "cu"}, f, ""},
		"another federation":   {Config{Cluster: "c", FederationUID: "x"}, f, "right bucket"},
		"joined again":         {Config{Cluster: "c", ClusterUID: "x"}, f, "joined again"},
		"a bucket from future": {Config{Cluster: "c"}, newer, "upgrade the agent"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := admit(&tc.told, tc.federation, c)
			if tc.want == "" {
				if err != nil || m.federation != "fu" || m.cluster != "cu" || m.memberUID != "m" {
					t.Errorf("%+v, %v", m, err)
				}
				return
			}
			if !errors.Is(err, errFatal) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want a fatal error with %q", err, tc.want)
			}
		})
	}
}

func TestLeaseName(t *testing.T) {
	if a, b := leaseName("c", "11111111-a"), leaseName("c", "22222222-b"); a == b {
		t.Errorf("two federations share the Lease %s", a)
	}
	long := leaseName(strings.Repeat("x", 80), types.UID("11111111-a"))
	if len(long) > maxLeaseName {
		t.Errorf("%d characters", len(long))
	}
}

// fakeLease is the Lease of one cluster, as several replicas see it.
type fakeLease struct {
	mu     sync.Mutex
	record *resourcelock.LeaderElectionRecord
}

// fakeLock is one replica's way to it.
type fakeLock struct {
	lease    *fakeLease
	identity string
	away     bool
}

var errAway = errors.New("connection refused")

func (l *fakeLock) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	l.lease.mu.Lock()
	defer l.lease.mu.Unlock()
	if l.away {
		return nil, nil, errAway
	}
	if l.lease.record == nil {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, "l")
	}
	r := *l.lease.record
	return &r, []byte(r.HolderIdentity + r.RenewTime.String()), nil
}

func (l *fakeLock) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.Update(ctx, r)
}

func (l *fakeLock) Update(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	l.lease.mu.Lock()
	defer l.lease.mu.Unlock()
	if l.away {
		return errAway
	}
	l.lease.record = &r
	return nil
}

func (l *fakeLock) setAway(away bool) {
	l.lease.mu.Lock()
	defer l.lease.mu.Unlock()
	l.away = away
}

func (l *fakeLock) RecordEvent(string) {}
func (l *fakeLock) Identity() string   { return l.identity }
func (l *fakeLock) Describe() string   { return "lease" }

// replica stands for election in a test.
type replica struct {
	election *election
	lock     *fakeLock
	mu       sync.Mutex
	working  bool
	stop     context.CancelFunc
	ended    chan error
	fail     chan error
}

func stand(lease *fakeLease, identity string) *replica {
	lock := &fakeLock{lease: lease, identity: identity}
	r := &replica{election: &election{lock: lock}, lock: lock, ended: make(chan error, 1), fail: make(chan error)}
	ctx, cancel := context.WithCancel(logf.IntoContext(context.Background(), logr.Discard()))
	r.stop = cancel
	go func() { r.ended <- r.election.run(ctx, r.serve) }()
	return r
}

func (r *replica) serve(ctx context.Context) error {
	r.set(true)
	defer r.set(false)
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.fail:
		return err
	}
}

func (r *replica) set(working bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working = working
}

func (r *replica) works() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.working
}

func (r *replica) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestOneReplicaWorksAndHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lease := &fakeLease{}
		a := stand(lease, "a")
		pass(time.Second)
		b := stand(lease, "b")
		pass(time.Minute)
		if !a.works() || !a.election.holds() || b.works() || b.election.holds() {
			t.Fatalf("a works %v, b works %v", a.works(), b.works())
		}
		a.end(t)
		pass(2 * retryPeriod)
		if !b.works() || !b.election.holds() {
			t.Error("b did not take over within two retries of a's release")
		}
		b.end(t)
	})
}

func TestAnOutageEndsNoReplicasWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lease := &fakeLease{}
		a := stand(lease, "a")
		pass(time.Minute)
		a.lock.setAway(true)
		pass(3 * time.Minute)
		if !a.works() {
			t.Error("stopped although nobody else can have taken the Lease")
		}
		if a.election.holds() {
			t.Error("would write without a valid Lease")
		}
		a.lock.setAway(false)
		pass(3 * retryPeriod)
		if !a.works() || !a.election.holds() {
			t.Errorf("after the outage: works %v, holds %v", a.works(), a.election.holds())
		}
		a.end(t)
	})
}

func TestAReplicaCutOffStopsWhenItSeesTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lease := &fakeLease{}
		a := stand(lease, "a")
		pass(time.Second)
		b := stand(lease, "b")
		pass(time.Minute)
		a.lock.setAway(true)
		pass(time.Minute)
		if !b.works() || a.election.holds() {
			t.Errorf("b works %v, a holds %v", b.works(), a.election.holds())
		}
		a.lock.setAway(false)
		pass(time.Minute)
		if a.works() || !b.works() {
			t.Errorf("a works %v, b works %v", a.works(), b.works())
		}
		b.end(t)
		pass(3 * retryPeriod)
		if !a.works() {
			t.Error("a does not come back when b is gone")
		}
		a.end(t)
	})
}

func TestOldNewsDoesNotEndATerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		working := true
		tm := &term{parent: ctx, failed: make(chan error, 1), serve: func(ctx context.Context) error {
			<-ctx.Done()
			working = false
			return nil
		}}
		tm.begin()
		tm.endUnless(func() bool { return true })
		synctest.Wait()
		if !working {
			t.Error("a callback that came late ended the work of the Lease's holder")
		}
		tm.end()
		if working {
			t.Error("still working")
		}
	})
}

func TestAFatalErrorEndsTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stand(&fakeLease{}, "a")
		pass(time.Second)
		a.fail <- errFatal
		if err := <-a.ended; !errors.Is(err, errFatal) {
			t.Errorf("ended with %v", err)
		}
		a.stop()
	})
}
