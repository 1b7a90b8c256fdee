package plan

import (
	"bytes"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/override"
)

// submission are annotations addressed to the federation or to a client, not
// to the member.
var submission = []string{v1alpha1.AnnotationPropagation, v1alpha1.AnnotationRolloutPaused, v1alpha1.AnnotationRolloutApproved,
	v1alpha1.AnnotationV1DeploymentPreferences, v1alpha1.AnnotationV1ReplicaSetPreferences, v1alpha1.AnnotationV1ClusterSelector,
	"kubectl.kubernetes.io/last-applied-configuration"}

// objectKey names an object with the overrides of some clusters.
type objectKey struct {
	group string
	// base is the generation that an undo goes back to; 0 for the spec.
	base int64
	// exposed: an Ingress that the federation serves names it.
	exposed bool
}

// renderKey names a manifest.
type renderKey struct {
	objectKey
	amount amount
}

// maxRendered bounds what is kept of one object.
const maxRendered = 1024

// clean takes off what is not for members.
func clean(k v1alpha1.Key, o *unstructured.Unstructured) *unstructured.Unstructured {
	o = o.DeepCopy()
	v1alpha1.ForgetClusterFields(o)
	dropAnnotations(o, submission...)
	if k.Namespace != "" {
		o.SetNamespace(k.Namespace)
	}
	return o
}

func dropAnnotations(o *unstructured.Unstructured, names ...string) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		return
	}
	for _, a := range names {
		delete(annotations, a)
	}
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
		return
	}
	o.SetAnnotations(annotations)
}

// object is the spec, or its base, with the overrides of one member.
func (it *item) objectFor(f *fit, base int64) (*unstructured.Unstructured, error) {
	in, k := it.intent, objectKey{f.group, base, it.exposed}
	if o := in.objects[k]; o != nil {
		return o, nil
	}
	source := it.spec.Object
	if base != 0 {
		source = it.spec.Base
	}
	o := clean(it.key, source)
	var divided []string
	if in.divided {
		divided = v1alpha1.DividedFields(it.key.Group, source.GetKind())
	}
	if err := override.Apply(o, f.overrides, divided...); err != nil {
		return nil, err
	}
	it.serve(source, o)
	in.objects[k] = o
	return o, nil
}

// checkOverrides holds an item whose overrides do not fit it.
func (p *planner) checkOverrides(it *item) bool {
	last := -1 // member with the overrides that were checked last
	for c := range it.cells {
		s, f := it.cells[c].stand, &it.intent.policy.fits[c]
		if s == unread || s == frozen || s == out && !p.has(it, c) || last >= 0 && it.intent.policy.fits[last].group == f.group {
			continue
		}
		last = c
		if _, err := it.objectFor(f, 0); err != nil {
			it.hold(v1alpha1.HeldOverride, fmt.Sprintf("cluster %s: Placement %s: spec.%v", p.names[c], it.placement, err))
			return false
		}
	}
	return true
}

// manifest renders what one member is to run.
func (p *planner) manifest(it *item, c int, a amount, base int64) (*Placed, error) {
	f, in := &it.intent.policy.fits[c], it.intent
	k := renderKey{objectKey{f.group, base, it.exposed}, a}
	generation := it.spec.Generation
	if base != 0 {
		generation = base
	}
	if k != in.lastKey || in.last == nil { // most members are given the same
		in.lastKey, in.last = k, in.rendered[k]
	}
	if o := in.last; o != nil && o.UID == it.uid && o.Generation == generation {
		return o, nil
	}
	source, err := it.objectFor(f, base)
	if err != nil {
		return nil, err
	}
	o, err := encode(it.key, it.uid, generation, source, in.scale, a)
	if err != nil {
		return nil, err
	}
	p.cache.renders++
	if len(in.rendered) >= maxRendered {
		clear(in.rendered)
	}
	in.rendered[k], in.last = o, o
	return o, nil
}

// encode writes an amount into an object and the object as a member is to apply
// it.
func encode(k v1alpha1.Key, uid types.UID, generation int64, source *unstructured.Unstructured, s scale, a amount) (*Placed, error) {
	o := source
	if a != whole {
		o = source.DeepCopy()
		if err := s.set(o, a); err != nil {
			return nil, err
		}
	}
	// Not Unstructured's own encoder: this one sorts, escapes and ends the same
	// way as what a shard is read back as.
	body, err := json.Marshal(o.Object)
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return newPlaced(v1alpha1.ShardObject{Key: k, UID: uid, Generation: generation, Manifest: body}), nil
}

// renderAll fills in what every member is given.
func (p *planner) renderAll(it *item) {
	for c := range it.cells {
		cell := &it.cells[c]
		if cell.next = nil; !cell.there {
			continue
		}
		switch cell.stand {
		case frozen, unread:
			cell.next = it.prev[c]
		default:
			cell.next = p.render(it, c)
		}
	}
}

// render is what one member is given: what it has, if that is the same.
func (p *planner) render(it *item, c int) *Placed {
	cell, prev := &it.cells[c], it.prev[c]
	a := amount{cell.given, cell.other}
	if it.divides && p.uncounted(it, c) {
		a.n, it.waits = bare, true // no number is written over one that is not known
	}
	if !cell.may && !it.undone && p.has(it, c) {
		return p.adjusted(it, prev, a)
	}
	o, err := p.manifest(it, c, a, it.baseFor(c))
	if err != nil { // the overrides fitted when they were checked
		return prev
	}
	if prev != nil && prev.UID == it.uid && same(prev, o) {
		return prev
	}
	return o
}

// same says whether two manifests ask for the same. One that is assumed stands
// for whatever its spec says.
func same(prev, o *Placed) bool {
	if len(prev.Manifest) == 0 {
		return prev.Replicas == o.Replicas
	}
	return bytes.Equal(prev.Manifest, o.Manifest)
}

// adjusted is what a member has, with another amount.
func (p *planner) adjusted(it *item, prev *Placed, a amount) *Placed {
	if had := storedAmount(&prev.ShardObject); a == whole || had == a || len(prev.Manifest) == 0 ||
		it.intent.scale == byReplicas && had.n == a.n || a.n == bare && had.n == NoReplicas {
		return prev
	}
	o := &unstructured.Unstructured{}
	if json.Unmarshal(prev.Manifest, &o.Object) != nil {
		return prev
	}
	placed, err := encode(it.key, prev.UID, prev.Generation, o, it.intent.scale, a)
	if err != nil {
		return prev
	}
	return placed
}

// Assumed is what a shard would have of a spec with so many replicas
// (NoReplicas: as the spec has them), whatever the overrides are: a previous
// shard of assumed clusters is made of them.
func Assumed(s Spec, replicas int64) *Placed {
	return &Placed{ShardObject: v1alpha1.ShardObject{Key: s.Key, UID: "assumed", Generation: s.Generation}, Replicas: replicas}
}
