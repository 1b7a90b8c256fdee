package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world drives Plan as the leader would: what one plan gives is what the next
// one starts from.
type world struct {
	t        *testing.T
	fed      *v1alpha1.Federation
	clusters []Cluster
	specs    map[v1alpha1.Key]Spec
	broken   []Broken
	requests []v1alpha1.Request
	records  map[v1alpha1.Key]Record
	removals []v1alpha1.Removal
	now      time.Time
	gen      int64
	out      Output
	// addresses of Ingresses, as the leader knows them.
	addresses map[v1alpha1.Key][]string
	// cache is kept from plan to plan, if any, as a leader does.
	cache *Cache
}

func newWorld(t *testing.T, clusters ...string) *world {
	w := &world{t: t, fed: &v1alpha1.Federation{}, specs: map[v1alpha1.Key]Spec{}, records: map[v1alpha1.Key]Record{}, now: t0}
	w.fed.UID = "fed-uid"
	w.fed.Spec.Secrets = v1alpha1.SecretsRefuse
	for _, name := range clusters {
		w.join(name)
	}
	return w
}

func (w *world) join(name string) {
	c := Cluster{Reported: true}
	c.Name, c.UID = name, types.UID("uid-of-"+name)
	w.clusters = append(w.clusters, c)
}

func (w *world) cluster(name string) *Cluster {
	w.t.Helper()
	for i := range w.clusters {
		if w.clusters[i].Name == name {
			return &w.clusters[i]
		}
	}
	w.t.Fatalf("no cluster %s", name)
	return nil
}

func key(s string) v1alpha1.Key {
	k, err := v1alpha1.ParseKey(s)
	if err != nil {
		panic(err)
	}
	return k
}

var kinds = map[string]string{"deployments": "Deployment", "replicasets": "ReplicaSet", "configmaps": "ConfigMap",
	"namespaces": "Namespace", "secrets": "Secret", "daemonsets": "DaemonSet", "statefulsets": "StatefulSet", "jobs": "Job",
	"cronjobs": "CronJob", "horizontalpodautoscalers": "HorizontalPodAutoscaler", "services": "Service",
	"serviceaccounts": "ServiceAccount", "placements": "Placement", "ingresses": "Ingress"}

func object(k v1alpha1.Key) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	version := "v1"
	if k.Group != "" {
		version = k.Group + "/v1"
	}
	o.SetAPIVersion(version)
	o.SetKind(kinds[k.Resource])
	o.SetName(k.Name)
	o.SetNamespace(k.Namespace)
	return o
}

// put writes a spec; with changes the object when edit is given.
func (w *world) put(k string, edit ...func(*unstructured.Unstructured)) {
	w.gen++
	o := object(key(k))
	if old, ok := w.specs[key(k)]; ok {
		o = old.Object.DeepCopy()
	}
	for _, e := range edit {
		e(o)
	}
	w.specs[key(k)] = Spec{Key: key(k), Generation: w.gen, Updated: w.now, Object: o}
}

func replicas(n int64) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, n, "spec", "replicas") }
}

func label(v string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"l": v}) }
}

func deleted(how v1alpha1.Propagation) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		now := metav1.NewTime(t0)
		o.SetDeletionTimestamp(&now)
		if how != "" {
			o.SetAnnotations(map[string]string{v1alpha1.AnnotationPropagation: string(how)})
		}
	}
}

// place writes a Placement; the body is its spec as JSON.
func (w *world) place(name, body string) {
	w.gen++
	k := v1alpha1.Key{Namespace: "default", Resource: "placements", Group: v1alpha1.Group, Name: name}
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(`{"spec":`+body+`}`), &o.Object); err != nil {
		panic(err)
	}
	o.SetAPIVersion(v1alpha1.APIVersion)
	o.SetKind("Placement")
	o.SetNamespace("default")
	o.SetName(name)
	w.specs[k] = Spec{Key: k, Generation: w.gen, Updated: w.now, Object: o}
}

// restrict limits an object to clusters.
func (w *world) restrict(k string, clusters ...string) {
	names, _ := json.Marshal(clusters)
	w.place("of-"+key(k).Name, fmt.Sprintf(`{"objects":[{"kind":%q,"name":%q}],"clusters":{"names":%s}}`, kinds[key(k).Resource], key(k).Name, names))
}

