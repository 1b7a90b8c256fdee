package forward

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

// routes tells which pods stand behind which load balancer address: ready ones
// on the named nodes only, since nobody answers for the others. An address
// without any is left out. All pods are found at the address of, if not empty.
func routes(services []*corev1.Service, endpoints []*discoveryv1.EndpointSlice, nodes map[string]bool, of string) map[netip.AddrPort][]string {
	byService := map[string][]*discoveryv1.EndpointSlice{}
	for _, s := range endpoints {
		key := s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]
		byService[key] = append(byService[key], s)
	}
	out := map[netip.AddrPort][]string{}
	for _, s := range services {
		a, ok := address(s)
		if !ok {
			continue
		}
		for _, p := range s.Spec.Ports {
			if p.Protocol != corev1.ProtocolTCP && p.Protocol != "" {
				continue
			}
			if pods := ready(byService[s.Namespace+"/"+s.Name], p.Name, nodes); len(pods) > 0 {
				if of != "" {
					pods = []string{of}
				}
				out[netip.AddrPortFrom(a, uint16(p.Port))] = pods
			}
		}
	}
	return out
}

// address is the loopback address that the lab's load balancer gave a Service.
func address(s *corev1.Service) (netip.Addr, bool) {
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.Spec.LoadBalancerClass != nil || s.DeletionTimestamp != nil {
		return netip.Addr{}, false
	}
	for _, i := range s.Status.LoadBalancer.Ingress {
		if a, err := netip.ParseAddr(i.IP); err == nil && a.IsLoopback() {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func ready(endpoints []*discoveryv1.EndpointSlice, port string, nodes map[string]bool) []string {
	var out []string
	for _, s := range endpoints {
		for _, p := range s.Ports {
			if ptr.Deref(p.Name, "") != port || p.Port == nil {
				continue
			}
			for _, e := range s.Endpoints {
				if nodes[ptr.Deref(e.NodeName, "")] && ptr.Deref(e.Conditions.Ready, true) && len(e.Addresses) > 0 {
					out = append(out, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
