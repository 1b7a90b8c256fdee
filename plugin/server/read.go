package server

import (
	"net/http"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func (s *Server) get(req *request) error {
	obj, err := req.storage.get(req.ctx(), req.kind, req.namespace, req.name)
	if err != nil {
		return err
	}
	s.looked(req, obj)
	return s.answer(req, http.StatusOK, obj)
}

// looked: who looks at what is being deleted waits for it to go, and who looks
// at what he wrote waits for what comes of it.
func (s *Server) looked(req *request, obj *unstructured.Unstructured) {
	wrote := s.unseen.take(keyOf(req.kind, req.namespace, req.name).SpecPath())
	if wrote || obj.GetDeletionTimestamp() != nil {
		s.Waiting(req.ctx())
	}
}

func (s *Server) list(req *request) error {
	sel, err := req.selection()
	if err != nil {
		return err
	}
	items, warnings, err := req.selected(sel)
	if err != nil {
		return err
	}
	for _, text := range warnings {
		warn(req.w, text)
	}
	version := s.snapshots.keep(items)
	switch req.shape() {
	case asTable:
		t, err := s.table(req, items)
		if err != nil {
			return err
		}
		t.ResourceVersion = version
		writeJSON(req.w, http.StatusOK, jsonType, t)
	case asMetadata:
		writeJSON(req.w, http.StatusOK, jsonType, metadataList(items, version))
	default:
		writeJSON(req.w, http.StatusOK, jsonType, objectList(req, items, version))
	}
	return nil
}

func objectList(req *request, items []*unstructured.Unstructured, version string) map[string]any {
	list := make([]any, 0, len(items))
	for _, obj := range items {
		list = append(list, obj.Object)
	}
	gvk := req.kind.GVK()
	return map[string]any{"apiVersion": gvk.GroupVersion().String(), "kind": gvk.Kind + "List",
		"metadata": map[string]any{"resourceVersion": version}, "items": list}
}

func metadataList(items []*unstructured.Unstructured, version string) map[string]any {
	list := make([]any, 0, len(items))
	for _, obj := range items {
		list = append(list, metadataOnly(obj))
	}
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
		"metadata": map[string]any{"resourceVersion": version}, "items": list}
}

func metadataOnly(obj *unstructured.Unstructured) map[string]any {
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": obj.Object["metadata"]}
}

// answer shows one object in the shape the client asked for.
func (s *Server) answer(req *request, code int, obj *unstructured.Unstructured) error {
	switch req.shape() {
	case asTable:
		t, err := s.table(req, []*unstructured.Unstructured{obj})
		if err != nil {
			return err
		}
		t.ResourceVersion = obj.GetResourceVersion()
		writeJSON(req.w, code, jsonType, t)
	case asMetadata:
		writeJSON(req.w, code, jsonType, metadataOnly(obj))
	default:
		writeJSON(req.w, code, jsonType, obj.Object)
	}
	return nil
}
