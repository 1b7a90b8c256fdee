package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Seen is what is remembered of a watched object: its marks, the fingerprint
// of the fields its spec sets, and what was judged of its state. It stands in
// for an object ten times its size.
type Seen struct {
	metav1.ObjectMeta // name, namespace, version and our marks only

	// Digest of the want that Fingerprint was taken for; empty if there was none.
	Digest      string
	Fingerprint string
	// State has Health, Reason, Message, Counts and Addresses filled.
	State v1alpha1.ObjectReport
}

// Inventory holds what the watches say of all objects that bear our mark.
type Inventory struct {
	watches func(schema.GroupVersionResource) cache.ListerWatcher
	shrink  func(schema.GroupVersionResource, *unstructured.Unstructured) *Seen
	changed func(v1alpha1.Key)

	mu     sync.RWMutex
	stores map[schema.GroupVersionResource]*store
}

// NewInventory watches through watches, shrinks every object by shrink and
// calls changed with the key of each object that came, changed or went.
func NewInventory(watches func(schema.GroupVersionResource) cache.ListerWatcher,
	shrink func(schema.GroupVersionResource, *unstructured.Unstructured) *Seen, changed func(v1alpha1.Key),
) *Inventory {
	return &Inventory{watches: watches, shrink: shrink, changed: changed, stores: map[schema.GroupVersionResource]*store{}}
}

// Watch makes sure that a resource is watched until Unwatch or the context's
// end. The watch recovers from outages by itself.
func (i *Inventory) Watch(ctx context.Context, gvr schema.GroupVersionResource) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stores[gvr] != nil {
		return
	}
	watching, stop := context.WithCancel(ctx)
	s := &store{inventory: i, gvr: gvr, stop: stop, seen: map[types.NamespacedName]*Seen{}}
	i.stores[gvr] = s
	reflector := cache.NewReflectorWithOptions(i.watches(gvr), nil, s, cache.ReflectorOptions{
		Name: gvr.String(), TypeDescription: gvr.Resource,
	})
	go rewatch(watching, gvr, reflector.ListAndWatchWithContext)
}

// Keep stops the watches of all other resources, but for those that hold an
// object of ours still.
func (i *Inventory) Keep(used map[schema.GroupVersionResource]bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for gvr, s := range i.stores {
		if !used[gvr] && !slices.ContainsFunc(slices.Collect(maps.Values(s.seen)), (*Seen).ours) {
			s.stop()
			delete(i.stores, gvr)
		}
	}
}

// Get is what was last seen at a place, or nil.
func (i *Inventory) Get(p Place) *Seen {
	i.mu.RLock()
	defer i.mu.RUnlock()
	s := i.stores[p.GVR]
	if s == nil {
		return nil
	}
	return s.seen[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}]
}

// Put remembers the result of our own write before the watch brings it, unless
// the watch was faster.
func (i *Inventory) Put(p Place, u *unstructured.Unstructured) *Seen {
	seen := i.shrink(p.GVR, u)
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.stores[p.GVR]
	if s == nil {
		return seen
	}
	name := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	if old := s.seen[name]; old == nil || old.UID != seen.UID || !newer(old.ResourceVersion, seen.ResourceVersion) {
		s.seen[name] = seen
	}
	return seen
}

// store is a reflector's store of one resource. It keeps Seen instead of
// objects; the reflector's own temporary stores do so too.
type store struct {
	inventory *Inventory
	gvr       schema.GroupVersionResource
	stop      context.CancelFunc
	seen      map[types.NamespacedName]*Seen // guarded by inventory.mu
}

// Transformer is how the reflector shrinks objects while it lists.
func (s *store) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return s.shrink(obj) }
}

func (s *store) shrink(obj any) (*Seen, error) {
	switch o := obj.(type) {
	case *Seen:
		return o, nil
	case *unstructured.Unstructured:
		return s.inventory.shrink(s.gvr, o), nil
	}
	return nil, fmt.Errorf("watch of %s brought a %T", s.gvr.Resource, obj)
}

func (s *store) Add(obj any) error { return s.Update(obj) }

func (s *store) Update(obj any) error {
	seen, err := s.shrink(obj)
	if err != nil {
		return err
	}
	s.inventory.mu.Lock()
	s.seen[nameOf(seen)] = seen
	s.inventory.mu.Unlock()
	s.tell(nameOf(seen))
	return nil
}

func (s *store) Delete(obj any) error {
	seen, err := s.shrink(obj)
	if err != nil {
		return err
	}
	s.inventory.mu.Lock()
	delete(s.seen, nameOf(seen))
	s.inventory.mu.Unlock()
	s.tell(nameOf(seen))
	return nil
}

// Replace takes over a new listing and tells of what differs from the last.
func (s *store) Replace(list []any, _ string) error {
	fresh := make(map[types.NamespacedName]*Seen, len(list))
	for _, obj := range list {
		seen, err := s.shrink(obj)
		if err != nil {
			return err
		}
		fresh[nameOf(seen)] = seen
	}
	s.inventory.mu.Lock()
	differing := differences(s.seen, fresh)
	s.seen = fresh
	s.inventory.mu.Unlock()
	for _, name := range differing {
		s.tell(name)
	}
	return nil
}

// differences names what is new, changed or missing in fresh.
func differences(old, fresh map[types.NamespacedName]*Seen) (names []types.NamespacedName) {
	for name, seen := range fresh {
		if before := old[name]; before == nil || before.ResourceVersion != seen.ResourceVersion {
			names = append(names, name)
		}
	}
	for name := range old {
		if fresh[name] == nil {
			names = append(names, name)
		}
	}
	return names
}

// Resync has nothing to do: nothing is ever pending here.
func (s *store) Resync() error { return nil }

func (s *store) tell(n types.NamespacedName) {
	s.inventory.changed(Place{GVR: s.gvr, Namespace: n.Namespace, Name: n.Name}.Key())
}

func nameOf(s *Seen) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
}

// marksOf keeps of an object's metadata what Seen needs.
func marksOf(u *unstructured.Unstructured) metav1.ObjectMeta {
	m := metav1.ObjectMeta{
		Name: u.GetName(), Namespace: u.GetNamespace(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(),
		DeletionTimestamp: u.GetDeletionTimestamp(), Finalizers: u.GetFinalizers(),
	}
	m.Labels = pick(u.GetLabels(), v1alpha1.LabelFederation)
	m.Annotations = pick(u.GetAnnotations(), v1alpha1.AnnotationSpecUID, v1alpha1.AnnotationAdopted)
	return m
}

func pick(from map[string]string, keys ...string) map[string]string {
	out := make(map[string]string, len(keys))
	for _, k := range keys {
		if v, ok := from[k]; ok {
			out[k] = v
		}
	}
	return out
}
