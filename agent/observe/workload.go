package observe

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// suspect is a workload that lacks pods, as far as its own status tells. Why it
// lacks them stands elsewhere: in its pods, or in its events.
type suspect struct {
	key        v1alpha1.Key
	uid        types.UID
	generation int64
	kind       string
	selector   string
	revision   string // the StatefulSet's newest
	wanted     int64
	ready      int64
	// unready: some pods are not ready, and may have found no node.
	unready bool
	// missing: some pods were not made, and nothing in the status says why.
	missing bool
}

// workloads are the kinds that have pods and are looked at closer.
var workloads = map[schema.GroupKind]string{
	{Group: "apps", Kind: "Deployment"}:  "deployments",
	{Group: "apps", Kind: "ReplicaSet"}:  "replicasets",
	{Group: "apps", Kind: "StatefulSet"}: "statefulsets",
	{Group: "apps", Kind: "DaemonSet"}:   "daemonsets",
	{Group: "batch", Kind: "Job"}:        "jobs",
}

// suspectOf tells what a workload lacks; nil when that is nothing.
func suspectOf(key v1alpha1.Key, u *unstructured.Unstructured, h v1alpha1.Health) *suspect {
	if h == v1alpha1.HealthTerminating || u.GetDeletionTimestamp() != nil {
		return nil
	}
	s := &suspect{key: key, uid: u.GetUID(), generation: u.GetGeneration(), kind: u.GetKind(), selector: selectorOf(u)}
	switch s.kind {
	case "Deployment", "ReplicaSet", "StatefulSet":
		s.replicated(u, h)
	case "DaemonSet":
		s.wanted = number(u, 0, "status", "desiredNumberScheduled")
		s.missing = number(u, 0, "status", "currentNumberScheduled") < s.wanted
	case "Job":
		s.ofJob(u, h)
	}
	if s.wanted <= 0 || !s.unready && !s.missing {
		return nil
	}
	s.unready = s.unready && s.selector != ""
	return s
}

func (s *suspect) replicated(u *unstructured.Unstructured, h v1alpha1.Health) {
	s.wanted = number(u, 1, "spec", "replicas")
	s.ready = number(u, 0, "status", "readyReplicas")
	s.unready = h != v1alpha1.HealthCurrent
	if s.kind == "StatefulSet" { // the other two have a condition that tells
		s.missing = s.unready && number(u, 0, "status", "replicas") < s.wanted
		s.revision, _, _ = unstructured.NestedString(u.Object, "status", "updateRevision")
	}
}

func (s *suspect) ofJob(u *unstructured.Unstructured, h v1alpha1.Health) {
	suspended, _, _ := unstructured.NestedBool(u.Object, "spec", "suspend")
	if suspended || h == v1alpha1.HealthFailed || finished(u) {
		return
	}
	s.wanted = number(u, 1, "spec", "parallelism")
	if completions := number(u, -1, "spec", "completions"); completions >= 0 {
		s.wanted = min(s.wanted, completions-number(u, 0, "status", "succeeded"))
	}
	s.ready = number(u, 0, "status", "ready")
	s.unready = s.ready < s.wanted
	s.missing = number(u, 0, "status", "active") < s.wanted
}

// finished says that a Job has come to its end.
func finished(u *unstructured.Unstructured) bool {
	for _, c := range conditionsOf(u) {
		if c["status"] == "True" && (c["type"] == "Complete" || c["type"] == "Failed") {
			return true
		}
	}
	return false
}

func number(u *unstructured.Unstructured, missing int64, path ...string) int64 {
	v, found, err := unstructured.NestedFieldNoCopy(u.Object, path...)
	if err != nil || !found {
		return missing
	}
	if n, ok := integer(v); ok {
		return n
	}
	return missing
}

func conditionsOf(u *unstructured.Unstructured) []map[string]any {
	list, _, err := unstructured.NestedFieldNoCopy(u.Object, "status", "conditions")
	if err != nil {
		return nil
	}
	items, _ := list.([]any)
	var out []map[string]any
	for _, item := range items {
		if c, ok := item.(map[string]any); ok {
			out = append(out, c)
		}
	}
	return out
}

// selectorOf is the workload's selector of pods; empty when it has none that
// can be read.
func selectorOf(u *unstructured.Unstructured) string {
	fields, found, err := unstructured.NestedMap(u.Object, "spec", "selector")
	if err != nil || !found {
		return ""
	}
	var labels metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &labels); err != nil {
		return ""
	}
	selector, err := metav1.LabelSelectorAsSelector(&labels)
	if err != nil {
		return ""
	}
	return selector.String()
}

// remaining is what a Namespace that is being deleted says it waits for.
func remaining(u *unstructured.Unstructured) string {
	if u.GroupVersionKind().GroupKind() != (schema.GroupKind{Kind: "Namespace"}) {
		return ""
	}
	var all []string
	for _, c := range conditionsOf(u) {
		kind, _ := c["type"].(string)
		words, _ := c["message"].(string)
		if c["status"] == "True" && strings.HasPrefix(kind, "Namespace") && words != "" {
			all = append(all, words)
		}
	}
	return strings.Join(all, "; ")
}

// failedCreate is the reason that controllers give when pods are refused.
const failedCreate = "FailedCreate"

// refusedPods is what a workload's own conditions tell of pods that the API
// server refused, in its words.
func refusedPods(u *unstructured.Unstructured) (reason, message string) {
	for _, c := range conditionsOf(u) {
		if c["type"] == "ReplicaFailure" && c["status"] == "True" && c["reason"] == failedCreate {
			words, _ := c["message"].(string)
			return refusalReason(words), clip(words)
		}
	}
	return "", ""
}

func refusalReason(words string) string {
	if strings.Contains(words, "exceeded quota") || strings.Contains(words, "failed quota") {
		return v1alpha1.ReasonQuotaExceeded
	}
	return v1alpha1.ReasonPodsRefused
}
