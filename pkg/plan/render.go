package plan

import (
	"encoding/json"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// defaultReplicas is what an API server makes of an absent spec.replicas.
const defaultReplicas = 1

// serverOwned are the fields of metadata that an API server sets. A spec read
// from a cluster carries them; in another cluster they are wrong. An owner
// reference would make the member's garbage collector delete the object, as
// the owner's uid means nothing there.
var serverOwned = []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields",
	"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "ownerReferences"}

// submission are annotations addressed to the federation or to a client, not
// to the member.
var submission = []string{v1alpha1.AnnotationPropagation, "kubectl.kubernetes.io/last-applied-configuration"}

// divided says whether the kind's replicas are divided over the clusters.
func divided(k v1alpha1.Key) bool {
	return k.Group == "apps" && (k.Resource == "deployments" || k.Resource == "replicasets")
}

// wantedReplicas is the total a spec of a divided kind asks for.
func wantedReplicas(o *unstructured.Unstructured) (int64, error) {
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
	if err != nil || !found || v == nil {
		return defaultReplicas, err
	}
	n, ok := v.(int64)
	if f, isFloat := v.(float64); isFloat && f == math.Trunc(f) {
		n, ok = int64(f), true
	}
	if !ok || n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("spec.replicas: %v is not a number from 0 to %d", v, math.MaxInt32)
	}
	return n, nil
}

// manifest renders what a member is to apply.
func manifest(k v1alpha1.Key, o *unstructured.Unstructured, replicas int64) (json.RawMessage, error) {
	o = o.DeepCopy()
	unstructured.RemoveNestedField(o.Object, "status")
	for _, field := range serverOwned {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	dropAnnotations(o)
	if k.Namespace != "" {
		o.SetNamespace(k.Namespace)
	}
	if replicas != NoReplicas {
		if err := unstructured.SetNestedField(o.Object, replicas, "spec", "replicas"); err != nil {
			return nil, err
		}
	}
	// Not Unstructured's own encoder: this one sorts, escapes and ends the same
	// way as what a shard is read back as.
	return json.Marshal(o.Object)
}

func dropAnnotations(o *unstructured.Unstructured) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		return
	}
	for _, a := range submission {
		delete(annotations, a)
	}
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
		return
	}
	o.SetAnnotations(annotations)
}

// Cache keeps rendered manifests by spec generation, so that a pass costs what
// changed. It belongs to one sequence of plans of one federation and is not
// safe for concurrent use. Plans with and without it are the same.
type Cache struct {
	specs map[v1alpha1.Key]*renderedSpec
}

// NewCache returns an empty one.
func NewCache() *Cache { return &Cache{specs: map[v1alpha1.Key]*renderedSpec{}} }

type renderedSpec struct {
	generation int64
	total      int64 // NoReplicas when not divided
	manifests  map[int64]json.RawMessage
}

// open checks a spec and returns its place in the cache.
func (c *Cache) open(s *Spec) (*renderedSpec, error) {
	if r := c.specs[s.Key]; r != nil && r.generation == s.Generation {
		return r, nil
	}
	r := &renderedSpec{generation: s.Generation, total: NoReplicas, manifests: map[int64]json.RawMessage{}}
	if divided(s.Key) {
		var err error
		if r.total, err = wantedReplicas(s.Object); err != nil {
			return nil, err
		}
	}
	if _, err := r.manifest(s, r.total); err != nil {
		return nil, err
	}
	c.specs[s.Key] = r
	return r, nil
}

// keep forgets specs that are no more.
func (c *Cache) keep(specs []Spec) {
	if len(c.specs) <= 2*len(specs) {
		return
	}
	kept := make(map[v1alpha1.Key]*renderedSpec, len(specs))
	for i := range specs {
		if r := c.specs[specs[i].Key]; r != nil {
			kept[specs[i].Key] = r
		}
	}
	c.specs = kept
}

func (r *renderedSpec) manifest(s *Spec, replicas int64) (json.RawMessage, error) {
	if m, ok := r.manifests[replicas]; ok {
		return m, nil
	}
	m, err := manifest(s.Key, s.Object, replicas)
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	r.manifests[replicas] = m
	return m, nil
}
