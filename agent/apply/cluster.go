package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// callTimeout bounds one request that is not a watch.
	callTimeout = 15 * time.Second
	// rediscoverEvery bounds how often discovery is read anew for kinds that
	// are not found.
	rediscoverEvery = 500 * time.Millisecond
)

// Cluster is the Member that a rest.Config leads to.
type Cluster struct {
	manager   string
	selector  string
	calls     dynamic.Interface
	watches   dynamic.Interface
	metadata  metadata.Interface
	discovery discovery.DiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper

	mu           sync.Mutex
	rediscovered time.Time
}

// NewCluster makes the clients; it does not call the server. Client-side rate
// limits are lifted: the server has its own.
func NewCluster(config *rest.Config, federation types.UID) (*Cluster, error) {
	watching := rest.CopyConfig(config)
	watching.QPS, watching.Timeout = -1, 0
	calling := rest.CopyConfig(watching)
	calling.Timeout = callTimeout
	c := &Cluster{
		manager:  v1alpha1.FieldManager(federation),
		selector: v1alpha1.LabelFederation + "=" + string(federation),
	}
	var err error
	if c.watches, err = dynamic.NewForConfig(watching); err != nil {
		return nil, fmt.Errorf("make the watching client: %w", err)
	}
	if c.calls, err = dynamic.NewForConfig(calling); err != nil {
		return nil, fmt.Errorf("make the dynamic client: %w", err)
	}
	if c.metadata, err = metadata.NewForConfig(calling); err != nil {
		return nil, fmt.Errorf("make the metadata client: %w", err)
	}
	if c.discovery, err = discovery.NewDiscoveryClientForConfig(calling); err != nil {
		return nil, fmt.Errorf("make the discovery client: %w", err)
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.discovery))
	return c, nil
}

// Resource implements Member.
func (c *Cluster) Resource(ctx context.Context, gvk schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	asked := time.Now()
	m, err := c.mapping(gvk)
	if meta.IsNoMatchError(err) {
		if err := c.rediscover(ctx, asked); err != nil {
			return schema.GroupVersionResource{}, err
		}
		if m, err = c.mapping(gvk); meta.IsNoMatchError(err) {
			return schema.GroupVersionResource{}, c.confirm(gvk, err)
		}
	}
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	return m.Resource, nil
}

func (c *Cluster) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	if gvk.Version == "" {
		return c.mapper.RESTMapping(gvk.GroupKind())
	}
	return c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
}

// rediscover drops what is known of the server's kinds, unless that was read
// after the caller asked.
func (c *Cluster) rediscover(ctx context.Context, asked time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rediscovered.After(asked) {
		return nil
	}
	if pause := rediscoverEvery - time.Since(c.rediscovered); pause > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	c.mapper.Reset()
	c.rediscovered = time.Now()
	return nil
}

// confirm asks the server itself whether it serves a kind. A discovery that is
// partly out of order omits groups, and an omission must not count as absence.
func (c *Cluster) confirm(gvk schema.GroupVersionKind, noMatch error) error {
	groups, err := c.discovery.ServerGroups()
	if err != nil {
		return fmt.Errorf("confirm that %s is not served: %w", gvk.GroupKind(), err)
	}
	for _, g := range groups.Groups {
		if g.Name != gvk.Group {
			continue
		}
		for _, v := range g.Versions {
			if _, err := c.discovery.ServerResourcesForGroupVersion(v.GroupVersion); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("confirm that %s is not served: %w", gvk.GroupKind(), err)
			}
		}
	}
	return noMatch
}

// Look implements Member.
func (c *Cluster) Look(ctx context.Context, p Place) (*metav1.PartialObjectMetadata, error) {
	return c.metadata.Resource(p.GVR).Namespace(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
}

// Apply implements Member.
func (c *Cluster) Apply(ctx context.Context, p Place, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := c.handOver(ctx, p, o); err != nil {
		return nil, err
	}
	return c.calls.Resource(p.GVR).Namespace(p.Namespace).Apply(ctx, p.Name, o, metav1.ApplyOptions{FieldManager: c.manager, Force: true})
}

// Show applies the status of an object that exists, as far as it is said.
func (c *Cluster) Show(ctx context.Context, p Place, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return c.calls.Resource(p.GVR).Namespace(p.Namespace).ApplyStatus(ctx, p.Name, o, metav1.ApplyOptions{FieldManager: c.manager, Force: true})
}

// Delete implements Member. UID and resource version must still be those that
// were looked at, or the server answers Conflict.
func (c *Cluster) Delete(ctx context.Context, p Place, live *Live, how v1alpha1.Propagation) error {
	policy := metav1.DeletePropagationBackground
	if how == v1alpha1.PropagationForeground {
		policy = metav1.DeletePropagationForeground
	}
	return c.metadata.Resource(p.GVR).Namespace(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{
		PropagationPolicy: &policy,
		Preconditions:     &metav1.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion},
	})
}

// Unmark implements Member. An apply of nothing would take the fields away with
// their ownership, so the ownership is patched off instead.
func (c *Cluster) Unmark(ctx context.Context, p Place, m *metav1.PartialObjectMetadata) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": m.ResourceVersion,
		"labels":          map[string]any{v1alpha1.LabelFederation: nil},
		"annotations":     map[string]any{v1alpha1.AnnotationSpecUID: nil, v1alpha1.AnnotationAdopted: nil},
		"managedFields":   othersFields(m.ManagedFields, c.manager),
	}})
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	_, err = c.metadata.Resource(p.GVR).Namespace(p.Namespace).Patch(ctx, p.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: c.manager})
	return err
}

// othersFields is the field ownership without ours. One empty entry, and not an
// empty list, is how the API is told that nobody owns anything.
func othersFields(all []metav1.ManagedFieldsEntry, manager string) []metav1.ManagedFieldsEntry {
	var out []metav1.ManagedFieldsEntry
	for _, f := range all {
		if f.Manager != manager {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return []metav1.ManagedFieldsEntry{{}}
	}
	return out
}

// Watch lists and watches the objects of a resource that bear our label.
func (c *Cluster) Watch(gvr schema.GroupVersionResource) cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = c.selector
			return c.watches.Resource(gvr).List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = c.selector
			return c.watches.Resource(gvr).Watch(ctx, o)
		},
	}
}
