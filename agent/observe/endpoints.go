package observe

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// maxPorts and maxEndpoints bound what is reported of one Service.
	maxPorts     = 100
	maxEndpoints = 1000
	// endpointsAgain is how long a watch that broke waits, endpointsForbidden one
	// that only an administrator can let through.
	endpointsAgain     = time.Second
	endpointsForbidden = 2 * time.Minute
	// endpointsHealthy is how long a watch must have lasted for its end to be news.
	endpointsHealthy = time.Minute
)

// Endpoints knows how many endpoints of the federation's Services are ready. It
// says nothing of a Service of which it has seen no slice: that its endpoints are
// not known is not to look as if there were none.
type Endpoints struct {
	source cache.ListerWatcher
	clock  clock.WithTicker
	pods   bool // tell the addresses, too

	mu     sync.Mutex
	slices map[types.NamespacedName]*slice
	// services are the slices of each, and ports what was made of them.
	services map[types.NamespacedName]map[types.NamespacedName]*slice
	ports    map[types.NamespacedName][]v1alpha1.ServicePortReport
	stir     func()
}

// NewEndpoints follows what source lists and watches, the EndpointSlices that
// bear the federation's mark. pods says that the addresses of pods are told, for
// they can be reached from outside the cluster.
func NewEndpoints(source cache.ListerWatcher, pods bool, c clock.WithTicker) *Endpoints {
	return &Endpoints{source: source, clock: c, pods: pods, stir: func() {}, slices: map[types.NamespacedName]*slice{},
		services: map[types.NamespacedName]map[types.NamespacedName]*slice{}, ports: map[types.NamespacedName][]v1alpha1.ServicePortReport{}}
}

var serviceKind = schema.GroupKind{Kind: "Service"}

// Judge adds the TCP ports of a Service to what was judged of it. What stands
// behind them is Amend's to say.
func (e *Endpoints) Judge(u *unstructured.Unstructured, o *v1alpha1.ObjectReport) {
	if u.GroupVersionKind().GroupKind() != serviceKind {
		return
	}
	list, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "ports")
	items, _ := list.([]any)
	for _, item := range items {
		p, ok := item.(map[string]any)
		protocol, _ := p["protocol"].(string)
		if !ok || protocol != "" && protocol != "TCP" || len(o.Ports) == maxPorts {
			continue
		}
		port, _ := integer(p["port"])
		nodePort, _ := integer(p["nodePort"])
		name, _ := p["name"].(string)
		o.Ports = append(o.Ports, v1alpha1.ServicePortReport{Name: name, Port: port, NodePort: nodePort})
	}
}

// Amend fills in how many endpoints of each port are ready, or takes the ports
// away while that is not known.
func (e *Endpoints) Amend(key v1alpha1.Key, o *v1alpha1.ObjectReport) {
	if key.Group != "" || key.Resource != "services" || len(o.Ports) == 0 {
		return
	}
	name := types.NamespacedName{Namespace: key.Namespace, Name: key.Name}
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.services[name]
	if len(of) == 0 {
		o.Ports = nil
		return
	}
	known := e.ports[name]
	if !samePorts(known, o.Ports) {
		known = slices.Clone(o.Ports)
		for i := range known {
			known[i].Ready, known[i].Endpoints = e.ready(of, known[i].Name)
			known[i].Pods = e.pods
		}
		e.ports[name] = known
	}
	o.Ports = known
}

func samePorts(a, b []v1alpha1.ServicePortReport) bool {
	return slices.EqualFunc(a, b, func(x, y v1alpha1.ServicePortReport) bool {
		return x.Name == y.Name && x.Port == y.Port && x.NodePort == y.NodePort
	})
}

// ready counts the endpoints of one port. A pod that has addresses of both
// families is in two slices and counts once; one that moves from slice to slice
// may be in both for a moment.
func (e *Endpoints) ready(of map[types.NamespacedName]*slice, port string) (n int64, endpoints []string) {
	v4, v6 := map[string]bool{}, map[string]bool{}
	for _, s := range of {
		number, into := s.number(port), v4
		if s.family == discoveryv1.AddressTypeIPv6 {
			into = v6
		}
		for _, a := range s.ready {
			if number > 0 {
				into[net.JoinHostPort(a, strconv.Itoa(int(number)))] = true
			}
		}
	}
	if len(v6) > len(v4) {
		v4 = v6
	}
	if e.pods && len(v4) > 0 {
		endpoints = atMost(maxEndpoints, v4)
	}
	return int64(len(v4)), endpoints
}

// Run follows the slices until the context ends, and stirs when what Amend says
// has changed.
func (e *Endpoints) Run(ctx context.Context, held Held) {
	e.mu.Lock()
	e.stir = held.Stir
	e.mu.Unlock()
	reflector := cache.NewReflectorWithOptions(e.source, nil, (*sliceStore)(e), cache.ReflectorOptions{
		Name: "endpointslices", TypeDescription: "endpointslices",
	})
	told := ""
	for ctx.Err() == nil {
		began := e.clock.Now()
		err := reflector.ListAndWatchWithContext(ctx)
		if e.clock.Since(began) >= endpointsHealthy {
			told = ""
		}
		pause, words := endpointsPause(err)
		if words != "" && words != told && ctx.Err() == nil {
			logf.FromContext(ctx).Info("endpoints are not followed", "reason", words, "error", clip(err.Error()))
			told = words
		}
		timer := e.clock.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}

// endpointsPause is how long to wait after the watch ended, and what to say of
// it.
func endpointsPause(err error) (time.Duration, string) {
	switch {
	case err == nil:
		return endpointsAgain, ""
	case apierrors.IsForbidden(err):
		return endpointsForbidden, "the API server does not let the agent watch EndpointSlices, so that nobody learns which endpoints are ready; " +
			"the chart's value rbac.endpoints allows it"
	}
	return endpointsAgain, "the watch failed, will retry"
}
