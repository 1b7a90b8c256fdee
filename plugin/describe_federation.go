package plugin

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func (o *describeOptions) describeCluster(ctx context.Context, out *outline, hub Hub, obj *unstructured.Unstructured) error {
	rec, err := hub.ClusterRecord(ctx, obj.GetName())
	if err != nil {
		return fmt.Errorf("read who wrote it: %w", err)
	}
	o.heading(out, obj)
	writtenBy(out, rec.Generation, rec.Provenance)
	body(out, obj)
	o.clusterTraffic(ctx, out, hub, obj)
	o.clusterStatus(out, obj)
	return nil
}

// clusterTraffic tells what of the users' requests the cluster takes.
func (o *describeOptions) clusterTraffic(ctx context.Context, out *outline, hub Hub, obj *unstructured.Unstructured) {
	c := v1alpha1.Cluster{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &c); err != nil {
		return
	}
	now, err := o.carriers(ctx, hub)
	if err != nil {
		out.line(0, "Traffic", "%s", oneLine(err.Error()))
		return
	}
	get := trafficGet{session: o.session, names: []string{c.Name}}
	rows, err := get.chosen(get.rows([]v1alpha1.Cluster{c}, now))
	if err != nil {
		return
	}
	r := rows[0]
	out.head(0, "Traffic")
	out.line(1, "Weight", "%d", r.Weight)
	out.line(1, "State", "%s", strings.TrimSuffix(r.State+", "+oneLine(r.Reason), ", "))
	out.line(1, "Backends", "%d of %d served", r.Serving, len(r.Backends))
	out.line(1, "Endpoints", "%s healthy", seenOf(r.Healthy, r.Endpoints))
	out.line(1, "Coordinates", "%s", r.where())
}

func (o *describeOptions) clusterStatus(out *outline, obj *unstructured.Unstructured) {
	c := v1alpha1.Cluster{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &c); err != nil || c.Status == nil {
		out.line(0, "Status", "<unknown>")
		return
	}
	st := c.Status
	out.head(0, "Status")
	out.line(1, "State", "%s", st.State)
	out.line(1, "Last Heartbeat", "%s", when(st.LastHeartbeat))
	out.line(1, "Revision", "%d planned, %d taken over", st.Revision, st.Applied)
	out.line(1, "Objects", "%d, %d of them not current", st.Objects, st.Unhealthy)
	if st.State == v1alpha1.ClusterLeaving {
		out.line(1, "Remaining", "%d", st.Remaining)
	}
	out.line(1, "Region", "%s", orDash(st.Region))
	out.line(1, "Zones", "%s", orDash(strings.Join(st.Zones, ", ")))
	out.line(1, "Agent", "%s", orDash(st.AgentVersion))
	out.line(1, "Kubernetes", "%s", orDash(st.KubernetesVersion))
	out.line(1, "Member UID", "%s", orDash(st.MemberUID))
	o.conditions(out, st.Conditions)
	o.verdictEvents(out, st.Events)
}

func (o *describeOptions) describeFederation(ctx context.Context, out *outline, hub Hub, obj *unstructured.Unstructured) error {
	o.heading(out, obj)
	body(out, obj)
	holder, renewed, err := hub.LeaseHolder(ctx)
	switch {
	case ignoreNotFound(err) != nil:
		return fmt.Errorf("read the lease: %w", err)
	case err != nil || holder == "":
		out.line(0, "Leader", "<none>")
	default:
		out.line(0, "Leader", "%s, renewed %s ago", holder, o.ago(renewed))
	}
	status, err := hub.FederationStatus(ctx)
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	if status == nil {
		return nil
	}
	out.line(0, "Epoch", "%d", status.Epoch)
	o.conditions(out, status.Conditions)
	held(out, status.Held)
	o.verdictEvents(out, status.Events)
	return nil
}

// verdictEvents are events that are about the whole cluster, or all of them.
func (o *describeOptions) verdictEvents(out *outline, list []v1alpha1.Event) {
	if len(list) == 0 {
		out.line(0, "Events", "<none>")
		return
	}
	out.head(0, "Events")
	var rows [][]string
	for _, e := range list {
		rows = append(rows, []string{e.Type, e.Reason, o.eventAge(e), e.Message})
	}
	out.tableRows([]string{"Type", "Reason", "Age", "Message"}, rows)
}

func held(out *outline, list []v1alpha1.HeldSpec) {
	if len(list) == 0 {
		out.line(0, "Held", "<none>")
		return
	}
	out.head(0, "Held")
	var rows [][]string
	for _, h := range list {
		rows = append(rows, []string{h.Path, h.Reason, h.Message})
	}
	out.tableRows([]string{"Path", "Reason", "Message"}, rows)
}