func (w *world) input() Input {
	in := Input{Federation: w.fed, Clusters: append([]Cluster(nil), w.clusters...), Broken: w.broken, Records: w.records,
		Requests: w.requests, Removals: w.removals, Addresses: w.addresses, Now: w.now}
	for _, s := range w.specs {
		in.Specs = append(in.Specs, s)
	}
	return in
}

// pass plans once and takes everything over, except in clusters that fail.
func (w *world) pass(failing ...string) Output {
	w.t.Helper()
	w.out = Plan(w.input())
	if w.cache != nil {
		in := w.input()
		in.Cache = w.cache
		w.compare(in)
	}
	failed := map[string]bool{}
	for _, f := range failing {
		failed[f] = true
	}
	for _, c := range w.out.Clusters {
		if !failed[c.Name] && w.cache != nil {
			w.cluster(c.Name).Previous = c.Shard
		} else if !failed[c.Name] {
			// Through the stored form, as a new leader reads it.
			body, err := json.Marshal(c.Shard.Revision())
			if err != nil {
				w.t.Fatal(err)
			}
			r := &v1alpha1.Shard{}
			if err := json.Unmarshal(body, r); err != nil {
				w.t.Fatal(err)
			}
			w.cluster(c.Name).Previous = FromRevision(r)
		}
	}
	w.records = map[v1alpha1.Key]Record{}
	for _, o := range w.out.Objects {
		w.records[o.Key] = o.Record
	}
	w.removals = w.out.Removals
	for _, f := range w.out.Finished {
		if w.specs[f.Key].Generation == f.Generation {
			delete(w.specs, f.Key)
			delete(w.records, f.Key)
		}
	}
	var open []v1alpha1.Request
	for _, r := range w.requests {
		done := false
		for _, id := range w.out.Answered {
			done = done || id == r.ID
		}
		if !done {
			open = append(open, r)
		}
	}
	w.requests = open
	return w.out
}

// compare plans with the cache, which must make no difference.
func (w *world) compare(in Input) {
	w.t.Helper()
	plain := w.out
	w.out = Plan(in)
	if reflect.DeepEqual(plain, w.out) {
		return
	}
	for i := range plain.Objects {
		if i < len(w.out.Objects) && !reflect.DeepEqual(plain.Objects[i], w.out.Objects[i]) {
			w.t.Fatalf("with a cache:\n%+v\nwithout:\n%+v", w.out.Objects[i], plain.Objects[i])
		}
	}
	w.t.Fatalf("with a cache:\n%+v\nwithout:\n%+v", w.out, plain)
}

// ack lets clusters report every tombstone of theirs gone.
func (w *world) ack(clusters ...string) {
	for _, name := range clusters {
		c := w.cluster(name)
		c.Gone = map[v1alpha1.GoneObject]bool{}
		for _, t := range c.Previous.Tombstones {
			c.Gone[v1alpha1.GoneObject{Key: t.Key, UID: t.UID}] = true
		}
	}
}

// report lets clusters tell that all they were given runs.
func (w *world) report(clusters ...string) {
	for _, name := range clusters {
		c := w.cluster(name)
		c.Reports = map[v1alpha1.Key]*v1alpha1.ObjectReport{}
		for _, o := range c.Previous.Objects {
			r := &v1alpha1.ObjectReport{Key: o.Key, UID: o.UID, Generation: o.Generation, Health: v1alpha1.HealthCurrent}
			if o.Replicas != NoReplicas {
				r.Counts = map[string]int64{"replicas": o.Replicas, "readyReplicas": o.Replicas}
			}
			c.Reports[o.Key] = r
		}
	}
}

// answering are the clusters that are not silent.
func (w *world) answering() (names []string) {
	for _, c := range w.clusters {
		if !c.Stale && !c.Failed && !c.Unknown {
			names = append(names, c.Name)
		}
	}
	return names
}

// settle passes until nothing changes any more, in clusters that run at once
// what they are given.
func (w *world) settle() {
	w.t.Helper()
	for range 20 {
		w.report(w.answering()...)
		changed := false
		for _, c := range w.pass().Clusters {
			changed = changed || c.Changed
		}
		if !changed {
			return
		}
	}
	w.t.Fatal("the plan does not come to rest")
}

// objects and tombs print a cluster's shard.
func (w *world) objects(cluster string) string {
	s := ""
	for _, o := range w.cluster(cluster).Previous.Objects {
		s += o.Key.String()
		if o.Replicas != NoReplicas {
			s += fmt.Sprintf("=%d", o.Replicas)
		}
		s += " "
	}
	return s
}

