package server

import (
	"context"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// storage keeps the objects of some kinds. Objects come out whole, as people
// see them, their resourceVersion the generation in the bucket; going in, what
// nobody may write (status, uid, …) is left out.
type storage interface {
	get(ctx context.Context, k kinds.Kind, namespace, name string) (*unstructured.Unstructured, error)
	// list reads a namespace's objects, or all for ""; warnings tell what
	// could not be read.
	list(ctx context.Context, k kinds.Kind, namespace string) (items []*unstructured.Unstructured, warnings []string, err error)
	create(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, p v1alpha1.Provenance) (*unstructured.Unstructured, error)
	// update demands that the object is still at obj's resourceVersion.
	update(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, p v1alpha1.Provenance) (*unstructured.Unstructured, error)
}

func (s *Server) storageOf(k kinds.Kind) storage {
	switch {
	case k.Group != v1alpha1.Group:
		return specs{s}
	case k.Resource == clustersResource:
		return clusters{s}
	case k.Resource == federationsResource:
		return federations{s}
	}
	return specs{s}
}

func generationOf(obj *unstructured.Unstructured) (int64, error) {
	v := obj.GetResourceVersion()
	if v == "" {
		return 0, nil
	}
	gen, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, apierrors.NewBadRequest("metadata.resourceVersion " + strconv.Quote(v) + " is not one of this federation's")
	}
	return gen, nil
}
