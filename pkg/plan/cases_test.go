package plan

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// places explains an object as it would be planned now.
func (w *world) places(k string) []Place {
	w.t.Helper()
	in := w.input()
	in.Explain = true
	for _, o := range Plan(in).Objects {
		if o.Key == key(k) {
			return o.Places
		}
	}
	w.t.Fatalf("the plan says nothing of %s", k)
	return nil
}

// why is the reason for one cluster.
func (w *world) why(k, cluster string) string {
	w.t.Helper()
	for _, p := range w.places(k) {
		if p.Cluster == cluster {
			return p.Reason
		}
	}
	return "no place"
}

// shares prints what every cluster has of an object: "a=1 b=2", "a b" for what
// has no replicas.
func (w *world) shares(k string) string {
	var list []string
	for _, c := range w.clusters {
		o, ok := c.Previous.Object(key(k))
		switch {
		case !ok:
		case o.Replicas == NoReplicas:
			list = append(list, c.Name)
		default:
			list = append(list, fmt.Sprintf("%s=%d", c.Name, o.Replicas))
		}
	}
	return strings.Join(list, " ")
}

func annotate(k, v string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		a := o.GetAnnotations()
		if a == nil {
			a = map[string]string{}
		}
		a[k] = v
		o.SetAnnotations(a)
	}
}

// give lets clusters have run replicas of a spec before.
func (w *world) give(k string, current map[string]int64) {
	for name, n := range current {
		c := w.cluster(name)
		c.Previous = Shard{ClusterUID: c.UID, Objects: []*Placed{Assumed(w.specs[key(k)], n)}}
	}
}

// TestCases are those of Federation v1, and what becomes of them here; each
// with a Placement and with the annotation.
func TestCases(t *testing.T) {
	const even = `{"*":{"weight":1}}`
	type m = map[string]int64
	cases := []struct {
		wanted    int64
		clusters  string
		prefs     string
		current   m
		capacity  m
		rebalance bool
		want      []int64
		unplaced  int64
	}{
		{50, "ABC", even, nil, nil, false, []int64{16, 17, 17}, 0},
		{1, "AB", even, nil, nil, false, []int64{0, 1}, 0},
		{1, "ABCD", even, nil, nil, false, []int64{0, 0, 0, 1}, 0},
		{50, "ABC", even, m{"C": 30}, nil, false, []int64{10, 10, 30}, 0},
		{50, "AB", even, m{"A": 30}, nil, false, []int64{30, 20}, 0},
		{15, "AB", even, m{"A": 0, "B": 8}, nil, false, []int64{7, 8}, 0},
		{15, "AB", even, m{"A": 7, "B": 8}, nil, false, []int64{7, 8}, 0},
		{50, "AB", even, m{"A": 10, "B": 20}, nil, false, []int64{25, 25}, 0},
		{50, "AB", even, m{"A": 10, "B": 70}, nil, false, []int64{10, 40}, 0},
		{9, "ABC", even, m{"A": 5, "B": 4, "C": 3}, nil, false, []int64{3, 3, 3}, 0},
		{50, "ABC", even, nil, m{"C": 10}, true, []int64{20, 20, 10}, 0},
		{60, "ABC", `{"A":{"weight":1},"B":{"weight":2}}`, nil, m{"B": 10}, true, []int64{50, 10, 0}, 0},
		{60, "ABC", `{"A":{"weight":1},"B":{"weight":1}}`, nil, m{"A": 10, "B": 10}, false, []int64{10, 10, 0}, 40},
		{50, "ABC", `{"*":{"minReplicas":20,"weight":0}}`, nil, nil, false, []int64{10, 20, 20}, 0},
		{50, "ABC", `{"*":{"minReplicas":20,"weight":0},"A":{"minReplicas":100,"weight":1}}`, nil, nil, false, []int64{50, 0, 0}, 0},
		{50, "ABC", `{"*":{"minReplicas":10,"maxReplicas":12,"weight":1}}`, nil, nil, false, []int64{12, 12, 12}, 14},
		{50, "ABC", `{"A":{"weight":10000,"maxReplicas":10},"B":{"weight":1},"C":{"weight":1}}`, nil, nil, false, []int64{10, 20, 20}, 0},
		{71, "ABCD", `{"A":{"weight":10000,"maxReplicas":10},"B":{"weight":1},"C":{"weight":1,"maxReplicas":21},"D":{"weight":1,"maxReplicas":10}}`,
			nil, nil, false, []int64{10, 30, 21, 10}, 0},
	}
	// A name whose order is that of the empty key.
	const k = "default/replicasets.apps/acha"
	for i, c := range cases {
		for _, how := range []string{"placement", "annotation"} {
			w := newWorld(t, strings.Split(c.clusters, "")...)
			prefs := fmt.Sprintf(`{"rebalance":%v,"clusters":%s}`, c.rebalance, c.prefs)
			w.put(k, replicas(c.wanted))
			if how == "placement" {
				w.place("p", `{"objects":[{"kind":"ReplicaSet"}],"replicas":`+prefs+`}`)
			} else {
				w.put(k, annotate(v1alpha1.AnnotationV1ReplicaSetPreferences, prefs))
			}
			w.give(k, c.current)
			for name, n := range c.capacity {
				w.cluster(name).Capacity = map[v1alpha1.Key]int64{key(k): n}
			}
			got := map[string]int64{}
			for _, p := range w.places(k) {
				got[p.Cluster] = p.Replicas
			}
			for at, want := range c.want {
				equal(t, fmt.Sprintf("case %d by %s: %s", i, how, w.clusters[at].Name), got[w.clusters[at].Name], want)
			}
			w.pass()
			equal(t, fmt.Sprintf("case %d by %s: unplaced", i, how), w.object(k).Unplaced, c.unplaced)
		}
	}
}