func (w *world) tombs(cluster string) string {
	s := ""
	for _, t := range w.cluster(cluster).Previous.Tombstones {
		s += fmt.Sprintf("%s:%s%s ", t.Key, t.Propagation, t.Cause)
	}
	return s
}

func (w *world) object(k string) Object {
	w.t.Helper()
	for _, o := range w.out.Objects {
		if o.Key == key(k) {
			return o
		}
	}
	w.t.Fatalf("the plan says nothing of %s", k)
	return Object{}
}

func (w *world) held(k string) string {
	for _, h := range w.out.Held {
		if h.Path == k+".yaml" {
			return h.Reason
		}
	}
	return ""
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

const (
	cm  = "default/configmaps/c"
	web = "default/deployments.apps/web"
)

func TestEveryObjectGoesEverywhere(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put("_cluster/namespaces/n")
	w.put("n/configmaps/c")
	w.put(cm)
	w.settle()
	for _, c := range []string{"a", "b"} {
		equal(t, c, w.objects(c), "_cluster/namespaces/n default/configmaps/c n/configmaps/c ")
	}
	equal(t, "clusters", len(w.object(cm).Clusters), 2)
}

func TestReplicas(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d", "e")
	w.put(web, replicas(1000))
	w.settle()
	for _, c := range w.clusters {
		equal(t, c.Name, w.objects(c.Name), web+"=200 ")
	}
	w.join("f")
	w.settle()
	equal(t, "joined later", w.objects("f"), web+"=0 ")
	equal(t, "there before", w.objects("a"), web+"=200 ")
	w.put(web, replicas(1100))
	w.settle()
	equal(t, "scaled up", w.objects("f"), web+"=100 ")
	w.put(web, replicas(500))
	w.settle()
	equal(t, "scaled down, small", w.objects("f")+w.objects("a"), web+"=83 "+web+"=84 ")
}

func TestAbsentReplicasAreOne(t *testing.T) {
	w := newWorld(t, "A", "B")
	w.put(web)
	w.settle()
	total := int64(0)
	for _, c := range w.clusters {
		total += c.Previous.Objects[0].Replicas
	}
	equal(t, "sum", total, 1)
	equal(t, "wanted", w.object(web).Wanted, 1)
}

func TestManifest(t *testing.T) {
	w := newWorld(t, "a")
	w.put(cm, func(o *unstructured.Unstructured) {
		o.SetUID("u")
		o.SetResourceVersion("1")
		o.SetGeneration(2)
		o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "p", UID: "x"}})
		o.SetCreationTimestamp(metav1.NewTime(t0))
		o.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", v1alpha1.AnnotationForce: "true", "mine": "<&>"})
		o.Object["status"] = map[string]any{"a": "b"}
		o.Object["data"] = map[string]any{"k": "v"}
	})
	w.pass()
	got := string(w.out.Clusters[0].Shard.Objects[0].Manifest)
	want := `{"apiVersion":"v1","data":{"k":"v"},"kind":"ConfigMap","metadata":{"annotations":{"kubectl-fed.io/force":"true","mine":"\u003c\u0026\u003e"},"name":"c","namespace":"default"}}`
	equal(t, "manifest", got, want)
	equal(t, "changed again", w.pass().Clusters[0].Changed, false)
}

func TestCopiedSpecIsNoChange(t *testing.T) {
	w := newWorld(t, "a")
	w.put(cm)
	w.put(web, replicas(3))
	w.settle()
	w.put(cm)
	w.put(web)
	out := w.pass()
	equal(t, "changed", out.Clusters[0].Changed, false)
	equal(t, "generation", w.object(cm).Record.Generation, 1)
	equal(t, "generation", w.object(web).Record.Generation, 1)
	equal(t, "spec generation", w.object(cm).Record.SpecGeneration, w.specs[key(cm)].Generation)
	w.put(cm, label("x"))
	out = w.pass()
	equal(t, "changed", out.Clusters[0].Changed, true)
	equal(t, "reason", out.Clusters[0].Reason, "changed default/configmaps/c")
	equal(t, "generation", w.object(cm).Record.Generation, 2)
	equal(t, "generation", w.object(web).Record.Generation, 1)
}

