package plugin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// mostDecided is how many objects a Placement's description lists.
const mostDecided = 50

func (o *describeOptions) describePlacement(ctx context.Context, out *outline, hub Hub, obj *unstructured.Unstructured) error {
	p, err := v1alpha1.PlacementOf(obj.Object)
	if err != nil {
		return fmt.Errorf("read the Placement: %w", err)
	}
	rec, err := listedSpec(ctx, hub, v1alpha1.Key{Namespace: p.Namespace, Group: v1alpha1.Group, Resource: v1alpha1.ResourcePlacements, Name: p.Name})
	if err != nil {
		return err
	}
	o.heading(out, obj)
	o.lastChange(out, rec)
	placementSpec(out, obj, p)
	return o.decided(ctx, out, hub, p)
}

func placementSpec(out *outline, obj *unstructured.Unstructured, p *v1alpha1.Placement) {
	s := &p.Spec
	var objects, preferred, tolerations []string
	for i := range s.Objects {
		objects = append(objects, s.Objects[i].String())
	}
	for i := range s.Preferred {
		preferred = append(preferred, fmt.Sprintf("%s (weight %d)", s.Preferred[i].Clusters.String(), s.Preferred[i].Weight))
	}
	for i := range s.Tolerations {
		tolerations = append(tolerations, tolerationText(&s.Tolerations[i]))
	}
	out.line(0, "Objects", "%s", oneLine(strings.Join(objects, ", ")))
	out.line(0, "Clusters", "%s", oneLine(s.Clusters.String()))
	if len(preferred) > 0 {
		out.line(0, "Preferred", "%s", oneLine(strings.Join(preferred, ", ")))
	}
	if len(tolerations) > 0 {
		out.line(0, "Tolerations", "%s", oneLine(strings.Join(tolerations, ", ")))
	}
	out.line(0, "Strategy", "%s", cmp.Or(string(s.Strategy), "<by kind>"))
	replicaPreferences(out, s.Replicas)
	spread(out, s.Spread)
	overrides(out, obj)
	wavesOf(out, s.Rollout)
	if f := s.Failover; f != nil {
		move := "<by kind>"
		if f.Move != nil {
			move = yesNo(*f.Move)
		}
		out.line(0, "Failover", "move %s, return %s", move, cmp.Or(f.Return, v1alpha1.ReturnImmediate))
	}
	if s.Dependencies != "" {
		out.line(0, "Dependencies", "%s", s.Dependencies)
	}
}

// tolerationText is a toleration as taints are written; * is any.
func tolerationText(t *v1alpha1.Toleration) string {
	text := cmp.Or(t.Key, "*")
	if t.Operator != v1alpha1.TolerationExists {
		text += "=" + t.Value
	}
	return text + ":" + cmp.Or(t.Effect, "*")
}

func replicaPreferences(out *outline, r *v1alpha1.ReplicaPreferences) {
	if r == nil {
		return
	}
	out.head(0, "Replicas")
	out.line(1, "Rebalance", "%s", yesNo(r.Rebalance))
	if len(r.Clusters) == 0 {
		return
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(r.Clusters)) {
		c := r.Clusters[name]
		most := "-"
		if c.MaxReplicas != nil {
			most = fmt.Sprint(*c.MaxReplicas)
		}
		rows = append(rows, []string{name, fmt.Sprint(c.Weight), fmt.Sprint(c.MinReplicas), most})
	}
	out.tableRows([]string{"CLUSTER", "WEIGHT", "MIN", "MAX"}, rows)
}

func spread(out *outline, list []v1alpha1.SpreadConstraint) {
	if len(list) == 0 {
		return
	}
	out.head(0, "Spread")
	bound := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.Topology, bound(s.MaxReplicas), bound(s.MaxClusters)})
	}
	out.tableRows([]string{"TOPOLOGY", "MAX REPLICAS", "MAX CLUSTERS"}, rows)
}

func overrides(out *outline, obj *unstructured.Unstructured) {
	list, found, err := unstructured.NestedSlice(obj.Object, "spec", "overrides")
	if err == nil && found && len(list) > 0 {
		out.list(0, "Overrides", list)
	}
}

func wavesOf(out *outline, r *v1alpha1.Rollout) {
	if r == nil {
		return
	}
	out.head(0, "Rollout")
	out.line(1, "Healthy Before The Next", "%s", r.MinHealthyTime.Duration)
	out.line(1, "Failed Clusters", "%d at most, then %s", r.MaxFailedClusters, cmp.Or(r.OnFailure, v1alpha1.RolloutStop))
	out.line(1, "Deadline", "%s per cluster", cmp.Or(r.Deadline.Duration, v1alpha1.DefaultRolloutDeadlineSeconds*time.Second))
	var rows [][]string
	for i, w := range r.Waves {
		who := w.Clusters.String()
		if w.Percentage != nil {
			who = w.Percentage.String()
		}
		rows = append(rows, []string{fmt.Sprint(i + 1), who, w.Pause.Duration.String(), yesNo(w.Approval)})
	}
	out.tableRows([]string{"WAVE", "CLUSTERS", "PAUSE", "APPROVAL"}, rows)
}

// decided lists what the Placement decides, and how that is placed.
func (o *describeOptions) decided(ctx context.Context, out *outline, hub Hub, p *v1alpha1.Placement) error {
	srv, err := o.Server()
	if err != nil {
		return err
	}
	objects, err := srv.Decided(ctx, p)
	if err != nil {
		return fmt.Errorf("find what the Placement decides: %w", err)
	}
	if len(objects) == 0 {
		out.line(0, "Decides", "nothing now: no such object, or another Placement is closer")
		return nil
	}
	out.head(0, "Decides")
	var rows [][]string
	for _, obj := range objects[:min(len(objects), mostDecided)] {
		row, err := decidedRow(ctx, hub, p, obj)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	out.tableRows([]string{"KIND", "NAME", "STRATEGY", "PLACED", "CLUSTERS"}, rows)
	if more := len(objects) - len(rows); more > 0 {
		out.line(1, "More", "%d", more)
	}
	return nil
}

func decidedRow(ctx context.Context, hub Hub, p *v1alpha1.Placement, obj *manifest.Object) ([]string, error) {
	row := []string{obj.Kind.Kind, obj.Object.GetName(), string(p.StrategyFor(obj.Kind.Group, obj.Kind.Kind)), "-", "-"}
	status, err := hub.ObjectStatus(ctx, obj.Key())
	if ignoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the status: %w", err)
	}
	if err != nil || status == nil {
		return row, nil
	}
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPlaced); c != nil {
		row[3] = string(c.Status)
	}
	var names []string
	for _, c := range status.Clusters {
		names = append(names, c.Cluster)
	}
	row[4] = orDash(strings.Join(names, ", "))
	return row, nil
}
