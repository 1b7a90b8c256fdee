package plan

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func (w *world) hasSpec(k string) bool { _, ok := w.specs[key(k)]; return ok }

func TestDeleteWaitsForEveryFreshCluster(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(cm)
	w.settle()
	uid := w.object(cm).Record.UID
	w.put(cm, deleted(""))
	w.settle()
	for _, c := range []string{"a", "b"} {
		equal(t, c, w.objects(c), "")
		equal(t, c, w.tombs(c), cm+":Background ")
		tomb := w.cluster(c).Previous.Tombstones[0]
		equal(t, "uid", tomb.UID, uid)
		equal(t, "kind", tomb.APIVersion+" "+tomb.Kind, "v1 ConfigMap")
	}
	equal(t, "deleting", fmt.Sprint(w.object(cm).Deleting, w.object(cm).Waiting), "true [a b]")
	w.ack("a")
	w.settle()
	equal(t, "acknowledged", w.tombs("a"), "")
	equal(t, "spec stays", w.hasSpec(cm), true)
	w.ack("b")
	w.settle()
	equal(t, "spec", w.hasSpec(cm), false)
	equal(t, "tombstones", w.tombs("a")+w.tombs("b"), "")
}

func TestDeletePropagation(t *testing.T) {
	for _, how := range []v1alpha1.Propagation{v1alpha1.PropagationForeground, v1alpha1.PropagationOrphan} {
		w := newWorld(t, "a")
		w.put(cm)
		w.settle()
		w.put(cm, deleted(how))
		w.settle()
		equal(t, "tombstone", w.tombs("a"), fmt.Sprintf("%s:%s ", cm, how))
	}
}

func TestDeleteNeverPlaced(t *testing.T) {
	w := newWorld(t, "a")
	w.put(cm, deleted(""))
	w.settle()
	equal(t, "spec", w.hasSpec(cm), false)
	equal(t, "tombstones", w.tombs("a"), "")
}

// Clusters that cannot answer keep their tombstone and keep nobody waiting.
func TestDeleteDoesNotWaitForTheSilent(t *testing.T) {
	for name, silence := range map[string]func(*Cluster){
		"stale": func(c *Cluster) { c.Stale = true },
		"never": func(c *Cluster) { c.Reported = false },
		"lost":  func(c *Cluster) { c.Spec.Lost = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a", "b")
			w.put(cm)
			w.settle()
			silence(w.cluster("b"))
			w.put(cm, deleted(""))
			w.settle()
			w.ack("a")
			w.settle()
			equal(t, "spec", w.hasSpec(cm), false)
			equal(t, "tombstone stays", w.tombs("b"), cm+":Background ")
			w.settle()
			equal(t, "and stays", w.tombs("b"), cm+":Background ")
			w.ack("b")
			w.settle()
			equal(t, "acknowledged", w.tombs("b"), "")
		})
	}
}

func TestDeleteThenCreateGetsAnotherUID(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(cm)
	w.settle()
	old := w.object(cm).Record.UID
	w.cluster("b").Stale = true
	w.put(cm, deleted(""))
	w.settle()
	w.ack("a")
	w.settle()
	w.put(cm)
	w.settle()
	fresh := w.object(cm).Record.UID
	if fresh == old || fresh == "" {
		t.Fatalf("uid %q after %q", fresh, old)
	}
	equal(t, "back in a", w.objects("a"), cm+" ")
	equal(t, "back in b", w.objects("b"), cm+" ")
	b := w.cluster("b").Previous
	equal(t, "tombstone of the old", b.Tombstones[0].UID, old)
	equal(t, "object of the new", b.Objects[0].UID, fresh)
	equal(t, "generation", w.object(cm).Record.Generation, 1)
	w.ack("b")
	w.settle()
	equal(t, "object stays", w.objects("b"), cm+" ")
	equal(t, "tombstone gone", w.tombs("b"), "")
	equal(t, "uid stays", w.object(cm).Record.UID, fresh)
}

// A spec put back over a delete that is under way (a copy from git) is a new
// object, also where a shard still has the old one without a tombstone.
func TestSpecPutBackOverItsDelete(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(cm)
	w.settle()
	old := w.object(cm).Record.UID
	w.put(cm, deleted(""))
	w.pass("b") // b's shard could not be written
	equal(t, "b", w.objects("b"), cm+" ")
	w.specs[key(cm)] = Spec{Key: key(cm), Generation: 99, Object: object(key(cm))}
	w.settle()
	for _, c := range []string{"a", "b"} {
		s := w.cluster(c).Previous
		equal(t, c+" tombstone", s.Tombstones[0].UID, old)
		equal(t, c+" object", s.Objects[0].UID != old, true)
	}
	equal(t, "same uid in both", w.cluster("a").Previous.Objects[0].UID, w.cluster("b").Previous.Objects[0].UID)
}

