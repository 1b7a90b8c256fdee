package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// remove marks objects as deleted. Their specs go when the members have let go.
func (s *Server) remove(req *request) error {
	options, err := deleteOptions(req)
	if err != nil {
		return err
	}
	if _, ours := req.storage.(specs); !ours {
		return apierrors.NewMethodNotSupported(req.kind.GR(), "delete (use kubectl fed unjoin, or kubectl fed destroy)")
	}
	if req.name == "" {
		return s.removeCollection(req, options)
	}
	obj, err := s.removeOne(req, req.namespace, req.name, options)
	if err != nil {
		return err
	}
	if obj.GetUID() == "" { // not seen by the leader yet: a client must not compare this UID with a later one
		writeJSON(req.w, http.StatusOK, jsonType, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
		return nil
	}
	return s.answer(req, http.StatusOK, obj)
}

func (s *Server) removeCollection(req *request, options metav1.DeleteOptions) error {
	sel, err := req.selection()
	if err != nil {
		return err
	}
	items, _, err := req.selected(sel)
	if err != nil {
		return err
	}
	for _, obj := range items {
		if _, err := s.removeOne(req, obj.GetNamespace(), obj.GetName(), options); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	writeJSON(req.w, http.StatusOK, jsonType, objectList(req, items, s.snapshots.keep(items)))
	return nil
}

func deleteOptions(req *request) (options metav1.DeleteOptions, err error) {
	body, err := req.body()
	if err != nil {
		return options, err
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &options); err != nil {
			return options, apierrors.NewBadRequest(fmt.Sprintf("delete options: %v", err))
		}
	}
	if p := req.URL.Query().Get("propagationPolicy"); p != "" {
		options.PropagationPolicy = (*metav1.DeletionPropagation)(&p)
	}
	if len(options.DryRun) == 0 && req.dryRun() {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return options, nil
}

func propagation(options metav1.DeleteOptions) (v1alpha1.Propagation, error) {
	if options.PropagationPolicy == nil {
		if options.OrphanDependents != nil && *options.OrphanDependents { //nolint:staticcheck // old clients say it so
			return v1alpha1.PropagationOrphan, nil
		}
		return v1alpha1.PropagationBackground, nil
	}
	switch p := v1alpha1.Propagation(*options.PropagationPolicy); p {
	case v1alpha1.PropagationBackground, v1alpha1.PropagationForeground, v1alpha1.PropagationOrphan:
		return p, nil
	default:
		return "", apierrors.NewBadRequest(fmt.Sprintf("invalid propagation policy: %q", p))
	}
}

// removeOne marks one object, and with a Namespace or a definition what lives by it.
func (s *Server) removeOne(req *request, namespace, name string, options metav1.DeleteOptions) (*unstructured.Unstructured, error) {
	policy, err := propagation(options)
	if err != nil {
		return nil, err
	}
	var obj *unstructured.Unstructured
	for try := 1; ; try++ {
		obj, err = s.markDeleted(req, keyOf(req.kind, namespace, name), policy, options)
		if !apierrors.IsConflict(err) || options.Preconditions != nil || try == conflictTries {
			break
		}
	}
	if err != nil || len(options.DryRun) > 0 {
		return obj, err
	}
	return obj, s.sweep(req, obj, policy)
}

func (s *Server) markDeleted(req *request, key v1alpha1.Key, policy v1alpha1.Propagation, options metav1.DeleteOptions) (*unstructured.Unstructured, error) {
	k := req.kind
	if k.GR() != key.GroupResource() {
		found, ok := req.table.ForResource(key.GroupResource())
		if !ok {
			found = kinds.Kind{Group: key.Group, Resource: key.Resource, Namespaced: key.Namespace != ""}
		}
		k = found
	}
	obj, err := (specs{s}).getEvenCorrupt(req.ctx(), k, key)
	if err != nil {
		return nil, err
	}
	if err := preconditions(k, obj, options.Preconditions); err != nil {
		return nil, err
	}
	if obj.GetDeletionTimestamp() != nil {
		return obj, nil
	}
	now := metav1.NewTime(s.Now()).Rfc3339Copy()
	obj.SetDeletionTimestamp(&now)
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationPropagation] = string(policy)
	obj.SetAnnotations(annotations)
	if len(options.DryRun) > 0 {
		return obj, nil
	}
	return (specs{s}).update(req.ctx(), k, obj, s.provenance(req, obj))
}

// getEvenCorrupt gives a spec that cannot be read as little as its path tells,
// so that it can be deleted.
func (st specs) getEvenCorrupt(ctx context.Context, k kinds.Kind, key v1alpha1.Key) (*unstructured.Unstructured, error) {
	obj, err := st.get(ctx, k, key.Namespace, key.Name)
	if err == nil || !apierrors.IsInternalError(err) || k.Kind == "" {
		return obj, err
	}
	rec, err := st.s.Specs.Spec(ctx, key)
	if err != nil {
		return nil, err
	}
	stub := &unstructured.Unstructured{Object: map[string]any{}}
	stub.SetGroupVersionKind(k.GVK())
	stub.SetName(key.Name)
	stub.SetNamespace(key.Namespace)
	stub.SetResourceVersion(fmt.Sprint(rec.Generation))
	return stub, nil
}

func preconditions(k kinds.Kind, obj *unstructured.Unstructured, p *metav1.Preconditions) error {
	if p == nil {
		return nil
	}
	if p.UID != nil && *p.UID != obj.GetUID() {
		return apierrors.NewConflict(k.GR(), obj.GetName(), errOtherUID(*p.UID, obj.GetUID()))
	}
	if p.ResourceVersion != nil && *p.ResourceVersion != obj.GetResourceVersion() {
		return apierrors.NewConflict(k.GR(), obj.GetName(), errModified)
	}
	return nil
}

// marksAtOnce is how many specs sweep marks at the same time.
const marksAtOnce = 16

// sweep deletes what a Namespace holds and what a definition defines, as an
// API server would: their specs could live nowhere.
func (s *Server) sweep(req *request, obj *unstructured.Unstructured, policy v1alpha1.Propagation) error {
	var prefix string
	match := func(v1alpha1.Key) bool { return true }
	switch req.kind.GR() {
	case namespaces.GR():
		s.namespaces.forget(obj.GetName())
		prefix = obj.GetName() + "/"
	case definitions.GroupResource():
		defined := obj.GetName() // <plural>.<group>
		match = func(k v1alpha1.Key) bool { return k.GroupResource().String() == defined }
	default:
		return nil
	}
	listed, _, err := s.Specs.ListSpecs(req.ctx(), prefix)
	if err != nil {
		return fmt.Errorf("list what %s holds: %w", obj.GetName(), err)
	}
	faults := make([]error, len(listed))
	slots := make(chan struct{}, marksAtOnce)
	var marking sync.WaitGroup
	for i, rec := range listed {
		if !match(rec.Key) {
			continue
		}
		slots <- struct{}{}
		marking.Go(func() {
			defer func() { <-slots }()
			if _, err := s.markDeleted(req, rec.Key, policy, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				faults[i] = fmt.Errorf("delete %s: %w", rec.Key, err)
			}
		})
	}
	marking.Wait()
	return errors.Join(faults...)
}
