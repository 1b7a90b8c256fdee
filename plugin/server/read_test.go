package server_test

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

func TestGetJoinsSpecAndStatus(t *testing.T) {
	w := newWorld(t)
	k := key("default/deployments.apps/web")
	w.Put(k, web)
	w.ObjectStates[k] = v1alpha1.ObjectStatus{UID: "u", CreationTimestamp: metav1.NewTime(memory.Epoch), Generation: 4, SpecGeneration: 101,
		Counts:     map[string]int64{"readyReplicas": 2, "observedGeneration": 99, "noSuchField": 1},
		Conditions: []metav1.Condition{{Type: "Available", Status: "True", Reason: "r"}},
		Clusters:   []v1alpha1.ObjectClusterStatus{{Cluster: "a", Synced: true}, {Cluster: "b", Synced: false, Stale: true}}}
	got, err := w.client.Resource(deployments).Namespace("default").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetUID() != "u" || got.GetGeneration() != 4 || !got.GetCreationTimestamp().Time.Equal(memory.Epoch) || got.GetResourceVersion() != "101" {
		t.Errorf("metadata %v", got.Object["metadata"])
	}
	status, _ := got.Object["status"].(map[string]any)
	if status["readyReplicas"] != int64(2) || status["observedGeneration"] != int64(4) || status["noSuchField"] != nil {
		t.Errorf("status %v", status)
	}
	w.Put(k, strings.Replace(web, "replicas: 3", "replicas: 4", 1))
	if got, err = w.client.Resource(deployments).Namespace("default").Get(t.Context(), "web", metav1.GetOptions{}); err != nil || got.GetGeneration() != 5 {
		t.Errorf("a change the leader has not seen: generation %d, %v", got.GetGeneration(), err)
	}
}

func TestListSelects(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"default/configmaps/a", "default/configmaps/b", "shop/configmaps/a"} {
		k := key(text)
		w.Put(k, "{apiVersion: v1, kind: ConfigMap, metadata: {name: "+k.Name+", labels: {app: "+k.Name+"}}}")
	}
	tests := []struct {
		namespace, labels, fields, want string
	}{
		{"default", "", "", "default/a default/b"},
		{"", "", "", "default/a default/b shop/a"},
		{"", "app=a", "", "default/a shop/a"},
		{"", "app!=a", "", "default/b"},
		{"default", "", "metadata.name=b", "default/b"},
		{"", "", "metadata.name=a,metadata.namespace=shop", "shop/a"},
		{"default", "", "metadata.name=none", ""},
	}
	for _, tt := range tests {
		list, err := w.client.Resource(configMaps).Namespace(tt.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: tt.labels, FieldSelector: tt.fields})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range list.Items {
			names = append(names, i.GetNamespace()+"/"+i.GetName())
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
	_, err := w.client.Resource(configMaps).List(t.Context(), metav1.ListOptions{FieldSelector: "data.k=v"})
	if !apierrors.IsBadRequest(err) {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestClusterView(t *testing.T) {
	w := newWorld(t)
	member := func(name string, spec v1alpha1.ClusterSpec) {
		w.Members[name] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "now", ResourceVersion: "1"}, Spec: spec}
	}
	member("new", v1alpha1.ClusterSpec{})
	member("ready", v1alpha1.ClusterSpec{})
	member("again", v1alpha1.ClusterSpec{})
	member("cordoned", v1alpha1.ClusterSpec{Cordoned: true})
	member("leaving", v1alpha1.ClusterSpec{Leaving: v1alpha1.LeavingOrphan})
	w.Seen["ready"] = v1alpha1.ClusterStatus{UID: "now", State: v1alpha1.ClusterReady}
	w.Seen["again"] = v1alpha1.ClusterStatus{UID: "before", State: v1alpha1.ClusterReady}
	w.Seen["cordoned"] = v1alpha1.ClusterStatus{UID: "now", State: v1alpha1.ClusterReady}
	w.Seen["leaving"] = v1alpha1.ClusterStatus{UID: "now", State: v1alpha1.ClusterReady}
	want := map[string]string{"new": "Never", "ready": "Ready", "again": "Never", "cordoned": "Cordoned", "leaving": "Leaving"}
	list, err := w.client.Resource(gvr("kubectl-fed.io", "v1alpha1", "clusters")).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != len(want) {
		t.Fatalf("%d clusters, %v", len(list.Items), err)
	}
	for _, c := range list.Items {
		if state, _, _ := unstructured.NestedString(c.Object, "status", "state"); state != want[c.GetName()] {
			t.Errorf("%s is %s, want %s", c.GetName(), state, want[c.GetName()])
		}
	}
	if len(w.warnings.texts) != 1 || !strings.Contains(w.warnings.texts[0], "no leader since 2026-11-21T10:00:00Z") {
		t.Errorf("warnings %q", w.warnings.texts)
	}
}

func TestCustomResources(t *testing.T) {
	w := newWorld(t)
	w.Put(key("_cluster/customresourcedefinitions.apiextensions.k8s.io/widgets.example.com"), `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`)
	w.Seen["c1"] = v1alpha1.ClusterStatus{Resources: []v1alpha1.MemberResource{{Group: "other.io", Version: "v1", Resource: "things", Kind: "Thing"}}}
	widgets := w.client.Resource(gvr("example.com", "v1", "widgets")).Namespace("default")
	if _, err := widgets.Create(t.Context(), object(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, spec: {any: thing}}"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	things := w.client.Resource(gvr("other.io", "v1", "things"))
	if _, err := things.Create(t.Context(), object(t, "{apiVersion: other.io/v1, kind: Thing, metadata: {name: a}}"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.Resource(gvr("none.io", "v1", "nothings")).List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("an unknown resource: %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	for _, legacy := range []bool{false, true} {
		client, err := discovery.NewDiscoveryClientForConfig(w.config)
		if err != nil {
			t.Fatal(err)
		}
		client.UseLegacyDiscovery = legacy
		_, lists, err := client.ServerGroupsAndResources()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, l := range lists {
			for _, r := range l.APIResources {
				found[l.GroupVersion+" "+r.Name] = true
			}
		}
		for _, want := range []string{"v1 configmaps", "apps/v1 deployments", "apps/v1 deployments/scale", "extensions/v1beta1 ingresses", "kubectl-fed.io/v1alpha1 clusters"} {
			if !found[want] {
				t.Errorf("legacy %v: no %s", legacy, want)
			}
		}
	}
}

func TestWatch(t *testing.T) {
	w := newWorld(t)
	const cm = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %}}"
	put := func(name string) {
		w.Put(key("default/configmaps/"+name), strings.Replace(cm, "%", name, 1))
	}
	put("a")
	put("b")
	maps := w.client.Resource(configMaps).Namespace("default")
	list, err := maps.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := maps.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	next := func(kind watch.EventType, name string) {
		t.Helper()
		select {
		case e := <-events.ResultChan():
			obj, ok := e.Object.(*unstructured.Unstructured)
			if !ok || e.Type != kind || obj.GetName() != name {
				t.Fatalf("got %s %v, want %s %s", e.Type, e.Object, kind, name)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no event, want %s %s", kind, name)
		}
	}
	w.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}")
	next(watch.Modified, "a")
	put("c")
	next(watch.Added, "c")
	w.Remove(key("default/configmaps/b"))
	next(watch.Deleted, "b")
}

func TestWatchFromAnUnknownVersionExpires(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.Resource(configMaps).Namespace("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "12"})
	if !apierrors.IsResourceExpired(err) {
		t.Errorf("got %v", err)
	}
}
