package server

import (
	"net"
	"reflect"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// complete joins a manifest with what the leader knows of it, as an API
// server would show the object. A nil status is one the leader has not written.
func complete(o *manifest.Object, rec v1alpha1.SpecRecord, status *v1alpha1.ObjectStatus) *unstructured.Unstructured {
	obj := o.Object
	v1alpha1.ForgetServerFields(obj)
	obj.SetResourceVersion(strconv.FormatInt(rec.Generation, 10))
	created := metav1.NewTime(rec.Updated)
	if status != nil {
		obj.SetUID(status.UID)
		created = status.CreationTimestamp
		obj.SetGeneration(generationSeen(rec, status))
	}
	if !created.IsZero() {
		obj.SetCreationTimestamp(created.Rfc3339Copy())
	}
	if s := statusOfKind(o.Kind, obj, status); len(s) > 0 {
		obj.Object["status"] = s
	}
	return obj
}

// generationSeen is one ahead of the leader's count while a change waits for it.
func generationSeen(rec v1alpha1.SpecRecord, status *v1alpha1.ObjectStatus) int64 {
	if status.SpecGeneration == rec.Generation {
		return status.Generation
	}
	return status.Generation + 1
}

// statusOfKind is the federation-wide status in the fields of the kind's own.
func statusOfKind(k kinds.Kind, obj *unstructured.Unstructured, status *v1alpha1.ObjectStatus) map[string]any {
	has := statusFields(k)
	out := map[string]any{}
	if k.Kind == "Namespace" && k.Group == "" {
		out["phase"] = "Active"
		if obj.GetDeletionTimestamp() != nil {
			out["phase"] = "Terminating"
		}
	}
	if status == nil {
		return out
	}
	for name, n := range status.Counts {
		if has(name) && name != "observedGeneration" {
			out[name] = n
		}
	}
	if has("observedGeneration") {
		out["observedGeneration"] = observed(status)
	}
	if has("conditions") && len(status.Conditions) > 0 {
		out["conditions"] = conditions(status.Conditions)
	}
	if has("loadBalancer") && len(status.Addresses) > 0 {
		out["loadBalancer"] = map[string]any{"ingress": addresses(status.Addresses)}
	}
	return out
}

// observed is the generation that every cluster which is not stale has.
func observed(status *v1alpha1.ObjectStatus) int64 {
	for _, c := range status.Clusters {
		if !c.Synced && !c.Stale {
			return max(status.Generation-1, 0)
		}
	}
	return status.Generation
}

func conditions(list []metav1.Condition) []any {
	var out []any
	for _, c := range list {
		m := map[string]any{"type": c.Type, "status": string(c.Status), "reason": c.Reason, "message": c.Message}
		if !c.LastTransitionTime.IsZero() {
			m["lastTransitionTime"] = c.LastTransitionTime.UTC().Format("2006-01-02T15:04:05Z")
		}
		out = append(out, m)
	}
	return out
}

func addresses(list []string) []any {
	var out []any
	for _, a := range list {
		field := "hostname"
		if net.ParseIP(a) != nil {
			field = "ip"
		}
		out = append(out, map[string]any{field: a})
	}
	return out
}

// statusFields tells which fields the status of a kind has. A custom
// resource's may have any.
func statusFields(k kinds.Kind) func(string) bool {
	typed, err := manifest.Scheme().New(k.GVK())
	if err != nil {
		return func(string) bool { return true }
	}
	status := reflect.ValueOf(typed).Elem().FieldByName("Status")
	names := map[string]bool{}
	if status.IsValid() && status.Kind() == reflect.Struct {
		for i := range status.NumField() {
			name, _, _ := strings.Cut(status.Type().Field(i).Tag.Get("json"), ",")
			names[name] = true
		}
	}
	return func(name string) bool { return names[name] }
}
