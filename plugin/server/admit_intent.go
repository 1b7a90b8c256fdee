package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/override"
)

// admitIntent refuses a Placement whose overrides do not fit an object that it
// decides, and an object that the overrides deciding it do not fit. Together is
// what is submitted with it.
func (s *Server) admitIntent(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, together []*unstructured.Unstructured) error {
	switch {
	case obj.GetNamespace() == "" || obj.GetDeletionTimestamp() != nil:
		return nil
	case k.GR() == placements:
		return s.admitPlacement(ctx, obj, together)
	case k.Group == v1alpha1.Group:
		return nil
	}
	stored, err := s.placements(ctx, obj.GetNamespace())
	if err != nil {
		return err
	}
	p := v1alpha1.Decides(overlaid(stored, obj.GetNamespace(), together), k.Group, k.Kind, obj.GetNamespace(), obj.GetName(), obj.GetLabels())
	if p == nil {
		return nil
	}
	fault, err := s.fit(ctx, p, k, obj)
	if err != nil || fault == nil {
		return err
	}
	text := fmt.Sprintf("Placement %s does not fit it: %s: %s; change the one or the other", p.Name, fault.Field, fault.Detail)
	return apierrors.NewInvalid(k.GVK().GroupKind(), obj.GetName(), field.ErrorList{field.Invalid(field.NewPath("spec"), field.OmitValueType{}, text)})
}

func (s *Server) admitPlacement(ctx context.Context, obj *unstructured.Unstructured, together []*unstructured.Unstructured) error {
	p, err := v1alpha1.PlacementOf(obj.Object)
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	faults, err := s.unknownKinds(ctx, p)
	if err != nil {
		return err
	}
	if len(faults) == 0 && len(p.Spec.Overrides) > 0 {
		if faults, err = s.misfits(ctx, p, append(slices.Clone(together), obj)); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return apierrors.NewInvalid(obj.GroupVersionKind().GroupKind(), p.Name, faults)
	}
	return nil
}

// unknownKinds are the selectors that can never match anything. A custom
// resource may come later than its Placement.
func (s *Server) unknownKinds(ctx context.Context, p *v1alpha1.Placement) (field.ErrorList, error) {
	var faults field.ErrorList
	for i := range p.Spec.Objects {
		sel, at := &p.Spec.Objects[i], field.NewPath("spec", "objects").Index(i)
		c, err := s.catalogOf(ctx, sel)
		if err != nil {
			return nil, err
		}
		found := selectedKinds(c, sel)
		group := func(k kinds.Kind) bool { return k.Group == sel.APIGroup }
		switch {
		case slices.ContainsFunc(found, func(k kinds.Kind) bool { return k.Namespaced }):
		case len(found) > 0:
			faults = append(faults, field.Invalid(at.Child("kind"), sel.Kind, "is cluster-scoped, and a Placement is about objects of its namespace: "+
				"say where it goes with the annotation "+v1alpha1.AnnotationV1ClusterSelector))
		case sel.APIGroup == "":
			faults = append(faults, field.Invalid(at.Child("kind"), sel.Kind, "is no kind of Kubernetes; for a custom resource say its apiGroup"))
		case sel.APIGroup == "extensions" || slices.ContainsFunc(s.catalogs.builtin.table.All(), group):
			faults = append(faults, field.Invalid(at.Child("kind"), sel.Kind, "is no kind of the group "+sel.APIGroup+" that clusters serve today; leave apiGroup out for a kind of Kubernetes"))
		}
	}
	return faults, nil
}

// catalogOf reads the custom resources only for a selector of another group.
func (s *Server) catalogOf(ctx context.Context, sel *v1alpha1.ObjectSelector) (*catalog, error) {
	if len(selectedKinds(s.catalogs.builtin, sel)) > 0 || sel.APIGroup == "" {
		return s.catalogs.builtin, nil
	}
	return s.fullCatalog(ctx)
}

// mostMisfits is how many objects a refusal names.
const mostMisfits = 5

// misfits are the stored objects that the Placement would decide and does not
// fit. What is submitted along with it is looked at for itself.
func (s *Server) misfits(ctx context.Context, p *v1alpha1.Placement, together []*unstructured.Unstructured) (field.ErrorList, error) {
	objects, err := s.decided(ctx, p, together)
	if err != nil {
		return nil, err
	}
	var faults field.ErrorList
	for _, o := range objects {
		if o.Object.GetDeletionTimestamp() != nil || submitted(together, o.Object) {
			continue
		}
		fault, err := s.fit(ctx, p, o.Kind, o.Object)
		if err != nil {
			return nil, err
		}
		if fault != nil {
			faults = append(faults, fault)
		}
		if len(faults) == mostMisfits {
			break
		}
	}
	return faults, nil
}

