package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// Specs is where manifests are kept. Errors are apimachinery's.
type Specs interface {
	Spec(ctx context.Context, key v1alpha1.Key) (*v1alpha1.SpecRecord, error)
	// ListSpecs lists without bodies what lies below a prefix of keys.
	ListSpecs(ctx context.Context, prefix string) ([]v1alpha1.SpecRecord, []v1alpha1.InvalidPath, error)
	ReadSpecs(ctx context.Context, list []v1alpha1.SpecRecord) ([]v1alpha1.SpecRecord, map[v1alpha1.Key]error)
	CreateSpec(ctx context.Context, key v1alpha1.Key, body []byte, p v1alpha1.Provenance) (*v1alpha1.SpecRecord, error)
	// UpdateSpec answers Conflict unless the spec is at that generation.
	UpdateSpec(ctx context.Context, key v1alpha1.Key, generation int64, body []byte, p v1alpha1.Provenance) (*v1alpha1.SpecRecord, error)
}

// Roster is the federation and its members.
type Roster interface {
	Federation(ctx context.Context) (*v1alpha1.Federation, error)
	Cluster(ctx context.Context, name string) (*v1alpha1.Cluster, error)
	Clusters(ctx context.Context) ([]v1alpha1.Cluster, error)
	// UpdateCluster answers Conflict unless it is at its resourceVersion.
	UpdateCluster(ctx context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance) error
	UpdateFederation(ctx context.Context, f *v1alpha1.Federation) error
}

// Statuses is what the leader has made known.
type Statuses interface {
	ObjectStatus(ctx context.Context, key v1alpha1.Key) (*v1alpha1.ObjectStatus, error)
	ObjectStatuses(ctx context.Context, prefix string) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error)
	ClusterStatuses(ctx context.Context) (map[string]v1alpha1.ClusterStatus, error)
}

// Leader tells since when nobody renewed the lease.
type Leader interface {
	LeaseHolder(ctx context.Context) (holder string, renewed metav1.Time, err error)
}

// Options of a Server. Specs, Roster, Statuses, Leader and Table are required.
type Options struct {
	Specs    Specs
	Roster   Roster
	Statuses Statuses
	Leader   Leader
	// Table is what is known of kinds before the bucket is read.
	Table *kinds.Table
	// Provenance tells who a request's author claims to be.
	Provenance func(*http.Request) v1alpha1.Provenance
	// Written is told of every durable change: the object's path in the
	// bucket and its new generation.
	Written func(path string, generation int64)
	// Waiting is called when a client begins to watch, or looks at what is
	// being deleted or at what it wrote itself: what was written should be
	// known to the leader by now.
	Waiting func(context.Context)
	// Now is the clock; Poll is how often a watch looks. Both have defaults.
	Now  func() time.Time
	Poll time.Duration
}

// Server is a Kubernetes API server over a federation. It is an http.Handler,
// safe for concurrent use.
type Server struct {
	Options
	catalogs   catalogs
	snapshots  snapshots
	namespaces recent
	intents    intents
	unseen     paths // written and not looked at since
	newborn    paths // created through this server
}

const (
	defaultPoll = time.Second
	// maxBody is the most a request may carry, in bytes: a spec's limit, and
	// what JSON and a patch of it need around that.
	maxBody = 3 << 20
)

// New returns a Server.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Poll == 0 {
		o.Poll = defaultPoll
	}
	if o.Provenance == nil {
		o.Provenance = func(*http.Request) v1alpha1.Provenance { return v1alpha1.Provenance{} }
	}
	if o.Written == nil {
		o.Written = func(string, int64) {}
	}
	if o.Waiting == nil {
		o.Waiting = func(context.Context) {}
	}
	s := &Server{Options: o, catalogs: catalogs{builtin: newCatalog(o.Table)}, namespaces: recent{seen: map[string]time.Time{}}}
	s.Written = func(path string, generation int64) {
		s.unseen.add(path)
		o.Written(path, generation)
	}
	return s
}

// paths in the bucket; the zero value has none.
type paths struct {
	mu  sync.Mutex
	has map[string]bool
}

func (p *paths) add(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.has == nil {
		p.has = map[string]bool{}
	}
	p.has[path] = true
}

func (p *paths) contain(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.has[path]
}

// take is whether a path was there; it is not any more.
func (p *paths) take(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	there := p.has[path]
	delete(p.has, path)
	return there
}

// recent remembers for a moment what was seen.
type recent struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

const recentFor = 5 * time.Second

func (r *recent) has(name string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.seen[name]
	return ok && now.Sub(at) < recentFor
}

func (r *recent) add(name string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[name] = now
}

func (r *recent) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, name)
}
