package forecast

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// Assumed is the input for an assumed roster that runs what the objects
// describe. Workloads that no object describes are returned: nothing can be
// said of them.
func Assumed(a *v1alpha1.Assumption, objects map[v1alpha1.Key]*unstructured.Unstructured, now time.Time) (in plan.Input, unknown []string) {
	in = plan.Input{Federation: &v1alpha1.Federation{Spec: v1alpha1.FederationSpec{Secrets: v1alpha1.SecretsPlaintext}},
		Records: map[v1alpha1.Key]plan.Record{}, Now: now, Explain: true}
	Submit(&in, objects)
	assumeNamespaces(&in)
	for _, c := range a.Clusters {
		cluster, left := assumedCluster(c, in.Specs)
		in.Clusters = append(in.Clusters, cluster)
		unknown = append(unknown, left...)
	}
	return in, unknown
}

// assumeNamespaces lets the namespaces of all objects exist.
func assumeNamespaces(in *plan.Input) {
	have, want := map[string]bool{metav1.NamespaceDefault: true, "": true}, map[string]bool{}
	for _, s := range in.Specs {
		if s.Key.Resource == "namespaces" && s.Key.Group == "" {
			have[s.Key.Name] = true
		}
		want[s.Key.Namespace] = true
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !have[name] {
			o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
			in.Specs = append(in.Specs, plan.Spec{Key: v1alpha1.Key{Resource: "namespaces", Name: name}, Generation: unsubmitted, Updated: in.Now, Object: o})
		}
	}
}

func assumedCluster(c v1alpha1.AssumedCluster, specs []plan.Spec) (plan.Cluster, []string) {
	down := c.Ready != nil && !*c.Ready
	out := plan.Cluster{Reported: true, Stale: down, Failed: down, Capacity: map[v1alpha1.Key]int64{}, Cluster: v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: c.Name, UID: types.UID(c.Name), Labels: c.Labels},
		Spec: v1alpha1.ClusterSpec{Region: c.Region, Zones: c.Zones, Taints: c.Taints, Cordoned: c.Cordoned || c.Drained,
			Drained: c.Drained}}}
	out.Previous.ClusterUID = out.UID
	var unknown []string
	for _, w := range c.Workloads {
		i := slices.IndexFunc(specs, func(s plan.Spec) bool { return describes(s, w) })
		if i < 0 {
			unknown = append(unknown, fmt.Sprintf("%s %s/%s in %s", w.Kind, namespaceOf(w), w.Name, c.Name))
			continue
		}
		if w.Capacity != nil {
			out.Capacity[specs[i].Key] = *w.Capacity
		}
		out.Previous.Objects = append(out.Previous.Objects, plan.Assumed(specs[i], w.Replicas))
	}
	slices.SortFunc(out.Previous.Objects, func(a, b *plan.Placed) int { return a.Key.Compare(b.Key) })
	return out, unknown
}

func describes(s plan.Spec, w v1alpha1.AssumedWorkload) bool {
	return s.Object.GetKind() == w.Kind && s.Key.Name == w.Name && s.Key.Namespace == namespaceOf(w)
}

func namespaceOf(w v1alpha1.AssumedWorkload) string {
	return cmp.Or(w.Namespace, metav1.NamespaceDefault)
}

// Assumption is the roster of an input: what a bug report carries.
func Assumption(in plan.Input) v1alpha1.Assumption {
	kinds := map[v1alpha1.Key]string{}
	for _, s := range in.Specs {
		kinds[s.Key] = s.Object.GetKind()
	}
	a := v1alpha1.Assumption{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindAssumption}}
	for _, c := range in.Clusters {
		out := v1alpha1.AssumedCluster{Name: c.Name, Region: c.Spec.Region, Zones: c.Spec.Zones, Labels: c.Labels, Taints: c.Spec.Taints,
			Cordoned: c.Spec.Cordoned || c.Spec.Lost, Drained: c.Spec.Drained}
		if c.Failed || c.Spec.Lost {
			out.Ready = new(bool)
		}
		for _, o := range c.Previous.Objects {
			if o.Replicas == plan.NoReplicas || kinds[o.Key] == "" {
				continue
			}
			w := v1alpha1.AssumedWorkload{Kind: kinds[o.Key], Namespace: o.Key.Namespace, Name: o.Key.Name, Replicas: o.Replicas}
			if most, ok := c.Capacity[o.Key]; ok {
				w.Capacity = &most
			}
			out.Workloads = append(out.Workloads, w)
		}
		a.Clusters = append(a.Clusters, out)
	}
	return a
}
