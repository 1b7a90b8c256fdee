package observe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Slices lists and watches the EndpointSlices of the federation's Services: they
// bear the labels of what they belong to.
func (c *Cluster) Slices(federation types.UID) cache.ListerWatcher {
	selector := v1alpha1.LabelFederation + "=" + string(federation)
	all := c.endpoints.EndpointSlices(metav1.NamespaceAll)
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			return all.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			return all.Watch(ctx, o)
		},
	}
}

// slice is what is remembered of an EndpointSlice: a fraction of it.
type slice struct {
	metav1.ObjectMeta // name, namespace and version only

	service types.NamespacedName
	family  discoveryv1.AddressType
	ports   []slicePort
	ready   []string
}

type slicePort struct {
	name   string
	number int32
}

// number of a port's endpoints; 0 for none.
func (s *slice) number(port string) int32 {
	for _, p := range s.ports {
		if p.name == port {
			return p.number
		}
	}
	return 0
}

// same says that what is told of a slice has not changed.
func (s *slice) same(as *slice) bool {
	return as != nil && s.service == as.service && s.family == as.family && slices.Equal(s.ports, as.ports) && slices.Equal(s.ready, as.ready)
}

// shrinkSlice keeps the TCP ports and the endpoints that take new connections.
func shrinkSlice(obj any) (*slice, error) {
	if s, ok := obj.(*slice); ok {
		return s, nil
	}
	o, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok {
		return nil, fmt.Errorf("watch of endpointslices brought a %T", obj)
	}
	s := &slice{ObjectMeta: metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, ResourceVersion: o.ResourceVersion},
		service: types.NamespacedName{Namespace: o.Namespace, Name: o.Labels[discoveryv1.LabelServiceName]}, family: o.AddressType}
	for _, p := range o.Ports {
		if p.Port == nil || *p.Port <= 0 || p.Protocol != nil && *p.Protocol != "TCP" {
			continue
		}
		port := slicePort{number: *p.Port}
		if p.Name != nil {
			port.name = *p.Name
		}
		s.ports = append(s.ports, port)
	}
	for i := range o.Endpoints {
		if a, ok := takes(&o.Endpoints[i]); ok {
			s.ready = append(s.ready, a)
		}
	}
	slices.Sort(s.ready)
	return s, nil
}

// takes is the address of an endpoint that takes new connections. One that says
// nothing of being ready is; one on its way out is not, whatever it says.
func takes(p *discoveryv1.Endpoint) (string, bool) {
	yes := func(b *bool, missing bool) bool {
		if b == nil {
			return missing
		}
		return *b
	}
	if !yes(p.Conditions.Ready, true) || yes(p.Conditions.Terminating, false) || len(p.Addresses) == 0 {
		return "", false
	}
	a, err := netip.ParseAddr(p.Addresses[0]) // the API has one address in each
	if err != nil || a.Zone() != "" {
		return "", false
	}
	return a.Unmap().String(), true
}

// sliceStore is the reflector's store. What it holds stays as it is while the
// API server is away.
type sliceStore Endpoints

// Transformer is how the reflector shrinks objects while it lists.
func (*sliceStore) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return shrinkSlice(obj) }
}

func (s *sliceStore) Add(obj any) error { return s.Update(obj) }

func (s *sliceStore) Update(obj any) error {
	fresh, err := shrinkSlice(obj)
	if err != nil {
		return err
	}
	s.change(func() bool { return s.set(fresh) })
	return nil
}

func (s *sliceStore) Delete(obj any) error {
	old, err := shrinkSlice(obj)
	if err != nil {
		return err
	}
	s.change(func() bool { return s.remove(nameOf(old)) })
	return nil
}

// Replace takes over a new listing.
func (s *sliceStore) Replace(list []any, _ string) error {
	fresh := make(map[types.NamespacedName]*slice, len(list))
	for _, obj := range list {
		one, err := shrinkSlice(obj)
		if err != nil {
			return err
		}
		fresh[nameOf(one)] = one
	}
	s.change(func() (news bool) {
		for name := range s.slices {
			if fresh[name] == nil {
				news = s.remove(name) || news
			}
		}
		for _, one := range fresh {
			news = s.set(one) || news
		}
		return news
	})
	return nil
}

// Resync has nothing to do: nothing is ever pending here.
func (*sliceStore) Resync() error { return nil }

// change edits what is held and tells if that is news.
func (s *sliceStore) change(edit func() bool) {
	s.mu.Lock()
	news, stir := edit(), s.stir
	s.mu.Unlock()
	if news {
		stir()
	}
}

// set and remove are called with the lock held.
func (s *sliceStore) set(fresh *slice) bool {
	name := nameOf(fresh)
	if fresh.same(s.slices[name]) {
		return false
	}
	s.remove(name)
	s.slices[name] = fresh
	if s.services[fresh.service] == nil {
		s.services[fresh.service] = map[types.NamespacedName]*slice{}
	}
	s.services[fresh.service][name] = fresh
	delete(s.ports, fresh.service)
	return true
}

func (s *sliceStore) remove(name types.NamespacedName) bool {
	old := s.slices[name]
	if old == nil {
		return false
	}
	delete(s.slices, name)
	of := s.services[old.service]
	if delete(of, name); len(of) == 0 {
		delete(s.services, old.service)
	}
	delete(s.ports, old.service)
	return true
}

func nameOf(s *slice) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
}
