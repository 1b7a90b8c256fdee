package hub_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/gcs"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

// onEveryBackend runs a test on a bucket of files and on an emulated one of
// Google's.
func onEveryBackend(t *testing.T, test func(*testing.T, *hub.Store, *counting)) {
	t.Run("file", func(t *testing.T) {
		store, bucket := newStore(t)
		test(t, store, bucket)
	})
	t.Run("gs", func(t *testing.T) {
		server, err := gcsemu.Start(gcsemu.Options{Buckets: []string{"federation"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		t.Setenv("STORAGE_EMULATOR_HOST", server.URL)
		b, err := gcs.Open(context.Background(), "federation", "team/blue")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		bucket := &counting{Bucket: b, fail: map[string]error{}}
		test(t, hub.New(bucket), bucket)
	})
}

// place writes as nobody of ours would.
func place(t *testing.T, bucket *counting, path, body string) {
	t.Helper()
	if _, err := bucket.Bucket.Write(t.Context(), path, []byte(body), hub.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func document(serial int64) *v1alpha1.Traffic {
	return &v1alpha1.Traffic{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Traffic"}, FederationUID: "f", Epoch: 1, Serial: serial,
		Frontends: []v1alpha1.Frontend{{Ingress: key(1), Addresses: []string{"203.0.113.1"}}}}
}

func TestTrafficIsReplacedByGeneration(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, store *hub.Store, bucket *counting) {
		ctx := t.Context()
		if _, _, err := store.Traffic(ctx, 0); !apierrors.IsNotFound(err) {
			t.Fatalf("none: %v, want NotFound", err)
		}
		first, err := store.PutTraffic(ctx, document(1), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutTraffic(ctx, document(9), 0); !apierrors.IsConflict(err) {
			t.Errorf("created twice: %v, want Conflict", err)
		}
		second, err := store.PutTraffic(ctx, document(2), first)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutTraffic(ctx, document(9), first); !apierrors.IsConflict(err) {
			t.Errorf("by an older leader: %v, want Conflict", err)
		}
		got, generation, err := store.Traffic(ctx, first)
		if err != nil || generation != second || got.Serial != 2 || got.Frontends[0].Addresses[0] != "203.0.113.1" {
			t.Errorf("got %+v at %d, %v", got, generation, err)
		}
		if got, generation, err := store.Traffic(ctx, second); got != nil || generation != second || err != nil {
			t.Errorf("unchanged: %+v at %d, %v", got, generation, err)
		}
	})
}

func TestTrafficThatIsNoDocument(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, store *hub.Store, bucket *counting) {
		for _, body := range []string{"", "{", "[]", `{"kind":"Traffic"}`, `{"kind":"Shard","federationUID":"f"}`, `{"federationUID":"f"}`} {
			place(t, bucket, "traffic/document.json", body)
			got, generation, err := store.Traffic(t.Context(), 0)
			if !apierrors.IsInvalid(err) || got != nil || generation == 0 {
				t.Errorf("%q: %v at %d, %v; want Invalid, and where it is", body, got, generation, err)
			}
			// It can be replaced, and by whoever has seen it only.
			if _, err := store.PutTraffic(t.Context(), document(1), 0); !apierrors.IsConflict(err) {
				t.Errorf("%q: replaced unseen: %v", body, err)
			}
			if _, err := store.PutTraffic(t.Context(), document(1), generation); err != nil {
				t.Errorf("%q: %v", body, err)
			}
		}
		bucket.fail["traffic/document.json"] = hub.ErrForbidden
		if _, _, err := store.Traffic(t.Context(), 0); !apierrors.IsForbidden(err) {
			t.Errorf("refused: %v, want Forbidden", err)
		}
		bucket.fail["traffic/document.json"] = hub.ErrUnavailable
		if _, _, err := store.Traffic(t.Context(), 0); !apierrors.IsServiceUnavailable(err) {
			t.Errorf("away: %v, want ServiceUnavailable", err)
		}
	})
}

func TestCertificatesAreNamedByTheirContent(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, store *hub.Store, bucket *counting) {
		ctx := t.Context()
		c := &v1alpha1.Certificate{Secret: "default/tls", Certificate: []byte("cert"), Key: []byte("key")}
		for range 2 { // it is there already
			if err := store.PutCertificate(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		got, err := store.Certificate(ctx, c.Digest())
		if err != nil || string(got.Key) != "key" || got.Secret != c.Secret {
			t.Errorf("got %+v, %v", got, err)
		}
		place(t, bucket, "traffic/certificates/README", "not one")
		place(t, bucket, "traffic/certificates/short.json", "{}")
		other := strings.Repeat("ab", 32)
		stored, _ := json.Marshal(c)
		place(t, bucket, "traffic/certificates/"+other+".json", string(stored))
		if _, err := store.Certificate(ctx, other); !apierrors.IsInvalid(err) || strings.Contains(err.Error(), "key\"") {
			t.Errorf("content of another: %v, want Invalid", err)
		}
		digests, err := store.Certificates(ctx)
		want := []string{c.Digest(), other}
		slices.Sort(want)
		if err != nil || !slices.Equal(digests, want) {
			t.Errorf("listed %q, %v; want %q", digests, err, want)
		}
		for _, odd := range []string{"", "x", "../../leader/lease", strings.ToUpper(other), other + "00"} {
			if _, err := store.Certificate(ctx, odd); !apierrors.IsBadRequest(err) {
				t.Errorf("read %q: %v, want BadRequest", odd, err)
			}
			if err := store.DeleteCertificate(ctx, odd); !apierrors.IsBadRequest(err) {
				t.Errorf("delete %q: %v, want BadRequest", odd, err)
			}
		}
		if err := store.DeleteCertificate(ctx, other); err != nil {
			t.Error(err)
		}
		if _, err := store.Certificate(ctx, other); !apierrors.IsNotFound(err) {
			t.Errorf("deleted: %v, want NotFound", err)
		}
	})
}

func TestEdgesRegister(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, store *hub.Store, bucket *counting) {
		ctx := t.Context()
		e := &v1alpha1.Edge{Name: "europe", FederationUID: "f", Addresses: []string{"203.0.113.1"}, Sequence: 1,
			Health: []v1alpha1.EdgeHealth{{Backend: "default/web:80", Cluster: "a", Healthy: 2, Total: 3}}}
		first, err := store.PutEdge(ctx, e, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutEdge(ctx, e, 0); err == nil {
			t.Error("another took its name")
		}
		e.Sequence = 2
		second, err := store.PutEdge(ctx, e, first)
		if err != nil {
			t.Fatal(err)
		}
		got, generation, err := store.Edge(ctx, "europe")
		if err != nil || generation != second || got.Sequence != 2 || len(got.Health) != 1 {
			t.Errorf("got %+v at %d, %v", got, generation, err)
		}
		if _, err := store.PutEdge(ctx, &v1alpha1.Edge{Name: "../leader/lease"}, 0); !apierrors.IsBadRequest(err) {
			t.Errorf("a name that is none: %v, want BadRequest", err)
		}
		// Copied without its metadata, corrupt, and another's.
		place(t, bucket, "edges/asia.json", `{"name":"asia","federationUID":"f","addresses":["203.0.113.2"],"health":[{"backend":"x"}]}`)
		place(t, bucket, "edges/broken.json", "{")
		place(t, bucket, "edges/thief.json", `{"name":"europe"}`)
		place(t, bucket, "edges/README", "")
		edges, err := store.Edges(ctx)
		if err != nil || len(edges) != 2 || edges[0].Name != "asia" || edges[1].Sequence != 2 || edges[0].Health != nil || edges[1].Health != nil {
			t.Errorf("listed %+v, %v", edges, err)
		}
		// One that cannot be read is not one that is gone.
		bucket.fail["edges/asia.json"] = hub.ErrUnavailable
		if _, err := store.Edges(ctx); !apierrors.IsServiceUnavailable(err) {
			t.Errorf("unread: %v, want ServiceUnavailable", err)
		}
		if err := store.DeleteEdge(ctx, "europe"); err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutEdge(ctx, e, second); !apierrors.IsConflict(err) {
			t.Errorf("after it was unregistered: %v, want Conflict", err)
		}
	})
}
