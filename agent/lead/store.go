package lead

import (
	"context"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// The bucket, as much of it as each part of the leader needs. Errors are those
// of k8s.io/apimachinery/pkg/api/errors.

// Store is all of it but the snapshots.
type Store interface {
	Users
	Versions
	Shards
	Leftovers
	Reports
	ObjectStatuses
	ClusterStatuses
	Conclusions
	Documents
	Certificates
}

// Snapshots reads the users' side. An error means that nothing is known.
type Snapshots interface {
	Snapshot(ctx context.Context) (*v1alpha1.Snapshot, error)
}

// Users is where users' words come from, and where they are struck off once
// they have taken effect.
type Users interface {
	Cluster(ctx context.Context, name string) (*v1alpha1.Cluster, error)
	// Listen returns the bell if it rang since last, and its generation.
	Listen(ctx context.Context, last int64) (*v1alpha1.Bell, int64, error)
	DeleteSpec(ctx context.Context, k v1alpha1.Key, generation int64) error
	DeleteRequest(ctx context.Context, id string) error
}

// Versions are the specs as they were.
type Versions interface {
	// SpecAt answers NotFound when that version is no longer kept.
	SpecAt(ctx context.Context, k v1alpha1.Key, generation int64) (*v1alpha1.SpecRecord, error)
}

// Shards is the chain of revisions of every member.
type Shards interface {
	HeadRevision(ctx context.Context, cluster string) (int64, error)
	// Revision returns a revision and its digest; Invalid if it is corrupt.
	Revision(ctx context.Context, cluster string, n int64) (*v1alpha1.Shard, string, error)
	// AppendRevision returns the digest; AlreadyExists if the number is taken.
	AppendRevision(ctx context.Context, shard *v1alpha1.Shard) (string, error)
	PruneRevisions(ctx context.Context, cluster string, keep int) (int, error)
}

// Leftovers are what departed members leave in the bucket.
type Leftovers interface {
	ShardClusters(ctx context.Context) ([]string, error)
	ForgetCluster(ctx context.Context, cluster string) error
}

// Reports is what agents say.
type Reports interface {
	Heartbeats(ctx context.Context) (map[string]v1alpha1.Heartbeat, error)
	Report(ctx context.Context, cluster string) (*v1alpha1.Report, string, error)
	// Claims are the last words of agents that were refused their cluster's name.
	Claims(ctx context.Context) (map[string]v1alpha1.Heartbeat, error)
}

// ObjectStatuses is what people read of objects.
type ObjectStatuses interface {
	ObjectStatuses(ctx context.Context, prefix string) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error)
	PutObjectStatus(ctx context.Context, st *v1alpha1.ObjectStatus) error
	DeleteObjectStatus(ctx context.Context, k v1alpha1.Key) error
}

// ClusterStatuses is what people read of clusters.
type ClusterStatuses interface {
	ClusterStatuses(ctx context.Context) (map[string]v1alpha1.ClusterStatus, error)
	PutClusterStatus(ctx context.Context, st *v1alpha1.ClusterStatus) error
	DeleteClusterStatus(ctx context.Context, name string) error
}

// Conclusions is what is said of the whole, and what the next leader starts
// from.
type Conclusions interface {
	FederationStatus(ctx context.Context) (*v1alpha1.FederationStatus, error)
	PutFederationStatus(ctx context.Context, st *v1alpha1.FederationStatus) error
	Verdicts(ctx context.Context) (*v1alpha1.Verdicts, error)
	PutVerdicts(ctx context.Context, v *v1alpha1.Verdicts) error
}

// Documents are what carriers serve, and the carriers.
type Documents interface {
	// Traffic returns no document while it is at generation last; Invalid, with its
	// generation, if it is corrupt.
	Traffic(ctx context.Context, last int64) (*v1alpha1.Traffic, int64, error)
	// PutTraffic answers Conflict if the document is not at that generation.
	PutTraffic(ctx context.Context, t *v1alpha1.Traffic, generation int64) (int64, error)
	Edges(ctx context.Context) ([]v1alpha1.Edge, error)
}

// Certificates are what documents name by digest.
type Certificates interface {
	Certificates(ctx context.Context) ([]string, error)
	PutCertificate(ctx context.Context, c *v1alpha1.Certificate) error
	DeleteCertificate(ctx context.Context, digest string) error
}

// Lock is the lease.
type Lock interface {
	resourcelock.Interface
	// Epoch grows with every change of leader; 0 while not held.
	Epoch() int64
	// Remaining is how long the lease is surely held, on this process's clock.
	Remaining() time.Duration
	// Raise makes every later epoch greater than above.
	Raise(ctx context.Context, above int64) error
}
