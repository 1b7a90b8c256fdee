package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const (
	podPage = 500
	// maxPages bounds one listing; what is beyond is not counted.
	maxPages = 20
	// maxRefusals is how many events are read of one object.
	maxRefusals = 50

	labelTemplate    = "pod-template-hash"
	labelRevision    = "controller-revision-hash"
	annotationNumber = "deployment.kubernetes.io/revision"
)

// Pods is where the pods of a workload are, and why there are none.
type Pods interface {
	// Unassigned visits the pods without a node that a selector matches.
	Unassigned(ctx context.Context, namespace, selector string, visit func(*corev1.Pod)) error
	// ReplicaSets are the metadata of those that a selector matches.
	ReplicaSets(ctx context.Context, namespace, selector string) ([]metav1.PartialObjectMetadata, error)
	// FailedCreates are the events that tell of pods refused to an object.
	FailedCreates(ctx context.Context, namespace string, uid types.UID) ([]corev1.Event, error)
}

var replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}

// Unassigned implements Pods. The API server itself leaves out the pods that
// have a node, which are nearly all.
func (c *Cluster) Unassigned(ctx context.Context, namespace, selector string, visit func(*corev1.Pod)) error {
	options := metav1.ListOptions{LabelSelector: selector, FieldSelector: "spec.nodeName=,status.phase=Pending", Limit: podPage}
	for range maxPages {
		list, err := c.core.Pods(namespace).List(ctx, options)
		if err != nil {
			return fmt.Errorf("list pods: %w", err)
		}
		for i := range list.Items {
			visit(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	return nil
}

// ReplicaSets implements Pods.
func (c *Cluster) ReplicaSets(ctx context.Context, namespace, selector string) ([]metav1.PartialObjectMetadata, error) {
	list, err := c.metadata.Resource(replicaSets).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: podPage})
	if err != nil {
		return nil, fmt.Errorf("list replicasets: %w", err)
	}
	return list.Items, nil
}

// FailedCreates implements Pods.
func (c *Cluster) FailedCreates(ctx context.Context, namespace string, uid types.UID) ([]corev1.Event, error) {
	list, err := c.core.Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.uid=" + string(uid) + ",reason=" + failedCreate + ",type=" + corev1.EventTypeWarning, Limit: maxRefusals,
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return list.Items, nil
}

// newestOf is the ReplicaSet that a Deployment's pods are made from now.
func newestOf(deployment types.UID, sets []metav1.PartialObjectMetadata) (newest *metav1.PartialObjectMetadata) {
	number := func(m *metav1.PartialObjectMetadata) int {
		n, _ := strconv.Atoi(m.Annotations[annotationNumber])
		return n
	}
	for i := range sets {
		set := &sets[i]
		if owner := metav1.GetControllerOf(set); owner == nil || owner.UID != deployment {
			continue
		}
		if newest == nil || cmp.Or(cmp.Compare(number(set), number(newest)), set.CreationTimestamp.Compare(newest.CreationTimestamp.Time)) > 0 {
			newest = set
		}
	}
	return newest
}

// unschedulableSince is when the scheduler first found no node for a pod.
func unschedulableSince(p *corev1.Pod) (time.Time, bool) {
	if p.DeletionTimestamp != nil || p.Spec.NodeName != "" {
		return time.Time{}, false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
		}
	}
	return time.Time{}, false
}

// newestRefusal is the last word on why pods are refused, if there is one that
// is not too old.
func newestRefusal(events []corev1.Event, now time.Time) (reason, message string) {
	last := func(e corev1.Event) time.Time {
		at := e.EventTime.Time
		for _, t := range []time.Time{e.FirstTimestamp.Time, e.LastTimestamp.Time} {
			if t.After(at) {
				at = t
			}
		}
		if e.Series != nil && e.Series.LastObservedTime.After(at) {
			at = e.Series.LastObservedTime.Time
		}
		return at
	}
	if len(events) == 0 {
		return "", ""
	}
	e := slices.MaxFunc(events, func(a, b corev1.Event) int { return last(a).Compare(last(b)) })
	if now.Sub(last(e)) > refusalLasts {
		return "", ""
	}
	return refusalReason(e.Message), clip(e.Message)
}
