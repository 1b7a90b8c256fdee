package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// shape is how a client wants an object shown.
type shape int

const (
	asObject shape = iota
	asTable
	asMetadata
)

// shape reads the first of the accepted forms that is ours to choose.
func (req *request) shape() shape {
	for form := range strings.SplitSeq(req.Header.Get("Accept"), ",") {
		switch {
		case !strings.Contains(form, "json"):
		case strings.Contains(form, "as=Table"):
			return asTable
		case strings.Contains(form, "as=PartialObjectMetadata"):
			return asMetadata
		default:
			return asObject
		}
	}
	return asObject
}

// column is one column of a kind's table.
type column struct {
	name string
	// wide columns are shown by -o wide only.
	wide bool
	cell func(row) any
}

// row is an object whose cells are being made.
type row struct {
	*unstructured.Unstructured
	now time.Time
	// copies is in how many clusters a copied object is; at least 1.
	copies int64
}

func (s *Server) table(req *request, items []*unstructured.Unstructured) (*metav1.Table, error) {
	cols, err := s.columns(req)
	if err != nil {
		return nil, err
	}
	copies, err := s.copies(req.ctx(), req.kind, items)
	if err != nil {
		return nil, err
	}
	t := &metav1.Table{TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"}, Rows: []metav1.TableRow{}}
	for _, c := range cols {
		t.ColumnDefinitions = append(t.ColumnDefinitions, definition(c))
	}
	for _, obj := range items {
		tr := metav1.TableRow{}
		n := max(1, copies[types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}])
		for _, c := range cols {
			tr.Cells = append(tr.Cells, c.cell(row{obj, s.Now(), n}))
		}
		if tr.Object, err = included(req, obj); err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, tr)
	}
	return t, nil
}

func definition(c column) metav1.TableColumnDefinition {
	d := metav1.TableColumnDefinition{Name: c.name, Type: "string"}
	if c.name == "Name" {
		d.Format = "name"
	}
	if c.wide {
		d.Priority = 1
	}
	return d
}

// included is the object a row carries along, as the client asked.
func included(req *request, obj *unstructured.Unstructured) (runtime.RawExtension, error) {
	var part map[string]any
	switch include := req.URL.Query().Get("includeObject"); include {
	case "None":
		return runtime.RawExtension{}, nil
	case "Object":
		part = obj.Object
	case "", "Metadata":
		part = metadataOnly(obj)
	default:
		return runtime.RawExtension{}, apierrors.NewBadRequest(fmt.Sprintf("unrecognized includeObject value: %q", include))
	}
	raw, err := json.Marshal(part)
	if err != nil {
		return runtime.RawExtension{}, apierrors.NewInternalError(err)
	}
	return runtime.RawExtension{Raw: raw}, nil
}
