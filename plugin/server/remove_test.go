package server_test

import (
	"fmt"
	"strings"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestDeleteMarks(t *testing.T) {
	orphan := metav1.DeletePropagationOrphan
	other := types.UID("other")
	tests := []struct {
		name    string
		options metav1.DeleteOptions
		policy  string
		refused func(error) bool
	}{
		{"by default", metav1.DeleteOptions{}, "Background", nil},
		{"orphaning", metav1.DeleteOptions{PropagationPolicy: &orphan}, "Orphan", nil},
		{"of another uid", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}}, "", apierrors.IsConflict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
			err := w.client.Resource(configMaps).Namespace("default").Delete(t.Context(), "a", tt.options)
			body := w.Body(key("default/configmaps/a"))
			if tt.refused != nil {
				if !tt.refused(err) || strings.Contains(body, "deletionTimestamp") {
					t.Fatalf("got %v:\n%s", err, body)
				}
				return
			}
			if err != nil || !strings.Contains(body, `deletionTimestamp: "2026-11-21T11:00:00Z"`) || !strings.Contains(body, v1alpha1.AnnotationPropagation+": "+tt.policy) {
				t.Fatalf("got %v:\n%s", err, body)
			}
		})
	}
}

func TestDeletedStaysDeleted(t *testing.T) {
	w := newWorld(t)
	w.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	maps := w.client.Resource(configMaps).Namespace("default")
	if err := maps.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := maps.Update(t.Context(), object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	body := w.Body(key("default/configmaps/a"))
	for _, part := range []string{"deletionTimestamp", v1alpha1.AnnotationPropagation, "k: v"} {
		if !strings.Contains(body, part) {
			t.Errorf("the spec lost %s:\n%s", part, body)
		}
	}
}

func TestDeleteTakesAlongWhatLivesByIt(t *testing.T) {
	w := newWorld(t)
	w.Put(key("_cluster/namespaces/shop"), "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	w.Put(key("shop/configmaps/in"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: in, namespace: shop}}")
	for i := range 50 {
		w.Put(key(fmt.Sprintf("shop/configmaps/in-%d", i)), fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: in-%d}}", i))
	}
	w.Put(key("default/configmaps/out"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: out}}")
	if err := w.client.Resource(namespaces).Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for k := range w.Specs {
		if k.Namespace == "shop" && !strings.Contains(w.Body(k), "deletionTimestamp") {
			t.Errorf("%s stays without its namespace", k)
		}
	}
	if len(w.written) != 52 {
		t.Errorf("%d changes were told, want 52", len(w.written))
	}
	if strings.Contains(w.Body(key("default/configmaps/out")), "deletionTimestamp") {
		t.Error("another namespace's object goes")
	}
}

func TestDeleteOfWhatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.Put(key("default/configmaps/bad"), "{apiVersion: v1, kind: ConfigMap")
	maps := w.client.Resource(configMaps).Namespace("default")
	if _, err := maps.Get(t.Context(), "bad", metav1.GetOptions{}); err == nil || !strings.Contains(err.Error(), "specs/default/configmaps/bad.yaml") {
		t.Errorf("get: %v", err)
	}
	if list, err := maps.List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 || len(w.warnings.texts) != 1 {
		t.Errorf("list: %v, warnings %q", err, w.warnings.texts)
	}
	if err := maps.Delete(t.Context(), "bad", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if body := w.Body(key("default/configmaps/bad")); !strings.Contains(body, "deletionTimestamp") || !strings.Contains(body, "name: bad") {
		t.Errorf("the spec is\n%s", body)
	}
}

func TestClustersAreNotDeleted(t *testing.T) {
	w := newWorld(t)
	w.Members["c1"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c1"}}
	err := w.client.Resource(gvr("kubectl-fed.io", "v1alpha1", "clusters")).Delete(t.Context(), "c1", metav1.DeleteOptions{})
	if !apierrors.IsMethodNotSupported(err) || !strings.Contains(err.Error(), "unjoin") {
		t.Errorf("got %v", err)
	}
}

func TestScale(t *testing.T) {
	w := newWorld(t)
	w.Put(key("default/deployments.apps/web"), web)
	w.ObjectStates[key("default/deployments.apps/web")] = v1alpha1.ObjectStatus{UID: "u", Counts: map[string]int64{"replicas": 2}}
	client, err := kubernetes.NewForConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.AppsV1().Deployments("default").GetScale(t.Context(), "web", metav1.GetOptions{})
	if err != nil || got.Spec.Replicas != 3 || got.Status.Replicas != 2 || got.Status.Selector != "app=web" {
		t.Fatalf("got %+v, %v", got, err)
	}
	got.Spec.Replicas = 7
	if _, err := client.AppsV1().Deployments("default").UpdateScale(t.Context(), "web", got, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if body := w.Body(key("default/deployments.apps/web")); !strings.Contains(body, "replicas: 7") {
		t.Errorf("the spec is\n%s", body)
	}
	if _, err := client.AppsV1().Deployments("default").UpdateScale(t.Context(), "web", got, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("an old scale: %v", err)
	}
	bad := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: autoscalingv1.ScaleSpec{Replicas: -1}}
	if _, err := client.AppsV1().Deployments("default").UpdateScale(t.Context(), "web", bad, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("less than none: %v", err)
	}
}
