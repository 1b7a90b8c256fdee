package server

import (
	"bytes"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// conflictTries is how often a change that named no version is tried again on
// the newest one.
const conflictTries = 5

func (s *Server) create(req *request) error {
	body, err := req.body()
	if err != nil {
		return err
	}
	o, err := s.decode(req, body)
	if err != nil {
		return err
	}
	obj := o.Object
	if err := s.admit(req, obj, o.Kind); err != nil {
		return err
	}
	if obj.GetResourceVersion() != "" {
		return apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	if err := s.admitNamespace(req.ctx(), o.Kind, obj); err != nil {
		return err
	}
	v1alpha1.ForgetServerFields(obj)
	obj.SetDeletionTimestamp(nil)
	created, err := s.store(req, obj)
	if err != nil {
		return err
	}
	return s.answer(req, http.StatusCreated, created)
}

// store creates the object, or in a dry run finds out whether it could.
func (s *Server) store(req *request, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	kind := req.kind
	kind.Version = obj.GroupVersionKind().Version
	if !req.dryRun() {
		return req.storage.create(req.ctx(), kind, obj, s.provenance(req, obj))
	}
	_, err := req.storage.get(req.ctx(), req.kind, obj.GetNamespace(), obj.GetName())
	switch {
	case apierrors.IsNotFound(err):
		return obj, nil
	case err != nil:
		return nil, err
	}
	return nil, apierrors.NewAlreadyExists(req.kind.GR(), obj.GetName())
}

func (s *Server) replace(req *request) error {
	body, err := req.body()
	if err != nil {
		return err
	}
	o, err := s.decode(req, body)
	if err != nil {
		return err
	}
	if err := s.admit(req, o.Object, o.Kind); err != nil {
		return err
	}
	updated, err := s.change(req, func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return o.Object.DeepCopy(), nil
	})
	if err != nil {
		return err
	}
	return s.answer(req, http.StatusOK, updated)
}

// change makes a new object out of the current one and stores it. If the new
// one names a version it must be the current; if not, a lost race is run again.
func (s *Server) change(req *request, edit func(current *unstructured.Unstructured) (*unstructured.Unstructured, error)) (*unstructured.Unstructured, error) {
	for try := 1; ; try++ {
		updated, pinned, err := s.changeOnce(req, edit)
		if !apierrors.IsConflict(err) || pinned || try == conflictTries {
			return updated, err
		}
	}
}

func (s *Server) changeOnce(req *request, edit func(*unstructured.Unstructured) (*unstructured.Unstructured, error)) (_ *unstructured.Unstructured, pinned bool, _ error) {
	current, err := req.storage.get(req.ctx(), req.kind, req.namespace, req.name)
	if err != nil {
		return nil, false, err
	}
	next, err := edit(current.DeepCopy())
	if err != nil {
		return nil, false, err
	}
	pinned = next.GetResourceVersion() != ""
	if err := sameObject(req, current, next); err != nil {
		return nil, pinned, err
	}
	keepDeletion(current, next)
	next.SetResourceVersion(current.GetResourceVersion())
	same, err := equal(current, next)
	if err != nil || same || req.dryRun() {
		return current, pinned, err
	}
	updated, err := req.storage.update(req.ctx(), req.kind, next, s.provenance(req, next))
	return updated, pinned, err
}

// sameObject holds a change to the version and identity that it names.
func sameObject(req *request, current, next *unstructured.Unstructured) error {
	if v := next.GetResourceVersion(); v != "" && v != current.GetResourceVersion() {
		return apierrors.NewConflict(req.kind.GR(), req.name, errModified)
	}
	if uid := next.GetUID(); uid != "" && uid != current.GetUID() {
		return apierrors.NewConflict(req.kind.GR(), req.name, errOtherUID(uid, current.GetUID()))
	}
	return nil
}

// keepDeletion: what is being deleted stays so.
func keepDeletion(current, next *unstructured.Unstructured) {
	next.SetDeletionTimestamp(current.GetDeletionTimestamp())
	if current.GetDeletionTimestamp() == nil {
		return
	}
	annotations := next.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationPropagation] = current.GetAnnotations()[v1alpha1.AnnotationPropagation]
	next.SetAnnotations(annotations)
}

// equal compares what would be stored.
func equal(a, b *unstructured.Unstructured) (bool, error) {
	before, err := encode(a)
	if err != nil {
		return false, err
	}
	after, err := encode(b)
	return bytes.Equal(before, after), err
}

// annotationChangeCause is kubectl's own for why an object was changed.
const annotationChangeCause = "kubernetes.io/change-cause"

func (s *Server) provenance(req *request, obj *unstructured.Unstructured) v1alpha1.Provenance {
	p := s.Provenance(req.Request)
	if p.Reason == "" {
		p.Reason = obj.GetAnnotations()[annotationChangeCause]
	}
	return p
}
