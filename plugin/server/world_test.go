package server_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
	"github.com/kubectl-fed/kubectl-fed/plugin/server"
)

// world is a server over a federation in memory, and a client of it.
type world struct {
	*memory.Hub
	config   *rest.Config
	client   dynamic.Interface
	warnings *warnings
	mu       sync.Mutex // guards written
	written  map[string]int64
	waited   int
}

type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) { w.texts = append(w.texts, text) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Hub: memory.New(), warnings: &warnings{}, written: map[string]int64{}}
	s := server.New(server.Options{Specs: w, Roster: w, Statuses: w, Leader: w, Table: kinds.Builtin(), Poll: time.Millisecond,
		Now: func() time.Time { return memory.Epoch.Add(time.Hour) },
		Provenance: func(*http.Request) v1alpha1.Provenance {
			return v1alpha1.Provenance{Author: "me", Client: "test"}
		},
		Written: func(path string, generation int64) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.written[path] = generation
		},
		Waiting: func(context.Context) { w.waited++ }})
	w.config = &rest.Config{Host: "http://federation.local", Transport: server.Transport(t.Context(), s), WarningHandler: w.warnings, QPS: -1}
	client, err := dynamic.NewForConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
	return w
}

func key(text string) v1alpha1.Key {
	k, err := v1alpha1.ParseKey(text)
	if err != nil {
		panic(err) // a test's own mistake
	}
	return k
}

func gvr(group, version, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: resource}
}

var (
	configMaps  = gvr("", "v1", "configmaps")
	deployments = gvr("apps", "v1", "deployments")
	namespaces  = gvr("", "v1", "namespaces")
)
