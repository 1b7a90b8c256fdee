package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// decode reads the object a request carries, strictly, and passes warnings on.
// What only a server sets is dropped unread.
func (s *Server) decode(req *request, body []byte) (*manifest.Object, error) {
	raw, err := withoutStatus(body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	objects, warnings, err := manifest.Decode(manifest.Document{Source: "request", Line: 1, Raw: raw}, req.table)
	if err != nil {
		return nil, s.refusal(req, err)
	}
	if len(objects) != 1 {
		return nil, apierrors.NewBadRequest("the request must carry one object, not a list")
	}
	for _, text := range warnings {
		warn(req.w, text)
	}
	return objects[0], nil
}

func withoutStatus(body []byte) ([]byte, error) {
	j, err := yaml.ToJSON(body)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(j, &u.Object); err != nil || u.Object["status"] == nil {
		return body, nil // the decoder says better what is wrong
	}
	d := json.NewDecoder(bytes.NewReader(j))
	d.UseNumber()
	if err := d.Decode(&u.Object); err != nil {
		return nil, err
	}
	delete(u.Object, "status")
	return json.Marshal(u.Object)
}

// refusal says what is wrong with an object as an API server would: Invalid
// with the field, where one is known.
func (s *Server) refusal(req *request, err error) error {
	if manifest.IsTooLarge(err) {
		return apierrors.NewRequestEntityTooLargeError(faults(err)[0].Err.Error())
	}
	var list field.ErrorList
	var rest []string
	for _, f := range faults(err) {
		if f.Field == "" {
			rest = append(rest, f.Err.Error())
			continue
		}
		var whole *field.Error
		if errors.As(f.Err, &whole) {
			list = append(list, whole)
			continue
		}
		list = append(list, &field.Error{Type: field.ErrorTypeInvalid, Field: f.Field, BadValue: field.OmitValueType{}, Detail: f.Err.Error()})
	}
	if len(rest) > 0 || len(list) == 0 {
		return apierrors.NewBadRequest(strings.Join(rest, "; "))
	}
	name := req.name
	if name == "" {
		name = "-"
	}
	return apierrors.NewInvalid(req.kind.GVK().GroupKind(), name, list)
}

// faults takes joined errors apart.
func faults(err error) []*manifest.Error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []*manifest.Error
		for _, e := range joined.Unwrap() {
			all = append(all, faults(e)...)
		}
		return all
	}
	var fault *manifest.Error
	if errors.As(err, &fault) {
		return []*manifest.Error{fault}
	}
	return []*manifest.Error{{Err: err}}
}
