package server

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// admit decides whether an object may be written, beyond its being well
// formed: its kind and namespace are the path's, the policies allow it.
func (s *Server) admit(req *request, obj *unstructured.Unstructured, k kinds.Kind) error {
	if k.GR() != req.kind.GR() {
		return apierrors.NewBadRequest(fmt.Sprintf("the object provided is a %s, the path is for %s", k.GVK(), req.kind.GR()))
	}
	if err := placeInNamespace(req, obj); err != nil {
		return err
	}
	if req.name != "" && obj.GetName() != req.name {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", obj.GetName(), req.name))
	}
	if err := s.admitSecret(req.ctx(), req.kind, obj.GetName()); err != nil {
		return err
	}
	return s.admitIntent(req.ctx(), k, obj, nil)
}

func placeInNamespace(req *request, obj *unstructured.Unstructured) error {
	switch {
	case !req.kind.Namespaced:
		return nil
	case req.namespace == "":
		return apierrors.NewBadRequest("an empty namespace may not be set during creation")
	case obj.GetNamespace() == "":
		obj.SetNamespace(req.namespace)
	case obj.GetNamespace() != req.namespace:
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	return nil
}

var (
	secrets    = schema.GroupResource{Resource: "secrets"}
	namespaces = kinds.Kind{Version: "v1", Kind: "Namespace", Resource: "namespaces"}
)

func (s *Server) admitSecret(ctx context.Context, k kinds.Kind, name string) error {
	if k.GR() != secrets {
		return nil
	}
	f, err := s.Roster.Federation(ctx)
	if err != nil {
		return fmt.Errorf("read the policy for Secrets: %w", err)
	}
	if f.Spec.Secrets == v1alpha1.SecretsPlaintext {
		return nil
	}
	return forbidden(secrets, name, "the federation %s refuses Secrets: whoever reads its bucket could read them. "+
		`To store them readable nevertheless: kubectl fed patch federation %s --type=merge -p '{"spec":{"secrets":"plaintext"}}'`, f.Name, f.Name)
}

// Refusal says why an object could not be created now, together with others, or
// nothing. What it finds out about a namespace is remembered for a moment.
func (s *Server) Refusal(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, together ...*unstructured.Unstructured) error {
	if why := notFederated(k.GR()); why != "" {
		return forbidden(k.GR(), obj.GetName(), "%s", why)
	}
	if err := s.admitSecret(ctx, k, obj.GetName()); err != nil {
		return err
	}
	if err := s.admitNamespace(ctx, k, obj); err != nil {
		return err
	}
	return s.admitIntent(ctx, k, obj, together)
}

// admitNamespace refuses what would be created in a namespace that the
// federation does not have, or that is being deleted.
func (s *Server) admitNamespace(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured) error {
	ns := obj.GetNamespace()
	if !k.Namespaced || ns == metav1.NamespaceDefault || s.namespaces.has(ns, s.Now()) {
		return nil
	}
	rec, err := s.Specs.Spec(ctx, keyOf(namespaces, "", ns))
	if err != nil {
		return err // NotFound: namespaces "x" not found
	}
	if parent, err := (specs{s}).view(ctx, namespaces, *rec, nil); err == nil && parent.GetDeletionTimestamp() != nil {
		return terminating(k.GR(), obj.GetName(), ns)
	}
	s.namespaces.add(ns, s.Now())
	return nil
}

func terminating(gr schema.GroupResource, name, ns string) error {
	err := apierrors.NewForbidden(gr, name, errors.New("unable to create new content in namespace "+ns+" because it is being terminated"))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes,
		metav1.StatusCause{Type: "NamespaceTerminating", Message: fmt.Sprintf("namespace %s is being terminated", ns), Field: "metadata.namespace"})
	return err
}
