package memory

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// CreateFederation founds the federation, unless one is there.
func (f *Hub) CreateFederation(_ context.Context, fed *v1alpha1.Federation) error {
	if f.Fed.Name != "" {
		return apierrors.NewAlreadyExists(schema.GroupResource{Group: v1alpha1.Group, Resource: "federations"}, fed.Name)
	}
	f.Fed = *fed
	return nil
}

// DeleteFederation leaves none.
func (f *Hub) DeleteFederation(context.Context, int64) error {
	f.Fed = v1alpha1.Federation{}
	return nil
}

// CreateCluster adds a member.
func (f *Hub) CreateCluster(_ context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance) error {
	c.ResourceVersion = "1"
	f.Members[c.Name] = *c
	f.Wrote[c.Name] = p
	return nil
}

// DeleteCluster strikes a member off.
func (f *Hub) DeleteCluster(_ context.Context, name string, generation int64) error {
	if c, ok := f.Members[name]; ok && generation != 0 && c.ResourceVersion != strconv.FormatInt(generation, 10) {
		return apierrors.NewConflict(schema.GroupResource{Group: v1alpha1.Group, Resource: "clusters"}, name, errors.New("modified"))
	}
	delete(f.Members, name)
	return nil
}

// ClusterRecord is who wrote one of Members.
func (f *Hub) ClusterRecord(_ context.Context, name string) (*v1alpha1.ClusterRecord, error) {
	c, ok := f.Members[name]
	if !ok {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.Group, Resource: "clusters"}, name)
	}
	n, _ := strconv.ParseInt(c.ResourceVersion, 10, 64)
	return &v1alpha1.ClusterRecord{Generation: n, Updated: Epoch, Provenance: f.Wrote[name]}, nil
}

// CreateRequest keeps a user's word.
func (f *Hub) CreateRequest(_ context.Context, r *v1alpha1.Request) error {
	f.Said = append(f.Said, *r)
	return nil
}

// Requests lists the users' words.
func (f *Hub) Requests(context.Context) ([]v1alpha1.Request, error) { return f.Said, nil }

// Ring keeps what was rung for, and answers with RingError.
func (f *Hub) Ring(_ context.Context, changed map[string]int64) error {
	f.Rings = append(f.Rings, changed)
	return f.RingError
}

// FederationStatus is State, if there is one.
func (f *Hub) FederationStatus(context.Context) (*v1alpha1.FederationStatus, error) {
	if f.State == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.Group, Resource: "federations"}, "status")
	}
	return f.State, nil
}

// Provision answers with ProvisionError.
func (f *Hub) Provision(context.Context) ([]string, error) { return nil, f.ProvisionError }

// Empty removes everything, or answers with EmptyError. Leaders must have
// been given the chance to see that the federation is no more.
func (f *Hub) Empty(_ context.Context, progress func(int)) error {
	if f.EmptyError != nil || f.Fed.Name != "" {
		return cmp.Or(f.EmptyError, errors.New("the federation is still there"))
	}
	progress(len(f.Specs))
	clear(f.Specs)
	return nil
}
