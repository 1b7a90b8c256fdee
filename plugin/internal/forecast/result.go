package forecast

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// Result is what `plan -o json` prints.
type Result struct {
	Objects []Object `json:"objects"`
}

// Object is one object in all clusters that could have it, in planner order.
type Object struct {
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	Clusters  []Cluster `json:"clusters"`
	// Unplaced replicas find room nowhere, Moved ones leave one cluster for
	// another.
	Unplaced int64 `json:"unplaced"`
	Moved    int64 `json:"moved"`
	// Held is why the object would not be followed; empty when it would.
	Held string `json:"held,omitempty"`
	// Wanted replicas in all; 0 for what is not divided.
	Wanted int64 `json:"wanted,omitempty"`

	key v1alpha1.Key
}

// Cluster is the object's part in one cluster.
type Cluster struct {
	Cluster string      `json:"cluster"`
	Action  plan.Action `json:"action"`
	// Replicas it would have in the end, and has been given so far. Absent for
	// what has none.
	Replicas *int64 `json:"replicas,omitempty"`
	Current  *int64 `json:"current,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Key of the object.
func (o Object) Key() v1alpha1.Key { return o.key }

// Changes says whether anything would be done, or is held.
func (r Result) Changes() bool {
	return slices.ContainsFunc(r.Objects, func(o Object) bool {
		return slices.ContainsFunc(o.Clusters, func(c Cluster) bool { return c.Action != plan.ActionNone })
	})
}

// Describe turns the planned objects that are asked for into a result.
func Describe(in plan.Input, out plan.Output, asked func(v1alpha1.Key) bool) Result {
	kinds := map[v1alpha1.Key]string{}
	for _, s := range in.Specs {
		kinds[s.Key] = s.Object.GetKind()
	}
	r := Result{Objects: []Object{}}
	for _, o := range out.Objects {
		if !asked(o.Key) || o.Key.Group == v1alpha1.Group && o.Held == "" { // a Placement runs nowhere
			continue
		}
		one := Object{Kind: kinds[o.Key], Namespace: o.Key.Namespace, Name: o.Key.Name, Wanted: o.Wanted, Unplaced: o.Unplaced, Moved: o.Moved,
			Clusters: []Cluster{}, key: o.Key}
		if one.Kind == "" {
			one.Kind = o.Key.GroupResource().String()
		}
		if o.Held != "" {
			one.Held = o.Held + ": " + o.Message
		}
		for _, p := range o.Places {
			one.Clusters = append(one.Clusters, Cluster{Cluster: p.Cluster, Action: p.Action, Reason: p.Reason,
				Replicas: number(p.Replicas), Current: number(p.Current)})
		}
		r.Objects = append(r.Objects, one)
	}
	return r
}

func number(n int64) *int64 {
	if n == plan.NoReplicas {
		return nil
	}
	return &n
}

// Differing are the keys whose places differ between two plans, and those that
// only one of them has.
func Differing(before, after plan.Output) map[v1alpha1.Key]bool {
	old := map[v1alpha1.Key]plan.Object{}
	for _, o := range before.Objects {
		old[o.Key] = o
	}
	differ := map[v1alpha1.Key]bool{}
	for _, o := range after.Objects {
		was, known := old[o.Key]
		if !known || !slices.EqualFunc(was.Places, o.Places, sameDeed) {
			differ[o.Key] = true
		}
		delete(old, o.Key)
	}
	for k := range old {
		differ[k] = true
	}
	return differ
}

// sameDeed compares all but the words.
func sameDeed(a, b plan.Place) bool {
	a.Reason, b.Reason = "", ""
	return a == b
}
