package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

var errModified = errors.New("the object has been modified; please apply your changes to the latest version and try again")

func errOtherUID(got, now types.UID) error {
	return fmt.Errorf("precondition failed: UID in precondition: %v, UID in object meta: %v", got, now)
}

func (s *Server) patch(req *request) error {
	body, err := req.body()
	if err != nil {
		return err
	}
	apply, err := patcher(req, body)
	if err != nil {
		return err
	}
	updated, err := s.change(req, func(current *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return s.patched(req, current, apply)
	})
	if err != nil {
		return err
	}
	return s.answer(req, http.StatusOK, updated)
}

// patched is the current object after the patch, strictly decoded.
func (s *Server) patched(req *request, current *unstructured.Unstructured, apply func([]byte) ([]byte, error)) (*unstructured.Unstructured, error) {
	// The version stays out of the patched document unless the patch names one.
	current.SetResourceVersion("")
	before, err := json.Marshal(current.Object)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	after, err := apply(before)
	if err != nil {
		return nil, err
	}
	o, err := s.decode(req, after)
	if err != nil {
		return nil, err
	}
	return o.Object, s.admit(req, o.Object, o.Kind)
}

// patcher is the function that a request's body and type mean.
func patcher(req *request, body []byte) (func([]byte) ([]byte, error), error) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		return nil, errUnsupportedMedia("the type of the patch: %v", err)
	}
	switch types.PatchType(kind) {
	case types.JSONPatchType:
		return jsonPatcher(body)
	case types.MergePatchType:
		return func(doc []byte) ([]byte, error) { return badPatch(jsonpatch.MergePatch(doc, body)) }, nil
	case types.StrategicMergePatchType:
		return strategicPatcher(req, body)
	case types.ApplyPatchType, types.ApplyCBORPatchType:
		return nil, errUnsupportedMedia("a federation keeps no field owners, so it does not take server-side apply: use apply without --server-side")
	}
	return nil, errUnsupportedMedia("the body of the request was in an unknown format - accepted media types include: %s, %s, %s",
		types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType)
}

func jsonPatcher(body []byte) (func([]byte) ([]byte, error), error) {
	p, err := jsonpatch.DecodePatch(body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return func(doc []byte) ([]byte, error) {
		after, err := p.Apply(doc)
		if err != nil {
			return nil, unprocessable(err)
		}
		return after, nil
	}, nil
}

func unprocessable(err error) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity,
		Reason: metav1.StatusReasonInvalid, Message: err.Error()}}
}

func strategicPatcher(req *request, body []byte) (func([]byte) ([]byte, error), error) {
	return func(doc []byte) ([]byte, error) {
		gvk := (&unstructured.Unstructured{Object: peekType(doc)}).GroupVersionKind()
		typed, err := manifest.Scheme().New(gvk)
		if runtime.IsNotRegisteredError(err) {
			return nil, errUnsupportedMedia("%s is known by its definition only, which takes no strategic merge patch: use a merge patch", req.kind.GR())
		}
		if err != nil {
			return nil, apierrors.NewInternalError(err)
		}
		return badPatch(strategicpatch.StrategicMergePatch(doc, body, typed))
	}, nil
}

func peekType(doc []byte) map[string]any {
	var t struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	_ = json.Unmarshal(doc, &t) // made by us a moment ago
	return map[string]any{"apiVersion": t.APIVersion, "kind": t.Kind}
}

func badPatch(after []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return after, nil
}
