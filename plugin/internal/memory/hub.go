// Package memory keeps a federation in memory, for the tests of the packages
// that talk to one. It answers as the bucket's typed store does and lets a test
// look and tamper.
package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Hub is a federation in memory.
type Hub struct {
	mu         sync.Mutex
	generation int64
	Specs      map[v1alpha1.Key]v1alpha1.SpecRecord
	// Past has every version of every spec, oldest first.
	Past         map[v1alpha1.Key][]v1alpha1.SpecRecord
	ObjectStates map[v1alpha1.Key]v1alpha1.ObjectStatus
	Fed          v1alpha1.Federation
	Members      map[string]v1alpha1.Cluster
	Seen         map[string]v1alpha1.ClusterStatus
	// Wrote is who claims to have written each of Members last.
	Wrote map[string]v1alpha1.Provenance
	// Document is nobody's before a test fills it; TrafficError is the error of
	// reading it. Carriers are the registered edges.
	Document     *v1alpha1.Traffic
	TrafficError error
	Carriers     map[string]v1alpha1.Edge
	Renewed      metav1.Time
	// State is what the leader says of the federation, nil before it does.
	State *v1alpha1.FederationStatus
	// Decided is nobody's before a test fills it.
	Decided Decided
	// Said and Rings are what was written besides.
	Said  []v1alpha1.Request
	Rings []map[string]int64
	// NextUpdate is the error of the next UpdateSpec.
	NextUpdate error
	// The errors of Ring, Provision and Empty.
	RingError, ProvisionError, EmptyError error
}

// Epoch is when everything in here was made.
var Epoch = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// New is a federation named "fed" without members.
func New() *Hub {
	return &Hub{generation: 100, Specs: map[v1alpha1.Key]v1alpha1.SpecRecord{}, Past: map[v1alpha1.Key][]v1alpha1.SpecRecord{}, ObjectStates: map[v1alpha1.Key]v1alpha1.ObjectStatus{},
		Members: map[string]v1alpha1.Cluster{}, Seen: map[string]v1alpha1.ClusterStatus{},
		Wrote: map[string]v1alpha1.Provenance{}, Carriers: map[string]v1alpha1.Edge{}, Renewed: metav1.NewTime(Epoch),
		Fed: v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: "fed", UID: "fed-uid", ResourceVersion: "1"},
			Spec: v1alpha1.FederationSpec{LayoutVersion: 1, Secrets: v1alpha1.SecretsRefuse, KeepRevisions: 32}}}
}

// Put stores a spec as a foreign writer would.
func (f *Hub) Put(key v1alpha1.Key, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	f.keep(v1alpha1.SpecRecord{Key: key, Generation: f.generation, Updated: Epoch, Body: []byte(body)})
}

// Spec reads one spec.
func (f *Hub) Spec(ctx context.Context, key v1alpha1.Key) (*v1alpha1.SpecRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rec, ok := f.Specs[key]
	if !ok {
		return nil, apierrors.NewNotFound(key.GroupResource(), key.Name)
	}
	return &rec, ctx.Err()
}

// ListSpecs lists what lies below a prefix.
func (f *Hub) ListSpecs(_ context.Context, prefix string) ([]v1alpha1.SpecRecord, []v1alpha1.InvalidPath, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []v1alpha1.SpecRecord
	for _, key := range slices.SortedFunc(maps.Keys(f.Specs), v1alpha1.Key.Compare) {
		if strings.HasPrefix(key.String(), prefix) {
			rec := f.Specs[key]
			rec.Body = nil
			list = append(list, rec)
		}
	}
	return list, nil, nil
}

// ReadSpecs reads what was listed.
func (f *Hub) ReadSpecs(ctx context.Context, list []v1alpha1.SpecRecord) ([]v1alpha1.SpecRecord, map[v1alpha1.Key]error) {
	var read []v1alpha1.SpecRecord
	failed := map[v1alpha1.Key]error{}
	for _, r := range list {
		rec, err := f.Spec(ctx, r.Key)
		if err != nil {
			failed[r.Key] = err
			continue
		}
		read = append(read, *rec)
	}
	return read, failed
}

