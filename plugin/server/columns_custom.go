package server

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/jsonpath"

	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// printerColumns are those a custom resource's definition asks for. A kind
// without a definition here has its name and age.
func (s *Server) printerColumns(req *request) ([]column, error) {
	cols := []column{nameColumn()}
	declared, err := s.declaredColumns(req)
	if err != nil {
		return nil, err
	}
	for _, d := range declared {
		if c, ok := printerColumn(d); ok {
			cols = append(cols, c)
		}
	}
	if len(declared) == 0 {
		cols = append(cols, ageColumn())
	}
	return cols, nil
}

func (s *Server) declaredColumns(req *request) ([]apiextensionsv1.CustomResourceColumnDefinition, error) {
	if _, builtin := s.catalogs.builtin.table.ForKind(req.kind.GVK()); builtin {
		return nil, nil
	}
	key := definitions
	key.Name = req.kind.GR().String()
	rec, err := s.Specs.Spec(req.ctx(), key)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the definition of %s: %w", key.Name, err)
	}
	o, err := manifest.DecodeSpec(*rec, s.Table)
	if err != nil {
		return nil, nil // the leader reports it; NAME and AGE will do
	}
	crd := apiextensionsv1.CustomResourceDefinition{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object.Object, &crd) != nil {
		return nil, nil
	}
	for _, v := range crd.Spec.Versions {
		if v.Name == req.kind.Version {
			return v.AdditionalPrinterColumns, nil
		}
	}
	return nil, nil
}

func printerColumn(d apiextensionsv1.CustomResourceColumnDefinition) (column, bool) {
	path := jsonpath.New(d.Name).AllowMissingKeys(true)
	if path.Parse("{"+d.JSONPath+"}") != nil {
		return column{}, false
	}
	return column{name: d.Name, wide: d.Priority > 0, cell: func(r row) any {
		var out bytes.Buffer
		if path.Execute(&out, r.Object) != nil {
			return none
		}
		text := strings.TrimSpace(out.String())
		if t, err := time.Parse(time.RFC3339, text); d.Type == "date" && err == nil {
			return r.since(metav1.NewTime(t))
		}
		return orNone(text)
	}}, true
}
