package apply

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// handOver lets go of a workload's replicas without changing them. An apply
// that no longer says what nobody else has said would make the API server put
// its default there, 1, whatever runs; so another manager says it first, until
// the autoscaler does.
func (c *Cluster) handOver(ctx context.Context, p Place, o *unstructured.Unstructured) error {
	if !scalable(p.GVR.GroupResource()) || hasReplicas(o) {
		return nil
	}
	live, err := c.calls.Resource(p.GVR).Namespace(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the replicas: %w", err)
	}
	if !hasReplicas(live) || !ownsReplicas(live.GetManagedFields(), c.manager) {
		return nil
	}
	_, err = c.calls.Resource(p.GVR).Namespace(p.Namespace).Apply(ctx, p.Name, replicasOf(live),
		metav1.ApplyOptions{FieldManager: c.manager + "-replicas", Force: true})
	if err != nil {
		return fmt.Errorf("hand over the replicas: %w", err)
	}
	return nil
}

// scalable are the kinds whose absent replicas an API server takes for 1.
func scalable(r schema.GroupResource) bool {
	switch r.String() {
	case "deployments.apps", "replicasets.apps", "statefulsets.apps", "replicationcontrollers":
		return true
	}
	return false
}

func hasReplicas(o *unstructured.Unstructured) bool {
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
	return found && err == nil && v != nil
}

// ownsReplicas says whether the manager has applied them.
func ownsReplicas(fields []metav1.ManagedFieldsEntry, manager string) bool {
	for _, f := range fields {
		var set struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if f.Manager != manager || f.Subresource != "" || f.FieldsV1 == nil || json.Unmarshal(f.FieldsV1.GetRawBytes(), &set) != nil {
			continue
		}
		if _, ok := set.Spec["f:replicas"]; ok {
			return true
		}
	}
	return false
}

// replicasOf says an object's replicas and nothing else, of the very version
// that was looked at: a number that was changed since is not put back.
func replicasOf(live *unstructured.Unstructured) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetGroupVersionKind(live.GroupVersionKind())
	o.SetName(live.GetName())
	o.SetNamespace(live.GetNamespace())
	o.SetResourceVersion(live.GetResourceVersion())
	n, _, _ := unstructured.NestedFieldCopy(live.Object, "spec", "replicas")
	_ = unstructured.SetNestedField(o.Object, n, "spec", "replicas")
	return o
}
