package apply

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Place is where an object lives in the member.
type Place struct {
	GVR       schema.GroupVersionResource
	Namespace string
	Name      string
}

// Key is the place's key, which forgets the version.
func (p Place) Key() v1alpha1.Key {
	return v1alpha1.Key{Namespace: p.Namespace, Resource: p.GVR.Resource, Group: p.GVR.Group, Name: p.Name}
}

// Member is the member's API server, as far as the engine needs it. Errors are
// those of k8s.io/apimachinery/pkg/api/errors and api/meta's NoMatch, which
// means that the server is known not to serve the kind.
type Member interface {
	// Resource finds the resource of a kind; an empty version finds any.
	Resource(ctx context.Context, gvk schema.GroupVersionKind) (schema.GroupVersionResource, error)
	// Look reads an object's metadata.
	Look(ctx context.Context, p Place) (*metav1.PartialObjectMetadata, error)
	// Apply is a forced server-side apply; it answers with the result.
	Apply(ctx context.Context, p Place, o *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// Delete deletes exactly the object that live describes.
	Delete(ctx context.Context, p Place, live *Live, how v1alpha1.Propagation) error
	// Unmark takes our label, annotations and field ownership off the object
	// and leaves all else.
	Unmark(ctx context.Context, p Place, m *metav1.PartialObjectMetadata) error
}
