package edge

import (
	"context"
	"crypto/tls"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Bucket is the federation's, as far as an edge is concerned. Errors are those
// of k8s.io/apimachinery/pkg/api/errors.
type Bucket interface {
	// Federation tells which federation this is.
	Federation(ctx context.Context) (*v1alpha1.Federation, error)
	// Traffic returns no document while it is at generation last.
	Traffic(ctx context.Context, last int64) (*v1alpha1.Traffic, int64, error)
	Certificate(ctx context.Context, digest string) (*v1alpha1.Certificate, error)
	Edge(ctx context.Context, name string) (*v1alpha1.Edge, int64, error)
	PutEdge(ctx context.Context, e *v1alpha1.Edge, generation int64) (int64, error)
}

// Sink serves what the follower accepts: a document, with certificates by
// Secret ("namespace/name").
type Sink interface {
	Serve(t *v1alpha1.Traffic, certificates map[string]*tls.Certificate)
	// Health is what the checks of what is served see.
	Health() []v1alpha1.EdgeHealth
}

// Config of an edge.
type Config struct {
	// Edge is the registration, without what changes.
	Edge v1alpha1.Edge
	// StateDir is a folder of the edge's own; "" remembers nothing.
	StateDir string
	// CertificatesDir holds <namespace>/<secret>/tls.crt and tls.key; "" for none.
	CertificatesDir string

	PollInterval      time.Duration
	HeartbeatInterval time.Duration

	Bucket  Bucket
	Sink    Sink
	Metrics *Metrics
	Clock   clock.WithTicker
}

// position is how far an edge is.
type position struct {
	federation types.UID
	epoch      int64
	serial     int64
}
