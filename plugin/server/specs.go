package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// specs keeps the members' kinds: the manifest under specs/, the rest in status/.
type specs struct{ s *Server }

func (st specs) get(ctx context.Context, k kinds.Kind, namespace, name string) (*unstructured.Unstructured, error) {
	key := keyOf(k, namespace, name)
	rec, err := st.s.Specs.Spec(ctx, key)
	if err != nil {
		return nil, err
	}
	status, err := st.status(ctx, key)
	if err != nil {
		return nil, err
	}
	if status == nil && rec.Updated.IsZero() {
		rec.Updated = st.updated(ctx, key)
	}
	return st.view(ctx, k, *rec, status)
}

// updated is when a spec was written. A listing tells where a read does not;
// that nothing can be found out is no reason not to show the object.
func (st specs) updated(ctx context.Context, key v1alpha1.Key) time.Time {
	found, _, err := st.s.Specs.ListSpecs(ctx, key.String())
	for _, rec := range found {
		if err == nil && rec.Key == key {
			return rec.Updated
		}
	}
	return time.Time{}
}

// status is nil where the leader has not seen the spec yet.
func (st specs) status(ctx context.Context, key v1alpha1.Key) (*v1alpha1.ObjectStatus, error) {
	status, err := st.s.Statuses.ObjectStatus(ctx, key)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the status of %s: %w", key, err)
	}
	return status, nil
}

func (st specs) view(ctx context.Context, k kinds.Kind, rec v1alpha1.SpecRecord, status *v1alpha1.ObjectStatus) (*unstructured.Unstructured, error) {
	c, err := st.s.catalogFor(ctx, k.GVR())
	if err != nil {
		return nil, err
	}
	o, err := manifest.DecodeSpec(rec, c.table)
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("what the bucket holds as %s is not readable: %w", rec.Key.SpecPath(), err))
	}
	obj := complete(o, rec, status)
	if st.s.newborn.contain(rec.Key.SpecPath()) {
		// It was created without a uid. kubectl's prune must know it again,
		// even if the leader has given it one meanwhile.
		obj.SetUID("")
	}
	return obj, nil
}

func (st specs) list(ctx context.Context, k kinds.Kind, namespace string) ([]*unstructured.Unstructured, []string, error) {
	records, warnings, err := st.records(ctx, k, namespace)
	if err != nil {
		return nil, nil, err
	}
	statuses, err := st.statuses(ctx, records)
	if err != nil {
		return nil, nil, err
	}
	var items []*unstructured.Unstructured
	for _, rec := range records {
		var status *v1alpha1.ObjectStatus
		if found, ok := statuses[rec.Key]; ok {
			status = &found
		}
		obj, err := st.view(ctx, k, rec, status)
		if err != nil {
			warnings = append(warnings, err.Error())
			continue
		}
		items = append(items, obj)
	}
	return items, warnings, nil
}

// records reads the specs of one kind, by key.
func (st specs) records(ctx context.Context, k kinds.Kind, namespace string) ([]v1alpha1.SpecRecord, []string, error) {
	prefix := ""
	switch {
	case !k.Namespaced:
		prefix = v1alpha1.ClusterScope + "/" + k.GR().String() + "/"
	case namespace != "":
		prefix = namespace + "/" + k.GR().String() + "/"
	}
	listed, _, err := st.s.Specs.ListSpecs(ctx, prefix)
	if err != nil {
		return nil, nil, err
	}
	listed = slices.DeleteFunc(listed, func(r v1alpha1.SpecRecord) bool { return r.Key.GroupResource() != k.GR() })
	read, failed := st.s.Specs.ReadSpecs(ctx, listed)
	var warnings []string
	for _, key := range slices.SortedFunc(maps.Keys(failed), v1alpha1.Key.Compare) {
		if err := failed[key]; !apierrors.IsNotFound(err) {
			if ctx.Err() != nil || apierrors.IsServiceUnavailable(err) || apierrors.IsForbidden(err) {
				return nil, nil, fmt.Errorf("read %s: %w", key, err)
			}
			warnings = append(warnings, fmt.Sprintf("%s: %v", key.SpecPath(), err))
		}
	}
	updated := map[v1alpha1.Key]time.Time{}
	for _, r := range listed {
		updated[r.Key] = r.Updated
	}
	for i := range read {
		if read[i].Updated.IsZero() {
			read[i].Updated = updated[read[i].Key]
		}
	}
	slices.SortFunc(read, func(a, b v1alpha1.SpecRecord) int { return a.Key.Compare(b.Key) })
	return read, warnings, nil
}

// statuses reads those of one kind's records, a listing per namespace.
func (st specs) statuses(ctx context.Context, records []v1alpha1.SpecRecord) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error) {
	all := map[v1alpha1.Key]v1alpha1.ObjectStatus{}
	for i, rec := range records {
		if i > 0 && records[i-1].Key.Namespace == rec.Key.Namespace {
			continue
		}
		found, err := st.s.Statuses.ObjectStatuses(ctx, rec.Key.Scope()+"/"+rec.Key.GroupResource().String()+"/")
		if err != nil {
			return nil, fmt.Errorf("read the status: %w", err)
		}
		maps.Copy(all, found)
	}
	return all, nil
}

func (st specs) create(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, p v1alpha1.Provenance) (*unstructured.Unstructured, error) {
	body, err := encode(obj)
	if err != nil {
		return nil, err
	}
	key := keyOf(k, obj.GetNamespace(), obj.GetName())
	rec, err := st.s.Specs.CreateSpec(ctx, key, body, p)
	if err != nil {
		return nil, err
	}
	st.s.newborn.add(key.SpecPath())
	return st.written(k, obj, rec, nil), nil
}

func (st specs) update(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, p v1alpha1.Provenance) (*unstructured.Unstructured, error) {
	body, err := encode(obj)
	if err != nil {
		return nil, err
	}
	gen, err := generationOf(obj)
	if err != nil {
		return nil, err
	}
	key := keyOf(k, obj.GetNamespace(), obj.GetName())
	rec, err := st.s.Specs.UpdateSpec(ctx, key, gen, body, p)
	if err != nil {
		return nil, err
	}
	status, err := st.status(ctx, key)
	if err != nil {
		status = nil // the write is done; what the leader said before is not worth an error
	}
	return st.written(k, obj, rec, status), nil
}

// written tells of the change and shows the object as it now is.
func (st specs) written(k kinds.Kind, obj *unstructured.Unstructured, rec *v1alpha1.SpecRecord, status *v1alpha1.ObjectStatus) *unstructured.Unstructured {
	st.s.Written(rec.Key.SpecPath(), rec.Generation)
	if k.GR() == definitions.GroupResource() {
		st.s.forgetCatalog()
	}
	if rec.Key.IsPlacement() {
		st.s.intents.forget(rec.Key.Namespace)
	}
	if rec.Updated.IsZero() {
		rec.Updated = st.s.Now()
	}
	clean := obj.DeepCopy()
	v1alpha1.ForgetServerFields(clean)
	return complete(&manifest.Object{Kind: k, Object: clean}, *rec, status)
}

func encode(obj *unstructured.Unstructured) ([]byte, error) {
	body, err := manifest.Encode(obj)
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("encode %s: %w", obj.GetName(), err))
	}
	return body, nil
}
