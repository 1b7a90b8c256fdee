package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func removalsOf(cluster string, n int, prefix string) []v1alpha1.Removal {
	var list []v1alpha1.Removal
	for i := range n {
		list = append(list, v1alpha1.Removal{Time: t0, Cluster: cluster, Key: key(fmt.Sprintf("default/configmaps/%s%d", prefix, i))})
	}
	return list
}

func TestBudget(t *testing.T) {
	one := key("default/configmaps/one")
	leave := func(clusters ...string) []v1alpha1.Removal {
		var list []v1alpha1.Removal
		for _, c := range clusters {
			list = append(list, v1alpha1.Removal{Time: t0, Cluster: c, Key: one})
		}
		return list
	}
	cases := []struct {
		name     string
		objects  int
		clusters int
		history  []v1alpha1.Removal
		wanted   []v1alpha1.Removal
		held     int
	}{
		{"nothing", 10, 3, nil, nil, 0},
		{"three are free", 4, 3, nil, removalsOf("a", 3, "x"), 0},
		{"four of sixteen are a quarter", 16, 3, nil, removalsOf("a", 4, "x"), 0},
		{"four of fifteen are more", 15, 3, nil, removalsOf("a", 4, "x"), 4},
		{"all of many", 100, 3, nil, removalsOf("a", 100, "x"), 100},
		{"a quarter of many", 100, 3, nil, removalsOf("a", 25, "x"), 0},
		{"history counts", 13, 3, removalsOf("a", 3, "old"), removalsOf("a", 2, "x"), 2},
		{"of another cluster it does not", 13, 3, removalsOf("b", 3, "old"), removalsOf("a", 2, "x"), 0},
		{"one of two clusters", 100, 2, nil, leave("a"), 0},
		{"both of two", 100, 2, nil, leave("a", "b"), 2},
		{"its only one", 100, 1, nil, leave("a"), 0},
		{"two of four", 100, 4, nil, leave("a", "b"), 0},
		{"three of four", 100, 4, nil, leave("a", "b", "c"), 3},
		{"two of three, one after the other", 100, 2, leave("a"), leave("b"), 1},
	}
	for _, c := range cases {
		b := Budget{Objects: map[string]int{"a": c.objects, "b": c.objects, "c": c.objects}, Clusters: map[v1alpha1.Key]int{one: c.clusters}, History: c.history}
		for _, r := range c.wanted {
			if r.Key != one {
				b.Clusters[r.Key] = 10
			}
		}
		if got := len(b.Held(c.wanted)); got != c.held {
			t.Errorf("%s: %d held, want %d", c.name, got, c.held)
		}
	}
}

func TestUnplacementIsBudgeted(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d")
	w.put(cm)
	w.put(web, replicas(8))
	w.settle()
	w.restrict(cm, "a", "b", "c") // leaves one of four: passes
	w.settle()
	equal(t, "d", w.objects("d"), web+"=2 ")
	equal(t, "tombstone", w.tombs("d"), cm+":BackgroundUnplaced ")
	equal(t, "counted", len(w.removals), 1)
	w.ack("d")

	w.restrict(web, "a") // leaves three of four: held
	w.settle()
	equal(t, "held", w.held(web), v1alpha1.HeldBudget)
	equal(t, "held message", w.object(web).Message, "removal from b, c, d waits for `kubectl fed approve`")
	equal(t, "everything stays", w.objects("a")+w.objects("d"), cm+" "+web+"=2 "+web+"=2 ")
	w.put(web, replicas(8), label("new"))
	w.settle()
	equal(t, "changes go on", w.cluster("d").Previous.Objects[0].Generation, w.specs[key(web)].Generation)

	w.requests = []v1alpha1.Request{{ID: "other", Type: v1alpha1.RequestApprove, Keys: []v1alpha1.Key{key(cm)}}}
	w.settle()
	equal(t, "not what was approved", w.held(web), v1alpha1.HeldBudget)
	w.requests = []v1alpha1.Request{{ID: "ok", Type: v1alpha1.RequestApprove}}
	w.settle()
	equal(t, "approved", w.objects("a")+w.objects("b")+w.objects("c")+w.objects("d"), cm+" "+web+"=8 "+cm+" "+cm+" ")
	equal(t, "answered", len(w.requests), 0)
	equal(t, "approved ones do not count", len(w.removals), 1)
	w.now = w.now.Add(11 * time.Minute)
	w.settle()
	equal(t, "the window passes", len(w.removals), 0)
}

func TestUnplacedObjectComesBackWithItsUID(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(cm)
	w.settle()
	uid := w.object(cm).Record.UID
	w.restrict(cm, "a", "b")
	w.settle()
	equal(t, "c", w.tombs("c"), cm+":BackgroundUnplaced ")
	w.restrict(cm, "a", "b", "c")
	w.settle()
	equal(t, "c", w.tombs("c")+w.objects("c"), cm+" ")
	equal(t, "uid", w.cluster("c").Previous.Objects[0].UID, uid)
}

// Scaling to nothing without the user's asking is a removal too. The user's
// own scaling down is not.
func TestScalingToNothingIsBudgeted(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(4))
	w.settle()
	w.put(web, replicas(0))
	w.settle()
	equal(t, "asked for", w.objects("a")+w.held(web), web+"=0 ")

	w = newWorld(t, "a", "b", "c", "d", "e")
	for i := range 4 {
		w.put(fmt.Sprintf("default/deployments.apps/w%d", i), replicas(5))
	}
	w.settle()
	w.place("all", `{"objects":[{"kind":"Deployment"}],"replicas":{"clusters":{"b":{"weight":1},"c":{"weight":1},"d":{"weight":1},"e":{"weight":1}}}}`)
	w.settle()
	for i := range 4 {
		equal(t, "held", w.held(fmt.Sprintf("default/deployments.apps/w%d", i)), v1alpha1.HeldBudget)
	}
	equal(t, "counted", len(w.removals), 0)
	for _, c := range w.clusters {
		for _, o := range c.Previous.Objects {
			equal(t, "share kept", o.Replicas, 1)
		}
	}
}
