package plan

import (
	"encoding/json"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// scale is what a kind says how much of it runs with.
type scale int

const (
	// unscaled kinds have no number.
	unscaled scale = iota
	// byReplicas: spec.replicas.
	byReplicas
	// asJob: spec.parallelism and spec.completions.
	asJob
	// asAutoscaler: spec.maxReplicas and spec.minReplicas.
	asAutoscaler
)

// scaleOf a key. Custom resources may have replicas.
func scaleOf(k v1alpha1.Key) scale {
	switch k.GroupResource().String() {
	case "deployments.apps", "replicasets.apps", "statefulsets.apps", "replicationcontrollers":
		return byReplicas
	case "jobs.batch":
		return asJob
	case "horizontalpodautoscalers.autoscaling":
		return asAutoscaler
	}
	if k.Group != "" && v1alpha1.DividedFields(k.Group, "") != nil {
		return byReplicas
	}
	return unscaled
}

// amount is how much of an object one cluster, or all of them, run.
type amount struct {
	// n are replicas, a Job's parallelism, an autoscaler's maximum. NoReplicas
	// leaves them as the spec has them; bare leaves them out.
	n int64
	// other is a Job's completions, an autoscaler's minimum; NoReplicas where there
	// are none.
	other int64
}

// bare renders a workload that an autoscaler scales, without replicas.
const bare = -2

var whole = amount{NoReplicas, NoReplicas}

// fields of spec that hold the two numbers.
func (s scale) fields() (n, other string) {
	switch s {
	case byReplicas:
		return "replicas", ""
	case asJob:
		return "parallelism", "completions"
	case asAutoscaler:
		return "maxReplicas", "minReplicas"
	}
	return "", ""
}

// amountOf is what a spec asks for in all.
func amountOf(s scale, o *unstructured.Unstructured) (amount, error) {
	first, second := s.fields()
	n, err := number(o, first, 1)
	if err != nil || s == byReplicas {
		return amount{n, NoReplicas}, err
	}
	fallback := int64(NoReplicas)
	if s == asAutoscaler {
		fallback = 1
	}
	other, err := number(o, second, fallback)
	return amount{n, other}, err
}

// number reads spec.<name>; absent is what an API server makes of it.
func number(o *unstructured.Unstructured, name string, absent int64) (int64, error) {
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, "spec", name)
	if err != nil || !found || v == nil {
		return absent, err
	}
	n, ok := v.(int64)
	if f, isFloat := v.(float64); isFloat && f == math.Trunc(f) {
		n, ok = int64(f), true
	}
	if !ok || n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("spec.%s: %v is not a number from 0 to %d", name, v, math.MaxInt32)
	}
	return n, nil
}

// set writes an amount into an object.
func (s scale) set(o *unstructured.Unstructured, a amount) error {
	first, second := s.fields()
	switch {
	case a.n == bare:
		unstructured.RemoveNestedField(o.Object, "spec", first)
	case a.n != NoReplicas:
		if err := unstructured.SetNestedField(o.Object, a.n, "spec", first); err != nil {
			return err
		}
	}
	if a.other == NoReplicas {
		return nil
	}
	return unstructured.SetNestedField(o.Object, a.other, "spec", second)
}

// storedAmount reads back what a manifest asks for.
func storedAmount(o *v1alpha1.ShardObject) amount {
	s := scaleOf(o.Key)
	if s == unscaled || len(o.Manifest) == 0 {
		return whole
	}
	var m struct {
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if json.Unmarshal(o.Manifest, &m) != nil {
		return whole
	}
	first, second := s.fields()
	return amount{stored(m.Spec[first]), stored(m.Spec[second])}
}

func stored(raw json.RawMessage) int64 {
	var n *int64
	if json.Unmarshal(raw, &n) != nil || n == nil || *n < 0 {
		return NoReplicas
	}
	return *n
}
