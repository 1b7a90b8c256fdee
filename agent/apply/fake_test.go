package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const fed = types.UID("fed-1")

// fakeCluster is an API server in memory: a Member, and the watches of what
// bears the federation's label.
type fakeCluster struct {
	mu       sync.Mutex
	version  int
	objects  map[Place]*unstructured.Unstructured
	history  []happening
	watchers map[*watch.FakeWatcher]schema.GroupVersionResource
	calls    []string
	refuse   map[string]error // by "verb resource/name"
	unserved map[string]bool  // by kind, or "kind version"
}

type happening struct {
	gvr     schema.GroupVersionResource
	version int
	event   watch.Event
}

func newFakeCluster() *fakeCluster {
	return &fakeCluster{
		version: 10, objects: map[Place]*unstructured.Unstructured{}, watchers: map[*watch.FakeWatcher]schema.GroupVersionResource{},
		refuse: map[string]error{}, unserved: map[string]bool{},
	}
}

func (c *fakeCluster) called(verb string, p Place) error {
	call := verb + " " + p.GVR.Resource + "/" + p.Name
	c.calls = append(c.calls, call)
	return c.refuse[call]
}

// takeCalls returns the calls since the last time, sorted.
func (c *fakeCluster) takeCalls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.calls
	c.calls = nil
	return out
}

func (c *fakeCluster) Resource(_ context.Context, gvk schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unserved[gvk.Kind] || c.unserved[gvk.Kind+" "+gvk.Version] {
		return schema.GroupVersionResource{}, &meta.NoKindMatchError{GroupKind: gvk.GroupKind()}
	}
	if gvk.Version == "" {
		gvk.Version = "v1"
	}
	gvr, _ := meta.UnsafeGuessKindToResource(gvk)
	return gvr, nil
}

func (c *fakeCluster) Look(_ context.Context, p Place) (*metav1.PartialObjectMetadata, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.called("look", p); err != nil {
		return nil, err
	}
	u := c.objects[p]
	if u == nil {
		return nil, apierrors.NewNotFound(p.GVR.GroupResource(), p.Name)
	}
	m := &metav1.PartialObjectMetadata{}
	return m, runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"metadata": u.DeepCopy().Object["metadata"]}, m)
}

func (c *fakeCluster) Apply(_ context.Context, p Place, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.called("apply", p); err != nil {
		return nil, err
	}
	old := c.objects[p]
	if old == nil {
		u := o.DeepCopy()
		u.SetUID(types.UID(fmt.Sprintf("live-%d", c.version)))
		c.put(p, u)
		return u.DeepCopy(), nil
	}
	u := old.DeepCopy()
	merge(u.Object, o.DeepCopy().Object)
	if !equality.Semantic.DeepEqual(u.Object, old.Object) {
		c.put(p, u)
	}
	return u.DeepCopy(), nil
}

func (c *fakeCluster) Show(_ context.Context, p Place, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.called("show", p); err != nil {
		return nil, err
	}
	old := c.objects[p]
	switch {
	case old == nil:
		return nil, apierrors.NewNotFound(p.GVR.GroupResource(), p.Name)
	case old.GetUID() != o.GetUID():
		return nil, apierrors.NewConflict(p.GVR.GroupResource(), p.Name, nil)
	}
	u := old.DeepCopy()
	u.Object["status"] = o.DeepCopy().Object["status"]
	c.put(p, u)
	return u.DeepCopy(), nil
}

// merge is what a forced apply does, but for taking fields away.
func merge(into, from map[string]any) {
	for k, v := range from {
		have, ok1 := into[k].(map[string]any)
		want, ok2 := v.(map[string]any)
		if ok1 && ok2 {
			merge(have, want)
		} else {
			into[k] = v
		}
	}
}

func (c *fakeCluster) Delete(_ context.Context, p Place, live *Live, _ v1alpha1.Propagation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.called("delete", p); err != nil {
		return err
	}
	u := c.objects[p]
	if u == nil {
		return apierrors.NewNotFound(p.GVR.GroupResource(), p.Name)
	}
	if u.GetUID() != live.UID || u.GetResourceVersion() != live.ResourceVersion {
		return apierrors.NewConflict(p.GVR.GroupResource(), p.Name, nil)
	}
	c.remove(p)
	return nil
}

func (c *fakeCluster) Unmark(_ context.Context, p Place, _ *metav1.PartialObjectMetadata) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.called("unmark", p); err != nil {
		return err
	}
	u := c.objects[p].DeepCopy()
	u.SetLabels(nil)
	u.SetAnnotations(nil)
	c.put(p, u)
	return nil
}

// edit is somebody else's change.
func (c *fakeCluster) edit(p Place, change func(*unstructured.Unstructured)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.objects[p].DeepCopy()
	change(u)
	c.put(p, u)
}

// create is somebody else's object.
func (c *fakeCluster) create(p Place, manifest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(manifest), &u.Object); err != nil {
		panic(err)
	}
	u.SetUID(types.UID(fmt.Sprintf("live-%d", c.version)))
	c.put(p, u)
}

// destroy is somebody else's deletion.
func (c *fakeCluster) destroy(p Place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(p)
}

func (c *fakeCluster) get(p Place) *unstructured.Unstructured {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects[p] == nil {
		return nil
	}
	return c.objects[p].DeepCopy()
}

