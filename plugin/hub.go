package plugin

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/server"
)

// Hub is a federation's bucket as the commands need it. Errors are
// apimachinery's.
type Hub interface {
	server.Specs
	server.Roster
	server.Statuses
	Versions
	Membership
	Words
	Leadership
	Ground
	Decisions
	Carriers
}

// Versions are the specs as they were.
type Versions interface {
	// SpecHistory lists a spec's versions, newest first, without bodies.
	SpecHistory(ctx context.Context, key v1alpha1.Key) ([]v1alpha1.SpecRecord, error)
	// SpecAt reads one; NotFound when it is no longer kept.
	SpecAt(ctx context.Context, key v1alpha1.Key, generation int64) (*v1alpha1.SpecRecord, error)
}

// Membership founds a federation and adds and removes its clusters.
type Membership interface {
	CreateFederation(ctx context.Context, f *v1alpha1.Federation) error
	DeleteFederation(ctx context.Context, generation int64) error
	CreateCluster(ctx context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance) error
	DeleteCluster(ctx context.Context, name string, generation int64) error
	// ClusterRecord tells who claims to have written a member last.
	ClusterRecord(ctx context.Context, name string) (*v1alpha1.ClusterRecord, error)
}

// Carriers are what carries users' requests to the members, and what they are
// told to serve.
type Carriers interface {
	// Traffic reads the document, unless it is at generation last.
	Traffic(ctx context.Context, last int64) (*v1alpha1.Traffic, int64, error)
	// Edges lists the registrations, without what the edges see.
	Edges(ctx context.Context) ([]v1alpha1.Edge, error)
	// Edge reads one, with what it sees.
	Edge(ctx context.Context, name string) (*v1alpha1.Edge, int64, error)
	DeleteEdge(ctx context.Context, name string) error
}

// Words are what users say that is no spec.
type Words interface {
	CreateRequest(ctx context.Context, r *v1alpha1.Request) error
	Requests(ctx context.Context) ([]v1alpha1.Request, error)
	// Ring tells the leader to look now, and at what: bucket paths and their
	// generations.
	Ring(ctx context.Context, changed map[string]int64) error
}

// Leadership tells who leads and what it says of the federation.
type Leadership interface {
	LeaseHolder(ctx context.Context) (holder string, renewed metav1.Time, err error)
	FederationStatus(ctx context.Context) (*v1alpha1.FederationStatus, error)
}

// Ground is the bucket itself.
type Ground interface {
	// Provision makes the bucket fit to hold a federation. It can be run again.
	Provision(ctx context.Context) (warnings []string, err error)
	// Empty removes everything the bucket holds.
	Empty(ctx context.Context, progress func(removed int)) error
}

// Connect opens the bucket a URL names. It may do so without asking the bucket.
type Connect func(ctx context.Context, url string) (Hub, error)
