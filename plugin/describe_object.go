package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func (o *describeOptions) describeObject(ctx context.Context, out *outline, hub Hub, key v1alpha1.Key, obj *unstructured.Unstructured) error {
	rec, err := listedSpec(ctx, hub, key)
	if err != nil {
		return err
	}
	status, err := hub.ObjectStatus(ctx, key)
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	o.heading(out, obj)
	o.lastChange(out, rec)
	body(out, obj)
	if status == nil {
		out.line(0, "Status", "the leader has not seen it yet")
		return nil
	}
	if status.SpecGeneration != rec.Generation {
		out.line(0, "Status", "of an earlier change; the leader has not followed the last one yet")
	}
	o.observed(out, status)
	return nil
}

// observed is what the leader made known of an object.
func (o *describeOptions) observed(out *outline, status *v1alpha1.ObjectStatus) {
	o.conditions(out, status.Conditions)
	if len(status.Addresses) > 0 {
		out.line(0, "Addresses", "%s", strings.Join(status.Addresses, ", "))
	}
	clusterTable(out, status.Clusters)
	o.events(out, status.Events)
}

// listedSpec finds a spec in a listing, which tells who wrote it.
func listedSpec(ctx context.Context, hub Hub, key v1alpha1.Key) (*v1alpha1.SpecRecord, error) {
	found, _, err := hub.ListSpecs(ctx, key.String())
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Key == key {
			return &found[i], nil
		}
	}
	return nil, apierrors.NewNotFound(key.GroupResource(), key.Name)
}

func (o *describeOptions) heading(out *outline, obj *unstructured.Unstructured) {
	out.line(0, "Name", "%s", obj.GetName())
	if ns := obj.GetNamespace(); ns != "" {
		out.line(0, "Namespace", "%s", ns)
	}
	out.line(0, "Kind", "%s", obj.GetKind())
	out.line(0, "API Version", "%s", obj.GetAPIVersion())
	if uid := obj.GetUID(); uid != "" {
		out.line(0, "UID", "%s", uid)
	}
	out.pairs("Labels", obj.GetLabels())
	out.pairs("Annotations", shownAnnotations(obj))
	out.line(0, "Created", "%s", when(obj.GetCreationTimestamp()))
	if t := obj.GetDeletionTimestamp(); t != nil {
		out.line(0, "Deleted", "%s (%s)", when(*t), obj.GetAnnotations()[v1alpha1.AnnotationPropagation])
	}
}

// shownAnnotations leaves out what repeats the object.
func shownAnnotations(obj *unstructured.Unstructured) map[string]string {
	m := maps.Clone(obj.GetAnnotations())
	delete(m, "kubectl.kubernetes.io/last-applied-configuration")
	return m
}

func (o *describeOptions) lastChange(out *outline, rec *v1alpha1.SpecRecord) {
	writtenBy(out, rec.Generation, rec.Provenance)
}

// writtenBy tells who claims to have made the last change.
func writtenBy(out *outline, generation int64, p v1alpha1.Provenance) {
	if p.Author == "" {
		out.line(0, "Last Change", "generation %d, by a writer that left no name", generation)
		return
	}
	out.line(0, "Last Change", "generation %d, by %s (claimed) with %s", generation, p.Author, p.Client)
	if p.Reason != "" {
		out.line(0, "Reason", "%s", oneLine(p.Reason))
	}
}

// body writes what the manifest says besides its metadata. Values of Secrets
// are only counted.
func body(out *outline, obj *unstructured.Unstructured) {
	fields := map[string]any{}
	for k, v := range obj.Object {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "status"}, k) {
			fields[k] = v
		}
	}
	if obj.GetKind() == "Secret" && obj.GetAPIVersion() == "v1" {
		hide(fields)
	}
	out.fields(0, fields, false)
}

func hide(secret map[string]any) {
	for _, f := range []string{"data", "stringData"} {
		values, ok := secret[f].(map[string]any)
		if !ok {
			continue
		}
		hidden := map[string]any{}
		for k, v := range values {
			hidden[k] = fmt.Sprintf("%d characters", len(fmt.Sprint(v)))
		}
		secret[f] = hidden
	}
}

func (o *describeOptions) conditions(out *outline, list []metav1.Condition) {
	if len(list) == 0 {
		return
	}
	out.head(0, "Conditions")
	var rows [][]string
	for _, c := range list {
		rows = append(rows, []string{c.Type, string(c.Status), o.ago(c.LastTransitionTime), c.Reason, c.Message})
	}
	out.tableRows([]string{"Type", "Status", "Since", "Reason", "Message"}, rows)
}

func clusterTable(out *outline, list []v1alpha1.ObjectClusterStatus) {
	if len(list) == 0 {
		out.line(0, "Clusters", "<none>")
		return
	}
	out.head(0, "Clusters")
	var rows [][]string
	for _, c := range list {
		rows = append(rows, []string{c.Cluster, wanted(c), ready(c), health(c), yesNo(c.Synced), message(c)})
	}
	out.tableRows([]string{"CLUSTER", "WANTED", "READY", "HEALTH", "SYNCED", "MESSAGE"}, rows)
}

func wanted(c v1alpha1.ObjectClusterStatus) string {
	if c.Replicas != nil {
		return fmt.Sprint(*c.Replicas)
	}
	if n, ok := c.Counts["desiredNumberScheduled"]; ok {
		return fmt.Sprint(n)
	}
	return "-"
}

func ready(c v1alpha1.ObjectClusterStatus) string {
	for _, name := range []string{"readyReplicas", "numberReady", "succeeded"} {
		if n, ok := c.Counts[name]; ok {
			return fmt.Sprint(n)
		}
	}
	if c.Replicas != nil {
		return "0"
	}
	return "-"
}

func health(c v1alpha1.ObjectClusterStatus) string {
	if c.Stale {
		return string(c.Health) + " (stale)"
	}
	return string(c.Health)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func message(c v1alpha1.ObjectClusterStatus) string {
	text := strings.Trim(c.Reason+": "+c.Message, ": ")
	if c.Adopted && c.Reason != v1alpha1.ReasonAdopted {
		text = strings.Trim("Adopted; "+text, "; ")
	}
	return text
}

func (o *describeOptions) events(out *outline, list []v1alpha1.Event) {
	if len(list) == 0 {
		out.line(0, "Events", "<none>")
		return
	}
	out.head(0, "Events")
	var rows [][]string
	for _, e := range list {
		rows = append(rows, []string{e.Type, e.Reason, o.eventAge(e), orDash(e.Cluster), e.Message})
	}
	out.tableRows([]string{"Type", "Reason", "Age", "Cluster", "Message"}, rows)
}

// eventAge is when it happened last and, if more than once, how often.
func (o *describeOptions) eventAge(e v1alpha1.Event) string {
	if e.Count > 1 {
		return fmt.Sprintf("%s (x%d over %s)", o.ago(e.Last), e.Count, o.ago(e.First))
	}
	return o.ago(e.Last)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