func TestStaleCluster(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(10))
	w.put(cm)
	w.settle()
	w.cluster("b").Stale = true
	equal(t, "changed", w.pass().Clusters[1].Changed, false)
	w.put(web, replicas(14))
	w.put(cm, label("new"))
	w.put("default/configmaps/d")
	w.settle()
	equal(t, "fresh", w.objects("a"), "default/configmaps/c default/configmaps/d "+web+"=9 ")
	equal(t, "stale", w.objects("b"), "default/configmaps/c default/configmaps/d "+web+"=5 ")
	w.cluster("a").Stale = true
	w.put(web, replicas(20))
	w.settle()
	equal(t, "all stale", w.objects("a")+w.objects("b"), "default/configmaps/c default/configmaps/d "+web+"=10 default/configmaps/c default/configmaps/d "+web+"=10 ")
}

func TestCordonedKeepsAndGetsNothingNew(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.put(web, replicas(10))
	w.put(cm)
	w.settle()
	w.cluster("b").Spec.Cordoned = true
	equal(t, "changed", w.pass().Clusters[1].Changed, false)
	w.put(web, replicas(14), label("x"))
	w.put("default/configmaps/d")
	w.settle()
	equal(t, "cordoned", w.objects("b"), "default/configmaps/c "+web+"=5 ")
	equal(t, "other", w.objects("a"), "default/configmaps/c default/configmaps/d "+web+"=9 ")
	o, _ := w.cluster("b").Previous.Object(key(web))
	equal(t, "generation follows", o.Generation, w.specs[key(web)].Generation)
	equal(t, "skipped", fmt.Sprint(w.object("default/configmaps/d").Skipped), "[b]")
}

func TestSecrets(t *testing.T) {
	w := newWorld(t, "a")
	w.put("default/secrets/s")
	w.settle()
	equal(t, "objects", w.objects("a"), "")
	equal(t, "held", w.held("default/secrets/s"), v1alpha1.HeldSecret)
	w.fed.Spec.Secrets = v1alpha1.SecretsPlaintext
	w.settle()
	equal(t, "objects", w.objects("a"), "default/secrets/s ")
	w.fed.Spec.Secrets = v1alpha1.SecretsRefuse
	w.settle()
	equal(t, "placed before", w.objects("a"), "default/secrets/s ")
}

func TestNamespaceMissing(t *testing.T) {
	w := newWorld(t, "a")
	w.put("n/configmaps/c")
	w.settle()
	equal(t, "objects", w.objects("a"), "")
	equal(t, "held", w.held("n/configmaps/c"), v1alpha1.HeldNoNamespace)
	w.put("_cluster/namespaces/n")
	w.settle()
	equal(t, "objects", w.objects("a"), "_cluster/namespaces/n n/configmaps/c ")
	delete(w.specs, key("_cluster/namespaces/n"))
	w.put("n/configmaps/c", label("x"))
	w.settle()
	equal(t, "vanished namespace", w.held("_cluster/namespaces/n"), v1alpha1.HeldVanished)
	o, _ := w.cluster("a").Previous.Object(key("n/configmaps/c"))
	equal(t, "its objects are followed", o.Generation, w.specs[key("n/configmaps/c")].Generation)
}

func TestYoungNamespaceKeepsItsObjectsWaiting(t *testing.T) {
	w := newWorld(t, "a")
	w.put("n/configmaps/c")
	w.broken = []Broken{{Key: key("_cluster/namespaces/n"), Generation: 7}}
	w.pass()
	equal(t, "held", len(w.out.Held), 0)
	equal(t, "objects", w.objects("a"), "")
}

func TestReason(t *testing.T) {
	w := newWorld(t, "a")
	reason := func() string { return w.pass().Clusters[0].Reason }
	equal(t, "joined", reason(), "the cluster joined")
	equal(t, "nothing", reason(), "")
	for i := range 5 {
		w.put(fmt.Sprintf("default/configmaps/c%d", i))
	}
	equal(t, "added", reason(), "added default/configmaps/c0, default/configmaps/c1, default/configmaps/c2 and 2 more")
	w.put("default/configmaps/c0", label("x"))
	w.put("default/configmaps/c1", deleted(""))
	equal(t, "more", reason(), "changed default/configmaps/c0; removed default/configmaps/c1")
	w.ack("a")
	equal(t, "acknowledged", reason(), "tombstones changed")
	w.cluster("a").Spec.Leaving = v1alpha1.LeavingOrphan
	equal(t, "leaving", reason(), "the cluster leaves; removed default/configmaps/c0, default/configmaps/c2, default/configmaps/c3 and 1 more")
}
