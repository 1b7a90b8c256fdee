package traffic

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// podList is so many endpoints.
func podList(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("10.0.%d.%d:80", i/250, i%250+1)
	}
	return list
}

// What carriers check is bounded, and a cluster that names as many as it may
// takes none from another.
func TestEndpointsAreSharedOut(t *testing.T) {
	in := federation(t, 100, 3)
	for i := range in.Services {
		in.Clusters[0].Services[in.Services[i].Key].Ports[0].Endpoints = podList(3000)
	}
	out := Build(in)
	total := 0
	for _, b := range out.Document.Backends {
		for _, c := range b.Clusters {
			total += len(c.Endpoints)
			if len(c.Endpoints) == 0 || !slices.IsSorted(c.Endpoints) {
				t.Errorf("%s in %s: %q", b.Name, c.Cluster, c.Endpoints)
			}
		}
	}
	if total > MaxDocumentEndpoints || total < MaxDocumentEndpoints/2 {
		t.Errorf("%d endpoints in all", total)
	}
	in.Previous = &out.Document
	if next := Build(in); !Same(&next.Document, &out.Document) {
		t.Error("the same once more is another document")
	}
}

func TestOneBackendInOneCluster(t *testing.T) {
	s := newScene(t)
	s.pods("a", podList(MaxEndpoints+1)...)
	out := s.build()
	if n := len(entry(t, &out.Document, "a").Endpoints); n != MaxEndpoints {
		t.Errorf("%d endpoints", n)
	}
}

// Which ones are told depends on the backend, and not on the ones that come and
// go beside them.
func TestSome(t *testing.T) {
	list := podList(100)
	few := some(list, 10, "default/web:80")
	if other := some(list, 10, "default/api:80"); len(few) != 10 || slices.Equal(few, other) {
		t.Errorf("%q for both", few)
	}
	less := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == few[0] })
	for _, e := range few[1:] {
		if !slices.Contains(some(less, 10, "default/web:80"), e) {
			t.Errorf("%s went away with another", e)
		}
	}
	if len(list) != 100 || list[0] != podList(1)[0] || len(some(list, 100, "x")) != 100 {
		t.Error("the list was changed")
	}
}

func TestAddressesAreBounded(t *testing.T) {
	s := newScene(t)
	for _, e := range podList(MaxAddresses + 1) {
		s.Edges = append(s.Edges, v1alpha1.Edge{Name: e, Addresses: []string{e[:len(e)-len(":80")]}})
	}
	out := s.build()
	if n := len(out.Document.Frontends[0].Addresses); n != MaxAddresses {
		t.Errorf("%d addresses", n)
	}
}
