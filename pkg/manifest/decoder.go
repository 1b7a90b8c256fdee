package manifest

import (
	"errors"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// Decoder reads stored specs and learns the custom resources that their
// definitions, themselves specs, declare. It is safe for concurrent use.
type Decoder struct {
	mu    sync.Mutex
	table *kinds.Table
}

// NewDecoder returns a Decoder that knows the kinds of a current API server.
func NewDecoder() *Decoder { return &Decoder{table: kinds.Builtin()} }

// DecodeSpec is the function of that name over all kinds learnt so far.
func (d *Decoder) DecodeSpec(rec v1alpha1.SpecRecord) (*unstructured.Unstructured, error) {
	d.mu.Lock()
	table := d.table
	d.mu.Unlock()
	o, err := DecodeSpec(rec, table)
	if err != nil {
		return nil, err
	}
	if o.Kind.Kind == "CustomResourceDefinition" {
		if err := d.learn(o.Object); err != nil {
			return nil, err
		}
	}
	return o.Object, nil
}

func (d *Decoder) learn(crd *unstructured.Unstructured) error {
	found, err := kinds.FromDefinition(crd)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.table = d.table.With(found...)
	return nil
}

// IsNoKind says that nothing is known of a kind; a definition may come.
func IsNoKind(err error) bool {
	var e *NoKindError
	return errors.As(err, &e)
}