func (c *fakeCluster) put(p Place, u *unstructured.Unstructured) {
	old := c.objects[p]
	c.version++
	u.SetResourceVersion(strconv.Itoa(c.version))
	c.objects[p] = u.DeepCopy()
	switch was := old != nil && ours(old); {
	case was && ours(u):
		c.tell(p.GVR, watch.Modified, u)
	case was:
		c.tell(p.GVR, watch.Deleted, u)
	case ours(u):
		c.tell(p.GVR, watch.Added, u)
	}
}

// remove deletes, or begins to while finalizers hold the object.
func (c *fakeCluster) remove(p Place) {
	u := c.objects[p].DeepCopy()
	if len(u.GetFinalizers()) > 0 {
		now := metav1.Now()
		u.SetDeletionTimestamp(&now)
		c.put(p, u)
		return
	}
	delete(c.objects, p)
	c.version++
	u.SetResourceVersion(strconv.Itoa(c.version))
	if ours(u) {
		c.tell(p.GVR, watch.Deleted, u)
	}
}

func ours(u *unstructured.Unstructured) bool {
	return u.GetLabels()[v1alpha1.LabelFederation] == string(fed)
}

func (c *fakeCluster) tell(gvr schema.GroupVersionResource, t watch.EventType, u *unstructured.Unstructured) {
	h := happening{gvr, c.version, watch.Event{Type: t, Object: u.DeepCopy()}}
	c.history = append(c.history, h)
	for w, watched := range c.watchers {
		if watched == gvr && !w.IsStopped() {
			w.Action(t, u.DeepCopy())
		}
	}
}

// Watch is what the engine watches through.
func (c *fakeCluster) Watch(gvr schema.GroupVersionResource) cache.ListerWatcher {
	lw := &cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) { return c.list(gvr), nil },
		WatchFuncWithContext: func(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.watch(gvr, o.ResourceVersion), nil
		},
	}
	return cache.ToListWatcherWithWatchListSemantics(lw, noWatchList{})
}

// noWatchList tells the reflector to list first.
type noWatchList struct{}

func (noWatchList) IsWatchListSemanticsUnSupported() bool { return true }

func (c *fakeCluster) list(gvr schema.GroupVersionResource) runtime.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := &unstructured.UnstructuredList{Object: map[string]any{}}
	list.SetResourceVersion(strconv.Itoa(c.version))
	for p, u := range c.objects {
		if p.GVR == gvr && ours(u) {
			list.Items = append(list.Items, *u.DeepCopy())
		}
	}
	return list
}

func (c *fakeCluster) watch(gvr schema.GroupVersionResource, since string) watch.Interface {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := watch.NewFakeWithChanSize(1000, false)
	from, _ := strconv.Atoi(since)
	for _, h := range c.history {
		if h.gvr == gvr && h.version > from {
			w.Action(h.event.Type, h.event.Object)
		}
	}
	c.watchers[w] = gvr
	return w
}

// judge finds every object current.
func judge(*unstructured.Unstructured) v1alpha1.ObjectReport {
	return v1alpha1.ObjectReport{Health: v1alpha1.HealthCurrent}
}

// object is a shard's object in the namespace ns, with the given life's UID.
func object(kind, name, life, data string) v1alpha1.ShardObject {
	group, version := "", "v1"
	switch kind {
	case "Deployment":
		group = "apps"
	case "CustomResourceDefinition":
		group = "apiextensions.k8s.io"
	case "Ingress":
		group = "networking.k8s.io"
	}
	gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
	gvr, _ := meta.UnsafeGuessKindToResource(gvk)
	key := v1alpha1.Key{Resource: gvr.Resource, Group: group, Name: name}
	namespace := ""
	if kind != "Namespace" && kind != "CustomResourceDefinition" {
		key.Namespace, namespace = "ns", `,"namespace":"ns"`
	}
	return v1alpha1.ShardObject{
		Key: key, UID: types.UID(name + "-" + life), Generation: 7,
		Manifest: fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":%q%s},"data":{"k":%q}}`,
			gvk.GroupVersion().String(), kind, name, namespace, data),
	}
}

func placeOf(o v1alpha1.ShardObject) Place {
	return Place{GVR: o.Key.GroupResource().WithVersion("v1"), Namespace: o.Key.Namespace, Name: o.Key.Name}
}

func tombstone(o v1alpha1.ShardObject, how v1alpha1.Propagation) v1alpha1.Tombstone {
	w := NewWant(o)
	return v1alpha1.Tombstone{Key: o.Key, UID: o.UID, APIVersion: w.GVK.GroupVersion().String(), Kind: w.GVK.Kind, Propagation: how}
}

func shard(tombs []v1alpha1.Tombstone, objects ...v1alpha1.ShardObject) *v1alpha1.Shard {
	return &v1alpha1.Shard{Objects: objects, Tombstones: tombs}
}

// counts sums calls by their verb.
func counts(calls []string) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		verb, _, _ := strings.Cut(c, " ")
		out[verb]++
	}
	return out
}

func eventReasons(o v1alpha1.ObjectReport) []string {
	out := map[string]bool{}
	for _, e := range o.Events {
		out[e.Reason] = true
	}
	return slices.Sorted(maps.Keys(out))
}

// calm is longer than anything that settles by itself.
const calm = time.Second
