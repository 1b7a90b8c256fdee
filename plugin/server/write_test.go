package server_test

import (
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1}]}
`

func TestCreate(t *testing.T) {
	tests := []struct {
		name      string
		gvr       schema.GroupVersionResource
		namespace string
		object    string
		refused   func(error) bool
		says      string
	}{
		{"a deployment", deployments, "default", web, nil, ""},
		{"no such namespace", configMaps, "nowhere", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", apierrors.IsNotFound, `namespaces "nowhere" not found`},
		{"a namespace that goes", configMaps, "going", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", apierrors.IsForbidden, "being terminated"},
		{"a secret", gvr("", "v1", "secrets"), "default", "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {k: hush}}", apierrors.IsForbidden, "refuses Secrets"},
		{"an unknown field", configMaps, "default", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dada: {}}", apierrors.IsInvalid, "dada: Invalid value: unknown field"},
		{"another kind", configMaps, "default", web, apierrors.IsBadRequest, "the path is for configmaps"},
		{"another namespace", configMaps, "default", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}", apierrors.IsBadRequest, "does not match the namespace"},
		{"a version", configMaps, "default", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '7'}}", apierrors.IsBadRequest, "resourceVersion should not be set"},
		{"what is there", configMaps, "default", "{apiVersion: v1, kind: ConfigMap, metadata: {name: there}}", apierrors.IsAlreadyExists, `configmaps "there" already exists`},
		{"a node", gvr("", "v1", "nodes"), "", "{apiVersion: v1, kind: Node, metadata: {name: n}}", apierrors.IsForbidden, "belong to the members"},
		{"a cluster", gvr("kubectl-fed.io", "v1alpha1", "clusters"), "", "{apiVersion: kubectl-fed.io/v1alpha1, kind: Cluster, metadata: {name: c}}", apierrors.IsForbidden, "kubectl fed join"},
		{"too much", configMaps, "default", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: " + strings.Repeat("x", 1<<20) + "}}", apierrors.IsRequestEntityTooLargeError, "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Put(key("default/configmaps/there"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: there}}")
			w.Put(key("_cluster/namespaces/going"), "{apiVersion: v1, kind: Namespace, metadata: {name: going, deletionTimestamp: '2026-01-01T00:00:00Z'}}")
			before := len(w.Specs)
			_, err := w.client.Resource(tt.gvr).Namespace(tt.namespace).Create(t.Context(), object(t, tt.object), metav1.CreateOptions{})
			if tt.refused == nil {
				if err != nil || len(w.Specs) != before+1 || len(w.written) != 1 {
					t.Fatalf("created: err %v, %d specs, written %v", err, len(w.Specs), w.written)
				}
				return
			}
			if !tt.refused(err) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hush") {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if len(w.Specs) != before || len(w.written) > 0 {
				t.Fatalf("something was written: %v", w.written)
			}
		})
	}
}

func TestCreateStoresWhatWasSubmitted(t *testing.T) {
	w := newWorld(t)
	obj := object(t, web)
	obj.SetUID("theirs")
	obj.Object["status"] = map[string]any{"replicas": int64(9)}
	obj.SetAnnotations(map[string]string{"kubernetes.io/change-cause": "first release"})
	got, err := w.client.Resource(deployments).Namespace("default").Create(t.Context(), obj, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body := w.Body(key("default/deployments.apps/web"))
	for _, leak := range []string{"theirs", "status", "creationTimestamp", "resourceVersion"} {
		if strings.Contains(body, leak) {
			t.Errorf("the spec holds %q:\n%s", leak, body)
		}
	}
	rec := w.Specs[key("default/deployments.apps/web")]
	if want := (v1alpha1.Provenance{Author: "me", Client: "test", Reason: "first release"}); rec.Provenance != want {
		t.Errorf("provenance %+v, want %+v", rec.Provenance, want)
	}
	if got.GetResourceVersion() != "101" || w.written["specs/default/deployments.apps/web.yaml"] != 101 {
		t.Errorf("version %s, written %v", got.GetResourceVersion(), w.written)
	}
}

func TestCreateOldVersion(t *testing.T) {
	w := newWorld(t)
	ing := "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i}, spec: {backend: {serviceName: s, servicePort: 80}}}"
	old := w.client.Resource(gvr("extensions", "v1beta1", "ingresses")).Namespace("default")
	if _, err := old.Create(t.Context(), object(t, ing), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(w.warnings.texts) != 1 || !strings.Contains(w.warnings.texts[0], "networking.k8s.io/v1") {
		t.Errorf("warnings %q", w.warnings.texts)
	}
	got, err := old.Get(t.Context(), "i", metav1.GetOptions{})
	if err != nil || got.GetAPIVersion() != "networking.k8s.io/v1" {
		t.Fatalf("got %v, %v", got, err)
	}
	if body := w.Body(key("default/ingresses.networking.k8s.io/i")); !strings.Contains(body, "defaultBackend") {
		t.Errorf("not converted:\n%s", body)
	}
}

func TestCreateWithGeneratedClient(t *testing.T) {
	w := newWorld(t)
	client, err := kubernetes.NewForConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: map[string]string{"k": "v"}}
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), cm, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := client.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || got.Data["k"] != "v" {
		t.Fatalf("got %v, %v", got, err)
	}
	if body := w.Body(key("default/configmaps/a")); strings.Contains(body, "null") {
		t.Errorf("zero values are stored:\n%s", body)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.Put(key("default/configmaps/there"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: there}}")
	maps := w.client.Resource(configMaps).Namespace("default")
	dry := []string{metav1.DryRunAll}
	if _, err := maps.Create(t.Context(), object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), metav1.CreateOptions{DryRun: dry}); err != nil {
		t.Error(err)
	}
	if _, err := maps.Create(t.Context(), object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: there}}"), metav1.CreateOptions{DryRun: dry}); !apierrors.IsAlreadyExists(err) {
		t.Error(err)
	}
	if _, err := maps.Patch(t.Context(), "there", types.MergePatchType, []byte(`{"data":{"k":"v"}}`), metav1.PatchOptions{DryRun: dry}); err != nil {
		t.Error(err)
	}
	if err := maps.Delete(t.Context(), "there", metav1.DeleteOptions{DryRun: dry}); err != nil {
		t.Error(err)
	}
	if len(w.written) > 0 || len(w.Specs) != 1 {
		t.Errorf("written %v", w.written)
	}
}

func TestUpdate(t *testing.T) {
	const cm = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}"
	tests := []struct {
		name    string
		object  string
		refused func(error) bool
		written int
	}{
		{"at the version it is at", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '101'}, data: {k: w}}", nil, 1},
		{"at any version", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: w}}", nil, 1},
		{"without a change", cm, nil, 0},
		{"at an older version", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '7'}, data: {k: w}}", apierrors.IsConflict, 0},
		{"of another uid", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: other}, data: {k: w}}", apierrors.IsConflict, 0},
		{"of what is not there", "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}", apierrors.IsNotFound, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Put(key("default/configmaps/a"), cm)
			_, err := w.client.Resource(configMaps).Namespace("default").Update(t.Context(), object(t, tt.object), metav1.UpdateOptions{})
			if tt.refused == nil && err != nil || tt.refused != nil && !tt.refused(err) {
				t.Fatalf("got %v", err)
			}
			if len(w.written) != tt.written {
				t.Errorf("written %v", w.written)
			}
		})
	}
}

func TestLostRaceIsRunAgain(t *testing.T) {
	w := newWorld(t)
	w.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	w.NextUpdate = apierrors.NewConflict(configMaps.GroupResource(), "a", nil)
	_, err := w.client.Resource(configMaps).Namespace("default").Patch(t.Context(), "a", types.MergePatchType, []byte(`{"data":{"k":"v"}}`), metav1.PatchOptions{})
	if err != nil || !strings.Contains(w.Body(key("default/configmaps/a")), "k: v") {
		t.Fatalf("got %v", err)
	}
	w.NextUpdate = apierrors.NewConflict(configMaps.GroupResource(), "a", nil)
	_, err = w.client.Resource(configMaps).Namespace("default").Patch(t.Context(), "a", types.MergePatchType, []byte(`{"metadata":{"resourceVersion":"102"},"data":{"k":"w"}}`), metav1.PatchOptions{})
	if !apierrors.IsConflict(err) {
		t.Fatalf("a patch of one version: got %v", err)
	}
}

func TestPatch(t *testing.T) {
	tests := []struct {
		name    string
		gvr     schema.GroupVersionResource
		object  string
		kind    types.PatchType
		patch   string
		holds   string
		refused func(error) bool
	}{
		{"merge", deployments, web, types.MergePatchType, `{"spec":{"replicas":5}}`, "replicas: 5", nil},
		{"json", deployments, web, types.JSONPatchType, `[{"op":"replace","path":"/spec/replicas","value":5}]`, "replicas: 5", nil},
		{"strategic, by container name", deployments, web, types.StrategicMergePatchType,
			`{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}`, "image: web:1", nil},
		{"wrong type", deployments, web, types.MergePatchType, `{"spec":{"replicas":"many"}}`, "", apierrors.IsInvalid},
		{"unknown field", deployments, web, types.MergePatchType, `{"spec":{"replicaz":1}}`, "", apierrors.IsInvalid},
		{"a path that is not there", deployments, web, types.JSONPatchType, `[{"op":"remove","path":"/spec/nothing"}]`, "", apierrors.IsInvalid},
		{"another name", deployments, web, types.MergePatchType, `{"metadata":{"name":"other"}}`, "", apierrors.IsBadRequest},
		{"not a patch", deployments, web, types.MergePatchType, `[`, "", apierrors.IsBadRequest},
		{"server-side apply", deployments, web, types.ApplyPatchType, web, "", apierrors.IsUnsupportedMediaType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Put(key("default/deployments.apps/web"), tt.object)
			_, err := w.client.Resource(tt.gvr).Namespace("default").Patch(t.Context(), "web", tt.kind, []byte(tt.patch), metav1.PatchOptions{FieldManager: "test"})
			if tt.refused != nil {
				if !tt.refused(err) || len(w.written) > 0 {
					t.Fatalf("got %v, written %v", err, w.written)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if body := w.Body(key("default/deployments.apps/web")); !strings.Contains(body, tt.holds) {
				t.Errorf("the spec does not hold %q:\n%s", tt.holds, body)
			}
		})
	}
}

// TestLookingAtWhatOneWrote: kubectl's scale waits by asking again and again,
// for what the leader must have been told of first.
func TestLookingAtWhatOneWrote(t *testing.T) {
	w := newWorld(t)
	w.Put(key("default/deployments.apps/web"), web)
	of := w.client.Resource(deployments).Namespace("default")
	look := func(subresources ...string) {
		t.Helper()
		if _, err := of.Get(t.Context(), "web", metav1.GetOptions{}, subresources...); err != nil {
			t.Fatal(err)
		}
	}
	look("scale")
	if w.waited != 0 {
		t.Error("waited before anything was written")
	}
	for i, subresource := range [][]string{{"scale"}, nil} {
		patch := []byte(`{"spec":{"replicas":` + strconv.Itoa(i+5) + `}}`)
		if _, err := of.Patch(t.Context(), "web", types.MergePatchType, patch, metav1.PatchOptions{}, "scale"); err != nil {
			t.Fatal(err)
		}
		look(subresource...)
		look(subresource...)
		if w.waited != i+1 {
			t.Errorf("waited %d times after %d changes", w.waited, i+1)
		}
	}
}

// TestNewbornIsKnownAgain: what was created without a uid keeps none for this
// client, or kubectl's prune takes it for another object and deletes it.
func TestNewbornIsKnownAgain(t *testing.T) {
	w := newWorld(t)
	of := w.client.Resource(configMaps).Namespace("default")
	if _, err := of.Create(t.Context(), object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.ObjectStates[key("default/configmaps/a")] = v1alpha1.ObjectStatus{UID: "given"}
	list, err := of.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].GetUID() != "" {
		t.Errorf("got %v, %v", list, err)
	}
}
