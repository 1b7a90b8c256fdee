package server

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// selection is which objects of a collection a request means.
type selection struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func (req *request) selection() (selection, error) {
	q := req.URL.Query()
	sel := selection{namespace: req.namespace}
	var err error
	if sel.labels, err = labels.Parse(q.Get("labelSelector")); err != nil {
		return sel, apierrors.NewBadRequest(fmt.Sprintf("label selector: %v", err))
	}
	if sel.fields, err = fields.ParseSelector(q.Get("fieldSelector")); err != nil {
		return sel, apierrors.NewBadRequest(fmt.Sprintf("field selector: %v", err))
	}
	for _, r := range sel.fields.Requirements() {
		if r.Field != "metadata.name" && r.Field != "metadata.namespace" {
			return sel, apierrors.NewBadRequest(fmt.Sprintf("field label not supported: %s", r.Field))
		}
	}
	if req.name != "" { // a watch of one object
		sel.fields = fields.AndSelectors(sel.fields, fields.OneTermEqualSelector("metadata.name", req.name))
	}
	if ns, ok := sel.fields.RequiresExactMatch("metadata.namespace"); ok && sel.namespace == "" {
		sel.namespace = ns
	}
	return sel, nil
}

// single names the only object that can match, if there is such.
func (sel selection) single(k kinds.Kind) (name string, ok bool) {
	name, ok = sel.fields.RequiresExactMatch("metadata.name")
	return name, ok && (!k.Namespaced || sel.namespace != "")
}

func (sel selection) matches(obj *unstructured.Unstructured) bool {
	return sel.labels.Matches(labels.Set(obj.GetLabels())) &&
		sel.fields.Matches(fields.Set{"metadata.name": obj.GetName(), "metadata.namespace": obj.GetNamespace()})
}

// selected reads the objects that match.
func (req *request) selected(sel selection) (items []*unstructured.Unstructured, warnings []string, err error) {
	var all []*unstructured.Unstructured
	if name, ok := sel.single(req.kind); ok {
		obj, err := req.storage.get(req.ctx(), req.kind, sel.namespace, name)
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil, nil
		case err != nil:
			return nil, nil, err
		}
		all = append(all, obj)
	} else if all, warnings, err = req.storage.list(req.ctx(), req.kind, sel.namespace); err != nil {
		return nil, nil, err
	}
	for _, obj := range all {
		if sel.matches(obj) {
			items = append(items, obj)
		}
	}
	return items, warnings, nil
}
