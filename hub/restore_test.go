package hub_test

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// leased is a federation whose lease one candidate holds.
func leased(t *testing.T) (*hub.Store, *counting, *hub.Lock, resourcelock.LeaderElectionRecord) {
	t.Helper()
	store, bucket := newStore(t)
	if err := store.CreateFederation(t.Context(), &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "u"}}); err != nil {
		t.Fatal(err)
	}
	lock := hub.NewLock(store, "one")
	r := resourcelock.LeaderElectionRecord{HolderIdentity: "one", LeaseDurationSeconds: 15, LeaderTransitions: 3, RenewTime: metav1.Now()}
	if err := lock.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return store, bucket, lock, r
}

func TestRaisedEpochSurvivesTheElectionThatDoesNotKnowOfIt(t *testing.T) {
	store, _, lock, r := leased(t)
	ctx := t.Context()
	if err := lock.Raise(ctx, 40); err != nil || lock.Epoch() != 41 {
		t.Fatalf("epoch %d, %v", lock.Epoch(), err)
	}
	if err := lock.Update(ctx, r); err != nil || lock.Epoch() != 41 {
		t.Fatalf("renewed with the old count: epoch %d, %v", lock.Epoch(), err)
	}
	if err := lock.Raise(ctx, 5); err != nil || lock.Epoch() != 41 {
		t.Errorf("raised to less: epoch %d, %v", lock.Epoch(), err)
	}
	r.HolderIdentity = ""
	if err := lock.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	next, _, err := hub.NewLock(store, "two").Get(ctx)
	if err != nil || next.LeaderTransitions != 40 {
		t.Errorf("left at %+v, %v", next, err)
	}
	if err := lock.Raise(ctx, 50); err == nil {
		t.Error("raised a lease that is not held")
	}
}

func TestEpochIsNotRaisedWithoutTheLeaseNorWithoutBounds(t *testing.T) {
	store, _, lock, r := leased(t)
	ctx := t.Context()
	if err := lock.Raise(ctx, 1<<40); err == nil {
		t.Error("raised above anything plausible")
	}
	other := hub.NewLock(store, "two")
	if _, _, err := other.Get(ctx); err != nil {
		t.Fatal(err)
	}
	r.HolderIdentity = "two"
	if err := other.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := lock.Raise(ctx, 40); !apierrors.IsConflict(err) {
		t.Errorf("raised after another took the lease: %v, want Conflict", err)
	}
}

func TestLeaseOfARestoredBucketIsLost(t *testing.T) {
	_, bucket, lock, r := leased(t)
	ctx := t.Context()
	yesterday, err := bucket.Read(ctx, "leader/lease.json", 0)
	if err != nil {
		t.Fatal(err)
	}
	// Seen again as it is, it is its own.
	if got, _, err := lock.Get(ctx); err != nil || got.HolderIdentity != "one" || lock.Epoch() != 4 {
		t.Fatalf("%+v, %v, epoch %d", got, err, lock.Epoch())
	}
	r.RenewTime = metav1.NewTime(r.RenewTime.Add(time.Minute))
	if err := lock.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Write(ctx, "leader/lease.json", yesterday.Body, hub.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, raw, err := lock.Get(ctx)
		if err != nil || got.HolderIdentity == "one" || got.HolderIdentity == "" || string(raw) == string(yesterday.Body) {
			t.Fatalf("%+v %q, %v", got, raw, err)
		}
		if lock.Epoch() != 0 || lock.Remaining() != 0 {
			t.Errorf("epoch %d, %v left", lock.Epoch(), lock.Remaining())
		}
	}
	// It can be won anew.
	r.LeaderTransitions = 4
	if err := lock.Update(ctx, r); err != nil || lock.Epoch() != 5 {
		t.Errorf("epoch %d, %v", lock.Epoch(), err)
	}
	if got, _, err := lock.Get(ctx); err != nil || got.HolderIdentity != "one" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClaimsAreNoHeartbeats(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	for _, agent := range []string{"x", "y"} { // whoever asked last
		if err := store.PutClaim(ctx, &v1alpha1.Heartbeat{Cluster: "c", MemberUID: "m-" + agent, Agent: agent}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.PutClaim(ctx, &v1alpha1.Heartbeat{Cluster: "../c"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a name that is none: %v", err)
	}
	claims, err := store.Claims(ctx)
	if err != nil || len(claims) != 1 || claims["c"].MemberUID != "m-y" {
		t.Errorf("claims %v, %v", claims, err)
	}
	if beats, err := store.Heartbeats(ctx); err != nil || len(beats) != 0 {
		t.Errorf("heartbeats %v, %v", beats, err)
	}
}
