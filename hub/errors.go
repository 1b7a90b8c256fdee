package hub

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// what names the subject of an error as an API server would.
type what struct {
	gr   schema.GroupResource
	name string
}

func own(resource, name string) what {
	return what{schema.GroupResource{Group: v1alpha1.Group, Resource: resource}, name}
}

func ofKey(k v1alpha1.Key) what { return what{k.GroupResource(), k.Name} }

// apiError turns a Bucket's error into the API server's word for it. Context
// errors and what has no equivalent pass through.
func (w what) apiError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoBucket): // says nothing about the object
		return apierrors.NewServiceUnavailable(err.Error())
	case errors.Is(err, ErrNotExist):
		return apierrors.NewNotFound(w.gr, w.name)
	case errors.Is(err, ErrPrecondition):
		return apierrors.NewConflict(w.gr, w.name, errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	case errors.Is(err, ErrForbidden):
		return apierrors.NewForbidden(w.gr, w.name, err)
	case errors.Is(err, ErrTooLarge):
		return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("%s %q: %v", w.gr, w.name, err))
	case errors.Is(err, ErrInvalidKey):
		return apierrors.NewBadRequest(err.Error())
	case errors.Is(err, ErrUnavailable):
		return apierrors.NewServiceUnavailable(err.Error())
	default:
		return err
	}
}

// creating is apiError for a write that demanded absence.
func (w what) creating(err error) error {
	if errors.Is(err, ErrPrecondition) {
		return apierrors.NewAlreadyExists(w.gr, w.name)
	}
	return w.apiError(err)
}

// corrupt says that what the bucket holds cannot be what we wrote.
func (w what) corrupt(path string, err error) error {
	return apierrors.NewInvalid(schema.GroupKind{Group: w.gr.Group, Kind: w.gr.Resource}, w.name,
		field.ErrorList{field.Invalid(field.NewPath(path), field.OmitValueType{}, err.Error())})
}
