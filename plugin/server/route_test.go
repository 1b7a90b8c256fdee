package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

func TestParsePath(t *testing.T) {
	core := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	apps := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	tests := []struct {
		path string
		want target
		ok   bool
	}{
		{"/api/v1/configmaps", target{gvr: core("configmaps")}, true},
		{"/api/v1/namespaces/ns/configmaps/a", target{gvr: core("configmaps"), namespace: "ns", name: "a"}, true},
		{"/api/v1/namespaces", target{gvr: core("namespaces")}, true},
		{"/api/v1/namespaces/ns", target{gvr: core("namespaces"), name: "ns"}, true},
		{"/api/v1/namespaces/ns/finalize", target{gvr: core("namespaces"), name: "ns", subresource: "finalize"}, true},
		{"/apis/apps/v1/namespaces/ns/deployments/web/scale", target{gvr: apps, namespace: "ns", name: "web", subresource: "scale"}, true},
		{"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x", target{gvr: schema.GroupVersionResource{
			Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, name: "system:x"}, true},
		{"/api/v1", target{}, false},
		{"/apis/apps/v1", target{}, false},
		{"/apis/apps/v1/namespaces/ns/deployments/web/scale/more", target{}, false},
		{"/api/v1/namespaces/..%2f..%2f/configmaps", target{}, false},
		{"/api/v1/namespaces/_cluster/configmaps", target{}, false},
		{"/api/v1/configmaps/..", target{}, false},
		{"/api/v1/configmaps/a%2fb", target{}, false},
		{"/metrics", target{}, false},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parsePath(u)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: got %+v, %v", tt.path, got, ok)
		}
	}
}

// FuzzServer sends anything anywhere: the server must answer, and what it
// stores must be named by valid keys.
func FuzzServer(f *testing.F) {
	f.Add("POST", "/api/v1/namespaces/default/configmaps", "application/json", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`)
	f.Add("PATCH", "/api/v1/namespaces/default/configmaps/there", "application/json-patch+json", `[{"op":"add","path":"/data","value":{"k":"v"}}]`)
	f.Add("PATCH", "/api/v1/namespaces/default/configmaps/there", "application/strategic-merge-patch+json", `{"$patch":"delete"}`)
	f.Add("PUT", "/apis/apps/v1/namespaces/default/deployments/x/scale", "application/json", `{"spec":{"replicas":1}}`)
	f.Add("DELETE", "/api/v1/namespaces/default/configmaps/there?propagationPolicy=Orphan", "application/json", `{"preconditions":{"uid":"x"}}`)
	f.Add("GET", "/api/v1/configmaps?labelSelector=a%3Db&fieldSelector=metadata.name%3Dthere", "", "")
	f.Add("POST", "/api/v1/namespaces/default/configmaps", "application/vnd.kubernetes.protobuf", "k8s\x00\n\x0f")
	f.Fuzz(func(t *testing.T, method, path, contentType, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || strings.Contains(u.RawQuery, "watch") {
			return
		}
		hub := memory.New()
		r := &http.Request{Method: method, URL: u, Header: http.Header{"Content-Type": {contentType}}, Body: http.NoBody}
		r = r.WithContext(t.Context())
		if body != "" {
			r.Body = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)).Body
		}
		w := httptest.NewRecorder()
		New(Options{Specs: hub, Roster: hub, Statuses: hub, Leader: hub, Table: kinds.Builtin()}).ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 || w.Body.Len() == 0 {
			t.Errorf("answered %d with %d bytes", w.Code, w.Body.Len())
		}
		for key := range hub.Specs {
			if err := key.Validate(); err != nil {
				t.Errorf("stored under %q: %v", key, err)
			}
		}
	})
}
