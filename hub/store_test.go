package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/file"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// counting counts a bucket's operations, and fails those it is told to.
type counting struct {
	hub.Bucket
	mu     sync.Mutex
	reads  []string
	writes []string
	fail   map[string]error // by key
}

func (c *counting) note(list *[]string, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, key)
	return c.fail[key]
}

func (c *counting) Read(ctx context.Context, key string, not int64) (*hub.Object, error) {
	if err := c.note(&c.reads, key); err != nil {
		return nil, err
	}
	return c.Bucket.Read(ctx, key, not)
}

func (c *counting) Write(ctx context.Context, key string, body []byte, o hub.WriteOptions) (int64, error) {
	if err := c.note(&c.writes, key); err != nil {
		return 0, err
	}
	return c.Bucket.Write(ctx, key, body, o)
}

func (c *counting) List(ctx context.Context, prefix, offset string) iter.Seq2[hub.Attrs, error] {
	if err := c.fail[prefix]; err != nil {
		return func(yield func(hub.Attrs, error) bool) { yield(hub.Attrs{}, err) }
	}
	return c.Bucket.List(ctx, prefix, offset)
}

func (c *counting) reset() { c.reads, c.writes = nil, nil }

func newStore(t *testing.T) (*hub.Store, *counting) {
	t.Helper()
	b, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := &counting{Bucket: b, fail: map[string]error{}}
	return hub.New(c), c
}

func key(i int) v1alpha1.Key {
	return v1alpha1.Key{Namespace: "default", Resource: "configmaps", Name: fmt.Sprintf("c-%05d", i)}
}

// shard of n objects of about size bytes each; edited gets other content.
func shard(revision int64, n, size, edited int) *v1alpha1.Shard {
	s := &v1alpha1.Shard{Revision: revision, Epoch: 1, Cluster: "a", FederationUID: "f", ClusterUID: "c",
		Decision: v1alpha1.Decision{Replicas: map[v1alpha1.Key]v1alpha1.ReplicaDecision{}}}
	for i := range n {
		text := strings.Repeat("x", size)
		if i == edited {
			text = strings.Repeat("y", size)
		}
		m, _ := json.Marshal(map[string]any{"data": map[string]string{"k": text}})
		s.Objects = append(s.Objects, v1alpha1.ShardObject{Key: key(i), UID: types.UID(fmt.Sprint(i)), Generation: 7, Manifest: m})
		s.Decision.Replicas[key(i)] = v1alpha1.ReplicaDecision{Wanted: int64(i), Clusters: map[string]int64{"a": int64(i)}}
	}
	return s
}

