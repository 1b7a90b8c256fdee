package apply

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// scaledServer is an API server with one Deployment of 7 replicas, applied by
// that manager. It tells who applied which replicas.
func scaledServer(t *testing.T, manager string) (*Cluster, *[]string) {
	t.Helper()
	var applied []string
	live := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default","resourceVersion":"5",
		"managedFields":[{"manager":%q,"operation":"Apply","fieldsV1":{"f:spec":{"f:replicas":{}}}}]},"spec":{"replicas":7}}`, manager)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPatch {
			body, _ := io.ReadAll(r.Body)
			var o unstructured.Unstructured
			if err := json.Unmarshal(body, &o.Object); err != nil {
				t.Error(err)
			}
			n, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
			applied = append(applied, fmt.Sprint(r.URL.Query().Get("fieldManager"), " ", n, " at ", o.GetResourceVersion()))
		}
		_, _ = io.WriteString(w, live)
	}))
	t.Cleanup(server.Close)
	c, err := NewCluster(&rest.Config{Host: server.URL}, "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	return c, &applied
}

// Replicas that an autoscaler is to have are not reset by leaving them to it.
func TestReplicasAreHandedOver(t *testing.T) {
	place := Place{GVR: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, Namespace: "default", Name: "web"}
	deployment := func(spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment",
			"metadata": map[string]any{"name": "web", "namespace": "default"}, "spec": spec}}
	}
	const us = "kubectl-fed-01234567"
	cases := map[string]struct {
		manager string
		spec    map[string]any
		want    []string
	}{
		"ours, and left out":  {us, map[string]any{}, []string{us + "-replicas 7 at 5", us + " <nil> at "}},
		"ours, and said":      {us, map[string]any{"replicas": int64(3)}, []string{us + " 3 at "}},
		"another's, left out": {"kube-controller-manager", map[string]any{}, []string{us + " <nil> at "}},
	}
	for name, c := range cases {
		cluster, applied := scaledServer(t, c.manager)
		if _, err := cluster.Apply(t.Context(), place, deployment(c.spec)); err != nil {
			t.Fatal(name, err)
		}
		if !slices.Equal(*applied, c.want) {
			t.Errorf("%s: applied %q, want %q", name, *applied, c.want)
		}
	}
}

func TestOwnsReplicas(t *testing.T) {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	const both = `{"f:metadata":{},"f:spec":{"f:replicas":{},"f:template":{}}}`
	for name, c := range map[string]struct {
		fields metav1.ManagedFieldsEntry
		want   bool
	}{
		"ours":        {entry("us", "", both), true},
		"other field": {entry("us", "", `{"f:spec":{"f:template":{}}}`), false},
		"other":       {entry("them", "", both), false},
		"scale":       {entry("us", "scale", both), false},
		"nonsense":    {entry("us", "", `[`), false},
		"nothing":     {metav1.ManagedFieldsEntry{Manager: "us"}, false},
	} {
		if got := ownsReplicas([]metav1.ManagedFieldsEntry{c.fields}, "us"); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