// CreateSpec stores a new spec.
func (f *Hub) CreateSpec(_ context.Context, key v1alpha1.Key, body []byte, p v1alpha1.Provenance) (*v1alpha1.SpecRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.Specs[key]; ok {
		return nil, apierrors.NewAlreadyExists(key.GroupResource(), key.Name)
	}
	return f.write(key, body, p), nil
}

func (f *Hub) write(key v1alpha1.Key, body []byte, p v1alpha1.Provenance) *v1alpha1.SpecRecord {
	f.generation++
	rec := v1alpha1.SpecRecord{Key: key, Generation: f.generation, Updated: Epoch, Body: body, Provenance: p}
	f.keep(rec)
	return &rec
}

// UpdateSpec replaces a spec at its generation.
func (f *Hub) UpdateSpec(_ context.Context, key v1alpha1.Key, generation int64, body []byte, p v1alpha1.Provenance) (*v1alpha1.SpecRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.NextUpdate; err != nil {
		f.NextUpdate = nil
		return nil, err
	}
	if f.Specs[key].Generation != generation {
		return nil, apierrors.NewConflict(key.GroupResource(), key.Name, errors.New("the object has been modified"))
	}
	return f.write(key, body, p), nil
}

// Remove takes a spec away as the leader does.
func (f *Hub) Remove(key v1alpha1.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.Specs, key)
}

// Body is a stored spec, empty if there is none.
func (f *Hub) Body(key v1alpha1.Key) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return string(f.Specs[key].Body)
}

// Federation is Fed.
func (f *Hub) Federation(context.Context) (*v1alpha1.Federation, error) {
	if f.Fed.Name == "" {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.Group, Resource: "federations"}, "federation.yaml")
	}
	fed := f.Fed
	return &fed, nil
}

// UpdateFederation replaces Fed.
func (f *Hub) UpdateFederation(_ context.Context, fed *v1alpha1.Federation) error {
	f.Fed = *fed
	fed.ResourceVersion = "2"
	return nil
}

// Cluster is one of Members.
func (f *Hub) Cluster(_ context.Context, name string) (*v1alpha1.Cluster, error) {
	c, ok := f.Members[name]
	if !ok {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.Group, Resource: "clusters"}, name)
	}
	return &c, nil
}

// Clusters lists Members.
func (f *Hub) Clusters(context.Context) ([]v1alpha1.Cluster, error) {
	var list []v1alpha1.Cluster
	for _, name := range slices.Sorted(maps.Keys(f.Members)) {
		list = append(list, f.Members[name])
	}
	return list, nil
}

// UpdateCluster replaces one of Members.
func (f *Hub) UpdateCluster(_ context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance) error {
	n, _ := strconv.Atoi(c.ResourceVersion)
	c.ResourceVersion = strconv.Itoa(n + 1)
	f.Members[c.Name] = *c
	f.Wrote[c.Name] = p
	return nil
}

// ObjectStatus is one of ObjectStates.
func (f *Hub) ObjectStatus(_ context.Context, key v1alpha1.Key) (*v1alpha1.ObjectStatus, error) {
	st, ok := f.ObjectStates[key]
	if !ok {
		return nil, apierrors.NewNotFound(key.GroupResource(), key.Name)
	}
	return &st, nil
}

// ObjectStatuses are those below a prefix.
func (f *Hub) ObjectStatuses(_ context.Context, prefix string) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error) {
	found := map[v1alpha1.Key]v1alpha1.ObjectStatus{}
	for key, st := range f.ObjectStates {
		if strings.HasPrefix(key.String(), prefix) {
			found[key] = st
		}
	}
	return found, nil
}

// ClusterStatuses are Seen.
func (f *Hub) ClusterStatuses(context.Context) (map[string]v1alpha1.ClusterStatus, error) {
	return f.Seen, nil
}

// LeaseHolder is one that last renewed at Renewed.
func (f *Hub) LeaseHolder(context.Context) (string, metav1.Time, error) {
	return "leader", f.Renewed, nil
}