func TestRevisionRoundTrip(t *testing.T) {
	for name, s := range map[string]*v1alpha1.Shard{
		"empty":     shard(1, 0, 0, -1),
		"inline":    shard(1, 10, 100, -1),
		"split":     shard(1, 2000, 1000, -1),
		"one large": shard(1, 2, 900<<10, -1),
	} {
		t.Run(name, func(t *testing.T) {
			store, bucket := newStore(t)
			want, _ := json.Marshal(s)
			sha, err := store.AppendRevision(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			// Another process reads it: nothing is cached there.
			got, gotSHA, err := hub.New(bucket).Revision(t.Context(), "a", 1)
			if err != nil {
				t.Fatal(err)
			}
			if gotSHA != sha {
				t.Errorf("digest %s read, %s written", gotSHA, sha)
			}
			if have, _ := json.Marshal(got); string(have) != string(want) {
				t.Errorf("the shard read is not the shard written (%d and %d bytes)", len(have), len(want))
			}
		})
	}
}

func TestOneEditRewritesOnePart(t *testing.T) {
	store, bucket := newStore(t)
	if _, err := store.AppendRevision(t.Context(), shard(1, 5000, 1000, -1)); err != nil {
		t.Fatal(err)
	}
	bucket.reset()
	if _, err := store.AppendRevision(t.Context(), shard(2, 5000, 1000, 1234)); err != nil {
		t.Fatal(err)
	}
	if len(bucket.writes) != 2 {
		t.Fatalf("one edit wrote %d objects, want the part and the revision: %q", len(bucket.writes), bucket.writes)
	}
	total := 0
	for _, k := range bucket.writes {
		o, err := bucket.Bucket.Read(t.Context(), k, 0)
		if err != nil {
			t.Fatal(err)
		}
		total += len(o.Body)
	}
	const limit = 64 << 10
	if total > limit {
		t.Errorf("one edit among 5000 wrote %d bytes, at most %d are allowed", total, limit)
	}
}

func TestAppendIsCompareAndSwap(t *testing.T) {
	store, _ := newStore(t)
	if _, err := store.AppendRevision(t.Context(), shard(1, 1, 1, -1)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.AppendRevision(t.Context(), shard(1, 2, 1, -1)); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a second revision 1: got %v, want AlreadyExists", err)
	}
}

func TestRevisionErrors(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	if _, err := store.AppendRevision(ctx, shard(1, 2000, 1000, -1)); err != nil {
		t.Fatal(err)
	}
	const second = "shards/a/00000000000000000002.json"
	if _, err := bucket.Bucket.Write(ctx, second, []byte(`{"revision":2,"cluster":"b"}`), hub.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Revision(ctx, "a", 3); !apierrors.IsNotFound(err) {
		t.Errorf("missing: got %v, want NotFound", err)
	}
	if _, _, err := store.Revision(ctx, "a", 2); !apierrors.IsInvalid(err) {
		t.Errorf("another cluster's: got %v, want Invalid", err)
	}
	if _, _, err := store.Revision(ctx, "../x", 1); !apierrors.IsBadRequest(err) {
		t.Errorf("a name that leaves its prefix: got %v, want BadRequest", err)
	}
	for a, err := range bucket.Bucket.List(ctx, "shards/a/objects/", "") {
		if err != nil {
			t.Fatal(err)
		}
		if err := bucket.Bucket.Delete(ctx, a.Key, 0); err != nil {
			t.Fatal(err)
		}
		break
	}
	if _, _, err := hub.New(bucket).Revision(ctx, "a", 1); !apierrors.IsInvalid(err) {
		t.Errorf("a part is missing: got %v, want Invalid", err)
	}
	bucket.fail["shards/a/00000000000000000001.json"] = hub.ErrForbidden
	if _, _, err := store.Revision(ctx, "a", 1); !apierrors.IsForbidden(err) {
		t.Errorf("refused: got %v, want Forbidden", err)
	}
}

func TestPrune(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	for n := int64(1); n <= 5; n++ {
		if _, err := store.AppendRevision(ctx, shard(n, 1, 1, -1)); err != nil {
			t.Fatal(err)
		}
	}
	if removed, err := store.PruneRevisions(ctx, "a", 2); err != nil || removed != 3 {
		t.Errorf("removed %d, %v; want 3", removed, err)
	}
	if head, err := store.HeadRevision(ctx, "a"); err != nil || head != 5 {
		t.Errorf("head %d, %v; want 5", head, err)
	}
	if _, _, err := store.Revision(ctx, "a", 3); !apierrors.IsNotFound(err) {
		t.Errorf("revision 3: got %v, want NotFound", err)
	}
	if _, _, err := store.Revision(ctx, "a", 4); err != nil {
		t.Errorf("revision 4: %v", err)
	}
}

// aged makes everything in a bucket look an hour old.
type aged struct{ hub.Bucket }

func (b aged) List(ctx context.Context, prefix, offset string) iter.Seq2[hub.Attrs, error] {
	return func(yield func(hub.Attrs, error) bool) {
		for a, err := range b.Bucket.List(ctx, prefix, offset) {
			a.Updated = a.Updated.Add(-time.Hour)
			if !yield(a, err) {
				return
			}
		}
	}
}

func TestPrunedPartsAreWrittenAgain(t *testing.T) {
	_, bucket := newStore(t)
	store, ctx := hub.New(aged{bucket}), t.Context()
	appendRevision := func(s *v1alpha1.Shard) {
		if _, err := store.AppendRevision(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	appendRevision(shard(1, 2000, 1000, -1))
	appendRevision(shard(2, 2000, 1000, 7))
	if _, _, err := store.Revision(ctx, "a", 1); err != nil { // caches the first one's parts
		t.Fatal(err)
	}
	if removed, err := store.PruneRevisions(ctx, "a", 1); err != nil || removed != 2 {
		t.Fatalf("removed %d, %v; want the revision and one part", removed, err)
	}
	appendRevision(shard(3, 2000, 1000, -1))
	if _, _, err := hub.New(bucket).Revision(ctx, "a", 3); err != nil {
		t.Errorf("what was pruned is named again, but not there: %v", err)
	}
}

func TestForgetAndShardClusters(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	for _, c := range []string{"a", "a-b", "b"} {
		s := shard(1, 2000, 1000, -1)
		s.Cluster = c
		if _, err := store.AppendRevision(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.ForgetCluster(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	got, err := store.ShardClusters(ctx)
	if diff := cmp.Diff([]string{"a-b", "b"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestSnapshot(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	reader := hub.NewReader(store)
	if _, err := reader.Snapshot(ctx); !apierrors.IsNotFound(err) {
		t.Fatalf("no federation: got %v, want NotFound", err)
	}
	fed := &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "u"}}
	if err := store.CreateFederation(ctx, fed); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateCluster(ctx, &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "cu"}}, v1alpha1.Provenance{}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := store.CreateSpec(ctx, key(i), []byte("{}"), v1alpha1.Provenance{Author: "me"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, stray := range []string{"specs/README.md", "specs/default/configmaps/x.yml"} {
		if _, err := bucket.Bucket.Write(ctx, stray, []byte("hello"), hub.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := reader.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Specs) != 3 || len(snap.Clusters) != 1 || len(snap.Invalid) != 2 || snap.Specs[0].Provenance.Author != "me" {
		t.Errorf("snapshot %+v", snap)
	}
	bucket.reset()
	if _, err := store.UpdateSpec(ctx, key(1), 0, []byte("{ }"), v1alpha1.Provenance{}); err != nil {
		t.Fatal(err)
	}
	if snap, err = reader.Snapshot(ctx); err != nil || len(snap.Specs) != 3 || string(snap.Specs[1].Body) != "{ }" {
		t.Fatalf("after an update: %v, %+v", err, snap)
	}
	if want := []string{"federation.yaml", key(1).SpecPath()}; !cmp.Equal(want, bucket.reads) {
		t.Errorf("reads %q, want only what changed and one conditional read: %q", bucket.reads, want)
	}
}

func TestSnapshotKeepsAMemberThatCannotBeRead(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	if err := store.CreateFederation(ctx, &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "u"}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := store.CreateCluster(ctx, &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}, v1alpha1.Provenance{}); err != nil {
			t.Fatal(err)
		}
	}
	reader := hub.NewReader(store)
	if _, err := reader.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	spoil := func(text string) {
		if _, err := bucket.Bucket.Write(ctx, "clusters/a.yaml", []byte(text), hub.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"kind: [", "kind: Cluster"} {
		spoil(text)
		if snap, err := reader.Snapshot(ctx); err != nil || len(snap.Clusters) != 2 || snap.Clusters[0].UID != "a" {
			t.Fatalf("%q: %+v, %v", text, snap, err)
		}
	}
	if _, err := hub.NewReader(store).Snapshot(ctx); !apierrors.IsInvalid(err) {
		t.Errorf("never read before: got %v, want Invalid", err)
	}
}

func TestSnapshotNeverTakesErrorsForEmptiness(t *testing.T) {
	for _, path := range []string{"specs/", "clusters/", "requests/", "clusters/a.yaml"} {
		t.Run(path, func(t *testing.T) {
			store, bucket := newStore(t)
			ctx := t.Context()
			if err := store.CreateFederation(ctx, &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "u"}}); err != nil {
				t.Fatal(err)
			}
			if err := store.CreateCluster(ctx, &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "cu"}}, v1alpha1.Provenance{}); err != nil {
				t.Fatal(err)
			}
			bucket.fail[path] = hub.ErrForbidden
			if _, err := hub.NewReader(store).Snapshot(ctx); !apierrors.IsForbidden(err) {
				t.Errorf("got %v, want Forbidden", err)
			}
		})
	}
}

func TestSnapshotTellsWhatItCouldNotRead(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	if err := store.CreateFederation(ctx, &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "u"}}); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := store.CreateSpec(ctx, key(i), []byte("{}"), v1alpha1.Provenance{}); err != nil {
			t.Fatal(err)
		}
	}
	large := key(2).SpecPath()
	if _, err := bucket.Bucket.Write(ctx, large, make([]byte, hub.MaxSpecSize+1), hub.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	bucket.fail[key(0).SpecPath()] = hub.ErrUnavailable
	snap, err := hub.NewReader(store).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Specs) != 1 || !apierrors.IsServiceUnavailable(snap.Unread[key(0)]) || !apierrors.IsRequestEntityTooLargeError(snap.Unread[key(2)]) {
		t.Errorf("specs %d, unread %v", len(snap.Specs), snap.Unread)
	}
}

func TestClusterConflict(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "cu"}}
	if err := store.CreateCluster(ctx, c, v1alpha1.Provenance{}); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateCluster(ctx, c, v1alpha1.Provenance{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: got %v, want AlreadyExists", err)
	}
	stale := *c
	c.Spec.Cordoned = true
	if err := store.UpdateCluster(ctx, c, v1alpha1.Provenance{Author: "me@here", Reason: "why", Client: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := store.UpdateCluster(ctx, &stale, v1alpha1.Provenance{}); !apierrors.IsConflict(err) {
		t.Errorf("stale update: got %v, want Conflict", err)
	}
	if got, err := store.Cluster(ctx, "a"); err != nil || !got.Spec.Cordoned {
		t.Errorf("got %+v, %v", got, err)
	}
	rec, err := store.ClusterRecord(ctx, "a")
	if err != nil || rec.Provenance != (v1alpha1.Provenance{Author: "me@here", Reason: "why", Client: "test"}) || fmt.Sprint(rec.Generation) != c.ResourceVersion {
		t.Errorf("who wrote it: %+v, %v", rec, err)
	}
	if _, err := store.ClusterRecord(ctx, "aa"); !apierrors.IsNotFound(err) {
		t.Errorf("who wrote what is not there: got %v, want NotFound", err)
	}
	if err := store.CreateCluster(ctx, &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "../a"}}, v1alpha1.Provenance{}); !apierrors.IsBadRequest(err) {
		t.Errorf("a name that is a path: got %v, want BadRequest", err)
	}
}

func TestHeartbeatTellsTwoAgents(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	gen, err := store.PutHeartbeat(ctx, &v1alpha1.Heartbeat{Cluster: "a", Agent: "one", Sequence: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutHeartbeat(ctx, &v1alpha1.Heartbeat{Cluster: "a", Agent: "two"}, 0); !apierrors.IsConflict(err) {
		t.Errorf("a second agent's first beat: got %v, want Conflict", err)
	}
	if _, err := store.PutHeartbeat(ctx, &v1alpha1.Heartbeat{Cluster: "a", Agent: "one", Sequence: 2}, gen); err != nil {
		t.Fatal(err)
	}
	bucket.reset()
	beats, err := store.Heartbeats(ctx)
	if err != nil || beats["a"].Sequence != 2 || len(bucket.reads) != 0 {
		t.Errorf("beats %v, %v, with %d reads besides the listing", beats, err, len(bucket.reads))
	}
}

func TestBell(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	if bell, gen, err := store.Listen(ctx, 0); bell != nil || gen != 0 || err != nil {
		t.Errorf("never rung: %v, %d, %v", bell, gen, err)
	}
	if err := store.Ring(ctx, map[string]int64{"specs/x": 5}); err != nil {
		t.Fatal(err)
	}
	bell, gen, err := store.Listen(ctx, 0)
	if err != nil || bell == nil || bell.Changed["specs/x"] != 5 {
		t.Fatalf("rung: %v, %v", bell, err)
	}
	if bell, again, err := store.Listen(ctx, gen); bell != nil || again != gen || err != nil {
		t.Errorf("silent since: %v, %d, %v", bell, again, err)
	}
}

func TestLock(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	one, two := hub.NewLock(store, "one"), hub.NewLock(store, "two")
	record := func(holder string, transitions int) resourcelock.LeaderElectionRecord {
		return resourcelock.LeaderElectionRecord{HolderIdentity: holder, LeaseDurationSeconds: 15, LeaderTransitions: transitions}
	}
	if _, _, err := one.Get(ctx); !apierrors.IsNotFound(err) {
		t.Fatalf("no lease: got %v, want NotFound", err)
	}
	if err := one.Create(ctx, record("one", 0)); !apierrors.IsNotFound(err) || one.Epoch() != 0 {
		t.Errorf("a lease without a federation: got %v, want NotFound", err)
	}
	fed := &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "f", UID: "u"}}
	if err := store.CreateFederation(ctx, fed); err != nil {
		t.Fatal(err)
	}
	if err := one.Create(ctx, record("one", 0)); err != nil {
		t.Fatal(err)
	}
	if err := two.Create(ctx, record("two", 0)); err == nil {
		t.Error("two leases were created")
	}
	if one.Epoch() != 1 || two.Epoch() != 0 || one.Remaining() <= 14*time.Second || two.Remaining() != 0 {
		t.Errorf("epochs %d, %d; remaining %v, %v", one.Epoch(), two.Epoch(), one.Remaining(), two.Remaining())
	}
	if _, _, err := two.Get(ctx); err != nil {
		t.Fatal(err)
	}
	if err := two.Update(ctx, record("two", 1)); err != nil {
		t.Fatal(err)
	}
	if err := one.Update(ctx, record("one", 0)); !apierrors.IsConflict(err) {
		t.Errorf("a holder that was replaced renews: got %v, want Conflict", err)
	}
	if _, _, err := one.Get(ctx); err != nil {
		t.Fatal(err)
	}
	if one.Epoch() != 0 || one.Remaining() != 0 || two.Epoch() != 2 {
		t.Errorf("after the change: one %d (%v left), two %d", one.Epoch(), one.Remaining(), two.Epoch())
	}
	if holder, _, err := store.LeaseHolder(ctx); err != nil || holder != "two" {
		t.Errorf("holder %q, %v", holder, err)
	}
	if err := store.DeleteFederation(ctx, 1); !apierrors.IsConflict(err) {
		t.Errorf("another generation: got %v, want Conflict", err)
	}
	if err := store.DeleteFederation(ctx, 0); err != nil {
		t.Error(err)
	}
}

func TestStatuses(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	for i := range 3 {
		if err := store.PutObjectStatus(ctx, &v1alpha1.ObjectStatus{Key: key(i), UID: types.UID(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bucket.Bucket.Write(ctx, "status/objects/default/configmaps/bad.json", []byte("{"), hub.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := store.ObjectStatuses(ctx, "default/configmaps/")
	if err != nil || len(got) != 3 || got[key(2)].UID != "2" {
		t.Errorf("%v, %v", got, err)
	}
	if err := store.DeleteObjectStatus(ctx, key(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.ObjectStatus(ctx, key(0)); !apierrors.IsNotFound(err) {
		t.Errorf("deleted: got %v, want NotFound", err)
	}
}

func TestRequests(t *testing.T) {
	store, bucket := newStore(t)
	ctx := t.Context()
	r := &v1alpha1.Request{ID: "r1", Type: v1alpha1.RequestApprove, Keys: []v1alpha1.Key{key(1)}}
	if err := store.CreateRequest(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateRequest(ctx, r); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second: got %v, want AlreadyExists", err)
	}
	for path, text := range map[string]string{"requests/r0.json": "{", "requests/r2.json": `{"id":"r9"}`, "requests/r3.json": `{"id":"r3"}`} {
		if _, err := bucket.Bucket.Write(ctx, path, []byte(text), hub.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := store.Requests(ctx); err != nil || len(got) != 2 || got[0].Keys[0] != key(1) || got[1].ID != "r3" {
		t.Errorf("%v, %v", got, err)
	}
	bucket.fail["requests/r3.json"] = hub.ErrForbidden
	if _, err := store.Requests(ctx); !apierrors.IsForbidden(err) {
		t.Errorf("one is refused: got %v, want Forbidden", err)
	}
}

func TestMissingBucketIsNoAnswer(t *testing.T) {
	b, err := file.Open(t.TempDir() + "/none")
	if err != nil {
		t.Fatal(err)
	}
	store := hub.New(b)
	if _, _, err := store.Revision(t.Context(), "a", 1); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("revision: got %v, want ServiceUnavailable", err)
	}
	if _, err := store.HeadRevision(t.Context(), "a"); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("head: got %v, want ServiceUnavailable", err)
	}
	if _, err := store.Federation(t.Context()); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("federation: got %v, want ServiceUnavailable", err)
	}
}