// Decided are the objects that a stored Placement decides, by kind and name as
// it selects them.
func (s *Server) Decided(ctx context.Context, p *v1alpha1.Placement) ([]*manifest.Object, error) {
	return s.decided(ctx, p, nil)
}

func (s *Server) decided(ctx context.Context, p *v1alpha1.Placement, together []*unstructured.Unstructured) ([]*manifest.Object, error) {
	stored, err := s.placements(ctx, p.Namespace)
	if err != nil {
		return nil, err
	}
	decisions := v1alpha1.NewDecisions(overlaid(stored, p.Namespace, together))
	objects, err := s.selectedObjects(ctx, p)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(objects, func(o *manifest.Object) bool {
		by := decisions.For(o.Kind.Group, o.Kind.Kind, p.Namespace, o.Object.GetName(), o.Object.GetLabels())
		return by == nil || by.Name != p.Name
	}), nil
}

// selectedObjects are those of the kinds and names that the Placement selects.
// One that cannot be read is the leader's to report.
func (s *Server) selectedObjects(ctx context.Context, p *v1alpha1.Placement) ([]*manifest.Object, error) {
	var all []*manifest.Object
	seen := map[v1alpha1.Key]bool{}
	for i := range p.Spec.Objects {
		sel := &p.Spec.Objects[i]
		c, err := s.catalogOf(ctx, sel)
		if err != nil {
			return nil, err
		}
		for _, k := range selectedKinds(c, sel) {
			records, err := s.selected(ctx, k, p.Namespace, sel.Name)
			if err != nil {
				return nil, err
			}
			for _, rec := range records {
				o, err := manifest.DecodeSpec(rec, c.table)
				if err == nil && !seen[rec.Key] {
					all = append(all, o)
				}
				seen[rec.Key] = true
			}
		}
	}
	return all, nil
}

// selected reads one object, or all of a kind, of a namespace.
func (s *Server) selected(ctx context.Context, k kinds.Kind, namespace, name string) ([]v1alpha1.SpecRecord, error) {
	if !k.Namespaced {
		return nil, nil
	}
	if name == "" {
		records, _, err := specs{s}.records(ctx, k, namespace)
		return records, err
	}
	rec, err := s.Specs.Spec(ctx, keyOf(k, namespace, name))
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []v1alpha1.SpecRecord{*rec}, nil
}

func submitted(together []*unstructured.Unstructured, obj *unstructured.Unstructured) bool {
	id := func(o *unstructured.Unstructured) [3]string {
		return [3]string{o.GroupVersionKind().GroupKind().String(), o.GetNamespace(), o.GetName()}
	}
	return slices.ContainsFunc(together, func(o *unstructured.Unstructured) bool { return id(o) == id(obj) })
}

// fit says what of the Placement's overrides does not fit the object, or nil.
func (s *Server) fit(ctx context.Context, p *v1alpha1.Placement, k kinds.Kind, obj *unstructured.Unstructured) (*field.Error, error) {
	if len(p.Spec.Overrides) == 0 {
		return nil, nil
	}
	variants, err := s.variants(ctx, p)
	if err != nil {
		return nil, err
	}
	var divided []string
	if p.StrategyFor(k.Group, k.Kind) == v1alpha1.StrategyDivide {
		divided = v1alpha1.DividedFields(k.Group, k.Kind)
	}
	for _, v := range variants {
		changed := obj.DeepCopy()
		unstructured.RemoveNestedField(changed.Object, "status")
		if err := override.Apply(changed, v.overrides, divided...); err != nil {
			part, why, _ := strings.Cut(err.Error(), ": ")
			return field.Invalid(field.NewPath("spec."+part), field.OmitValueType{}, why), nil
		}
		if err := s.stillValid(ctx, k, changed); err != nil {
			why := fmt.Sprintf("for %s, they make %s %s invalid: %v", v.who, k.Kind, obj.GetName(), err)
			return field.Invalid(field.NewPath("spec", "overrides"), field.OmitValueType{}, why), nil
		}
	}
	return nil, nil
}

// stillValid decodes the overridden object as strictly as a submitted one.
func (s *Server) stillValid(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured) error {
	c, err := s.catalogFor(ctx, k.GVR())
	if err != nil {
		return err
	}
	raw, err := json.Marshal(obj.Object)
	if err != nil {
		return err
	}
	_, _, err = manifest.Decode(manifest.Document{Raw: raw}, c.table)
	if err == nil {
		return nil
	}
	fault := faults(err)[0]
	if fault.Field == "" {
		return fault.Err
	}
	return fmt.Errorf("%s: %w", fault.Field, fault.Err)
}
