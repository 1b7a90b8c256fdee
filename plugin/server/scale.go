package server

import (
	"encoding/json"
	"fmt"
	"net/http"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// scale answers the scale subresource: replicas over the whole federation.
func (s *Server) scale(req *request) error {
	switch req.Method {
	case http.MethodGet:
		obj, err := req.storage.get(req.ctx(), req.kind, req.namespace, req.name)
		if err != nil {
			return err
		}
		s.looked(req, obj)
		writeJSON(req.w, http.StatusOK, jsonType, scaleOf(obj))
		return nil
	case http.MethodPut, http.MethodPatch:
		return s.rescale(req)
	}
	return apierrors.NewMethodNotSupported(req.kind.GR(), req.Method)
}

func (s *Server) rescale(req *request) error {
	body, err := req.body()
	if err != nil {
		return err
	}
	apply := func([]byte) ([]byte, error) { return body, nil }
	if req.Method == http.MethodPatch {
		if apply, err = patcher(req, body); err != nil {
			return err
		}
	}
	updated, err := s.change(req, func(current *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return scaled(req, current, apply)
	})
	if err != nil {
		return err
	}
	writeJSON(req.w, http.StatusOK, jsonType, scaleOf(updated))
	return nil
}

func scaled(req *request, current *unstructured.Unstructured, apply func([]byte) ([]byte, error)) (*unstructured.Unstructured, error) {
	was := scaleOf(current)
	was.ResourceVersion = ""
	before, err := json.Marshal(was)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	after, err := apply(before)
	if err != nil {
		return nil, err
	}
	wanted := autoscalingv1.Scale{}
	if err := json.Unmarshal(after, &wanted); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("decode the scale: %v", err))
	}
	if wanted.Spec.Replicas < 0 {
		return nil, apierrors.NewInvalid(autoscalingv1.SchemeGroupVersion.WithKind("Scale").GroupKind(), req.name, field.ErrorList{
			field.Invalid(field.NewPath("spec", "replicas"), wanted.Spec.Replicas, "must be greater than or equal to 0")})
	}
	current.SetResourceVersion(wanted.ResourceVersion)
	err = unstructured.SetNestedField(current.Object, int64(wanted.Spec.Replicas), "spec", "replicas")
	return current, err
}

func scaleOf(obj *unstructured.Unstructured) *autoscalingv1.Scale {
	sc := &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{Kind: "Scale", APIVersion: "autoscaling/v1"},
		ObjectMeta: metav1.ObjectMeta{Name: obj.GetName(), Namespace: obj.GetNamespace(), UID: obj.GetUID(),
			ResourceVersion: obj.GetResourceVersion(), CreationTimestamp: obj.GetCreationTimestamp()},
		Spec: autoscalingv1.ScaleSpec{Replicas: int32(wantedReplicas(obj))},
	}
	n, _, _ := unstructured.NestedInt64(obj.Object, "status", "replicas")
	sc.Status.Replicas = int32(n)
	sc.Status.Selector = selectorOf(obj)
	return sc
}

// wantedReplicas is 1 where the spec does not say, as an API server defaults.
func wantedReplicas(obj *unstructured.Unstructured) int64 {
	n, found, err := unstructured.NestedInt64(obj.Object, "spec", "replicas")
	if !found || err != nil {
		return 1
	}
	return n
}

// selectorOf is the object's pod selector in text, empty if it has none.
func selectorOf(obj *unstructured.Unstructured) string {
	m, found, err := unstructured.NestedMap(obj.Object, "spec", "selector")
	if !found || err != nil {
		return ""
	}
	ls := metav1.LabelSelector{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(m, &ls) != nil {
		return ""
	}
	if s, err := metav1.LabelSelectorAsSelector(&ls); err == nil && len(ls.MatchLabels)+len(ls.MatchExpressions) > 0 {
		return s.String()
	}
	return ""
}