func TestNamespaceTakesItsObjectsAlong(t *testing.T) {
	const ns, inside, vanished = "_cluster/namespaces/n", "n/configmaps/c", "n/configmaps/v"
	w := newWorld(t, "a")
	w.put(ns)
	w.put(inside)
	w.put(vanished)
	w.settle()
	delete(w.specs, key(vanished))
	w.put(ns, deleted(""))
	w.put("n/configmaps/late")
	w.settle()
	equal(t, "objects", w.objects("a"), "")
	equal(t, "tombstones", w.tombs("a"), ns+":Background "+inside+":Background "+vanished+":Background ")
	equal(t, "late comer", w.held("n/configmaps/late"), v1alpha1.HeldNoNamespace)
	w.ack("a")
	w.settle()
	equal(t, "namespace", w.hasSpec(ns), false)
	equal(t, "inside", w.hasSpec(inside), false)
	equal(t, "late comer stays", w.hasSpec("n/configmaps/late"), true)
	w.put(ns)
	w.settle()
	equal(t, "namespace again", w.objects("a"), ns+" n/configmaps/late ")
}

func TestNamespaceIsFinishedLast(t *testing.T) {
	w := newWorld(t, "a")
	w.put("_cluster/namespaces/n")
	w.put("n/configmaps/c")
	w.settle()
	w.put("_cluster/namespaces/n", deleted(""))
	w.pass()
	w.ack("a")
	out := w.pass()
	equal(t, "finished", fmt.Sprint(out.Finished), fmt.Sprint([]Finished{{key("n/configmaps/c"), w.gen - 1}}))
	equal(t, "then", len(w.pass().Finished), 1)
}

func TestVanished(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(cm)
	w.put(web, replicas(4))
	w.settle()
	uid := w.object(cm).Record.UID
	w.specs = map[v1alpha1.Key]Spec{}
	out := w.pass()
	equal(t, "changed", out.Clusters[0].Changed || out.Clusters[1].Changed, false)
	equal(t, "held", w.held(cm)+w.held(web), v1alpha1.HeldVanished+v1alpha1.HeldVanished)
	equal(t, "objects", w.objects("a"), cm+" "+web+"=2 ")

	w.put(cm)
	w.settle()
	equal(t, "put back", w.held(cm), "")
	equal(t, "uid", w.object(cm).Record.UID, uid)

	w.requests = []v1alpha1.Request{
		{ID: "no-keys", Type: v1alpha1.RequestDeleteMissing},
		{ID: "present", Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key(cm)}},
		{ID: "other-uid", Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key("default/configmaps/x")}},
	}
	w.settle()
	equal(t, "nothing confirmed", w.objects("a"), cm+" "+web+"=2 ")
	equal(t, "answered", len(w.requests), 0)

	w.requests = []v1alpha1.Request{{ID: "r", Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key(web)}, Propagation: v1alpha1.PropagationForeground}}
	w.settle()
	equal(t, "confirmed", w.objects("a"), cm+" ")
	equal(t, "tombstone", w.tombs("a"), web+":Foreground ")
	equal(t, "not answered yet", len(w.requests), 1)
	w.ack("a", "b")
	w.settle()
	equal(t, "answered", len(w.requests), 0)
	equal(t, "tombstones", w.tombs("a")+w.tombs("b"), "")
}

func TestDeleteMissingOfAnotherUID(t *testing.T) {
	w := newWorld(t, "a")
	w.put(cm)
	w.settle()
	delete(w.specs, key(cm))
	w.requests = []v1alpha1.Request{{ID: "r", Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key(cm)}, UIDs: []types.UID{"another"}}}
	w.settle()
	equal(t, "objects", w.objects("a"), cm+" ")
	equal(t, "held", w.held(cm), v1alpha1.HeldVanished)
}

func TestBroken(t *testing.T) {
	w := newWorld(t, "a")
	w.put(cm)
	w.settle()
	delete(w.specs, key(cm))
	w.broken = []Broken{{Key: key(cm), Generation: 9, Message: "not YAML"}, {Key: key("default/configmaps/new"), Generation: 9, Message: "not YAML"}}
	out := w.pass()
	equal(t, "changed", out.Clusters[0].Changed, false)
	equal(t, "held", w.held(cm)+w.held("default/configmaps/new"), v1alpha1.HeldCorrupt+v1alpha1.HeldCorrupt)
	equal(t, "objects", w.objects("a"), cm+" ")
	w.broken = []Broken{{Key: key(cm), Generation: 10}}
	out = w.pass()
	equal(t, "unread: changed", out.Clusters[0].Changed, false)
	equal(t, "unread: held", len(out.Held), 0)
}

func TestReplicasThatAreNoNumber(t *testing.T) {
	w := newWorld(t, "a")
	w.put(web, replicas(-1))
	w.settle()
	equal(t, "held", w.held(web), v1alpha1.HeldCorrupt)
}

func TestInvalidPathsAreHeld(t *testing.T) {
	in := newWorld(t, "a").input()
	in.Invalid = []v1alpha1.InvalidPath{{Path: "x/y", Generation: 3, Message: "no key"}}
	out := Plan(in)
	equal(t, "held", fmt.Sprint(out.Held), "[{x/y SpecInvalid no key 3}]")
}

func TestLeaving(t *testing.T) {
	for mode, how := range map[v1alpha1.LeavingMode]string{v1alpha1.LeavingDelete: "Background", v1alpha1.LeavingOrphan: "Orphan"} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, "a", "b")
			w.put(cm)
			w.put(web, replicas(10))
			w.settle()
			w.cluster("b").Spec.Leaving = mode
			w.settle()
			equal(t, "b objects", w.objects("b"), "")
			equal(t, "b tombstones", w.tombs("b"), fmt.Sprintf("%s:%sLeaving %s:%sLeaving ", cm, how, web, how))
			equal(t, "b leaving", w.cluster("b").Previous.Leaving, mode)
			equal(t, "a takes over", w.objects("a"), cm+" "+web+"=10 ")
			w.put("default/configmaps/new")
			w.ack("b")
			w.settle()
			equal(t, "b is empty", w.objects("b")+w.tombs("b"), "")

			// Changing one's mind gives everything back, under the same uid.
			w.cluster("b").Spec.Leaving = ""
			w.cluster("b").Gone = nil
			w.settle()
			equal(t, "b again", w.objects("b"), cm+" default/configmaps/new "+web+"=0 ")
			equal(t, "uid", w.cluster("b").Previous.Objects[0].UID, w.cluster("a").Previous.Objects[0].UID)
		})
	}
}

func TestDeleteDoesNotWaitForALeavingCluster(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(cm)
	w.settle()
	w.cluster("b").Spec.Leaving = v1alpha1.LeavingOrphan
	w.settle()
	w.put(cm, deleted(""))
	w.settle()
	w.ack("a")
	w.settle()
	equal(t, "spec", w.hasSpec(cm), false)
	equal(t, "still orphaned", w.tombs("b"), cm+":OrphanLeaving ")
}

func TestRejoinedClusterStartsAnew(t *testing.T) {
	w := newWorld(t, "a")
	w.put(cm)
	w.settle()
	w.cluster("a").UID = "another"
	out := w.pass()
	equal(t, "changed", out.Clusters[0].Changed, true)
	equal(t, "objects", w.objects("a"), cm+" ")
	equal(t, "tombstones", w.tombs("a"), "")
	equal(t, "cluster uid", w.cluster("a").Previous.ClusterUID, types.UID("another"))
}

func TestUnknownShard(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(10))
	w.put(cm)
	w.settle()
	w.cluster("b").Unknown = true
	kept := w.cluster("b").Previous
	w.cluster("b").Previous = Shard{}
	w.put(web, replicas(20), label("x"))
	w.put("default/deployments.apps/new", replicas(4))
	w.put(cm, deleted(""))
	w.settle()
	equal(t, "known cluster", w.objects("a"), "default/deployments.apps/new=4 "+web+"=5 ")
	w.ack("a")
	w.settle()
	equal(t, "delete waits", w.hasSpec(cm), true)
	b := w.cluster("b")
	b.Unknown, b.Previous = false, kept
	w.settle()
	equal(t, "read again", w.objects("a")+w.objects("b"),
		"default/deployments.apps/new=4 "+web+"=10 default/deployments.apps/new=0 "+web+"=10 ")
	equal(t, "its tombstone", w.tombs("b"), cm+":Background ")
}
