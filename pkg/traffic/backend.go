package traffic

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// backend is one port of a Service, while it is being built.
type backend struct {
	doc v1alpha1.Backend
	// service and port are nil where they are not there.
	service *corev1.Service
	port    *corev1.ServicePort
	// maxRate of each ready endpoint; 0 for any.
	maxRate int64
	// problem is why it is not served in any cluster, without the field.
	problem Problem
}

// annotationAppProtocols is Google's: JSON of protocols by port name.
const annotationAppProtocols = "cloud.google.com/app-protocols"

// backendFor is the name of the backend that an Ingress refers to. One that is
// not there has a backend of no clusters, so that its paths are answered with an
// error of their own and not by what the next path names.
func (b *builder) backendFor(d *draft, field string, ref *networkingv1.IngressServiceBackend) string {
	key := v1alpha1.Key{Namespace: d.frontend.Ingress.Namespace, Resource: "services", Name: ref.Name}
	service := b.service(key)
	var port *corev1.ServicePort
	number := int64(ref.Port.Number)
	if service != nil {
		if port = findPort(service, ref.Port); port != nil {
			number = int64(port.Port)
		}
	}
	name := fmt.Sprintf("%s/%s:%d", key.Namespace, key.Name, number)
	if b.backends[name] == nil {
		b.backends[name] = b.newBackend(name, key, number, service, port)
	}
	switch {
	case service == nil:
		d.report(v1alpha1.ServedNoService, "%s: there is no Service %s in namespace %s; create it with kubectl fed create", field, quote(ref.Name), quote(key.Namespace))
	case port == nil:
		d.report(v1alpha1.ServedNoPort, "%s: Service %s has no TCP port %s; name one of %s", field, quote(ref.Name), portText(ref.Port), portsText(service))
	default:
		d.findings = append(d.findings, finding{field: field, backend: name})
	}
	return name
}

// service is read once; nil for one that is not there, or is none.
func (b *builder) service(k v1alpha1.Key) *corev1.Service {
	if s, ok := b.read[k]; ok {
		return s
	}
	var s *corev1.Service
	if o := b.services[k]; o != nil {
		s = &corev1.Service{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object.Object, s) != nil {
			s = nil
		}
	}
	b.read[k] = s
	return s
}

func findPort(s *corev1.Service, ref networkingv1.ServiceBackendPort) *corev1.ServicePort {
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP || p.Port < 1 || p.Port > 65535 {
			continue
		}
		if ref.Name != "" && p.Name == ref.Name || ref.Name == "" && p.Port == ref.Number {
			return p
		}
	}
	return nil
}

func portText(p networkingv1.ServiceBackendPort) string {
	if p.Name != "" {
		return quote(p.Name)
	}
	return strconv.Itoa(int(p.Number))
}

func portsText(s *corev1.Service) string {
	const most = 10
	var list []string
	for _, p := range s.Spec.Ports[:min(len(s.Spec.Ports), most)] {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%d %s", p.Port, p.Name)))
	}
	if len(list) == 0 {
		return "its ports, of which there are none"
	}
	return quote(strings.Join(list, ", "))
}

func (b *builder) newBackend(name string, key v1alpha1.Key, number int64, service *corev1.Service, port *corev1.ServicePort) *backend {
	n := &backend{service: service, port: port, doc: v1alpha1.Backend{
		Name: name, Service: key, Port: number, Protocol: v1alpha1.ProtocolHTTP,
		ReturnOver: metav1.Duration{Duration: ReturnOver}, Timeout: metav1.Duration{Duration: ResponseTimeout},
		Check: v1alpha1.HealthCheck{
			Interval: metav1.Duration{Duration: CheckInterval}, Timeout: metav1.Duration{Duration: CheckTimeout},
			HealthyAfter: CheckHealthy, UnhealthyAfter: CheckUnhealthy,
		},
	}}
	if port != nil {
		n.doc.Protocol = protocol(service, port)
		n.doc.Check.Path = b.checkPath(service, port, key.Namespace, n.doc.Protocol)
		n.maxRate = maxRate(service)
	}
	return n
}

func protocol(s *corev1.Service, p *corev1.ServicePort) v1alpha1.BackendProtocol {
	if p.AppProtocol != nil {
		switch strings.ToLower(*p.AppProtocol) {
		case "kubernetes.io/h2c", "h2c", "grpc":
			return v1alpha1.ProtocolH2C
		case "https", "kubernetes.io/wss":
			return v1alpha1.ProtocolHTTPS
		}
		return v1alpha1.ProtocolHTTP
	}
	var byName map[string]string
	if json.Unmarshal([]byte(s.Annotations[annotationAppProtocols]), &byName) != nil {
		return v1alpha1.ProtocolHTTP
	}
	switch strings.ToUpper(byName[p.Name]) {
	case "HTTPS", "HTTP2": // Google's HTTP2 is over TLS
		return v1alpha1.ProtocolHTTPS
	}
	return v1alpha1.ProtocolHTTP
}

// checkPath is what the Service says, else what its pods' readiness probe asks
// for. The annotation may be empty: then a connection is enough.
func (b *builder) checkPath(s *corev1.Service, p *corev1.ServicePort, namespace string, protocol v1alpha1.BackendProtocol) string {
	if path, ok := s.Annotations[v1alpha1.AnnotationHealthCheckPath]; ok && (path == "" || askable(path)) {
		return path
	}
	return b.workloads.probePath(namespace, s.Spec.Selector, p, protocol == v1alpha1.ProtocolHTTPS)
}

// askable says whether a text can stand in the first line of a request.
func askable(path string) bool {
	const most = 1024
	return strings.HasPrefix(path, "/") && len(path) <= most &&
		strings.IndexFunc(path, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII || unicode.IsControl(r) }) < 0
}

// maxRate of one endpoint. A number that is none is passed over: without one the
// closest cluster takes all.
func maxRate(s *corev1.Service) int64 {
	const most = 1_000_000
	for _, a := range []string{v1alpha1.AnnotationMaxRate, v1alpha1.AnnotationMaxRateGKE} {
		if n, err := strconv.ParseInt(s.Annotations[a], 10, 64); err == nil && n > 0 {
			return min(n, most)
		}
	}
	return 0
}

// fill finds out how the backend stands in each cluster that has the Service.
func (b *builder) fill(n *backend) {
	if n.port == nil {
		return
	}
	before, weights := map[string]*v1alpha1.BackendCluster{}, map[string]int64{}
	if p := b.previous[n.doc.Name]; p != nil {
		for i := range p.Clusters {
			before[p.Clusters[i].Cluster] = &p.Clusters[i]
		}
	}
	for _, c := range b.clusters {
		if c.Has == nil || !c.Has(n.doc.Service) {
			continue
		}
		v := n.view(b.in, c, before[c.Name])
		e, again := v.decide()
		weights[c.Name] = v.weight
		n.doc.Clusters = append(n.doc.Clusters, e)
		b.wake(again)
	}
	kept := keepLast(n.doc.Clusters, before, weights)
	n.problem = n.trouble(kept)
}

// trouble is why no cluster serves the backend, or nothing.
func (n *backend) trouble(kept bool) Problem {
	is := func(s ...v1alpha1.BackendState) func(v1alpha1.BackendCluster) bool {
		return func(e v1alpha1.BackendCluster) bool { return slices.Contains(s, e.State) }
	}
	all := n.doc.Clusters
	subject := fmt.Sprintf("Service %s port %d", n.doc.Service.Name, n.doc.Port)
	unhealthy := func(text string) Problem { return Problem{v1alpha1.ServedUnhealthy, subject + " " + text} }
	switch {
	case kept:
		return unhealthy("has nothing healthy in any cluster: requests still go to the last that had")
	case slices.ContainsFunc(all, is(v1alpha1.BackendServing, v1alpha1.BackendKept)):
		return Problem{}
	case len(all) == 0:
		return unhealthy("is in no cluster: see where kubectl fed why places it")
	case !slices.ContainsFunc(all, func(e v1alpha1.BackendCluster) bool { return e.State != v1alpha1.BackendDrained }):
		return unhealthy("is drained in every cluster that has it: kubectl fed traffic undrain gives it traffic again")
	case slices.ContainsFunc(all, func(e v1alpha1.BackendCluster) bool { return e.Reason == reasonUnreachable }) &&
		!slices.ContainsFunc(all, func(e v1alpha1.BackendCluster) bool { return len(e.Endpoints) > 0 }):
		return Problem{v1alpha1.ServedUnreachable, subject + " has no address outside its clusters: make it of type NodePort or LoadBalancer, " +
			"or tell the agents that pods can be reached from outside"}
	case slices.ContainsFunc(all, func(e v1alpha1.BackendCluster) bool {
		return e.State == v1alpha1.BackendOut || e.Reason == reasonUnready
	}):
		return unhealthy("has nothing healthy in any cluster")
	}
	return unhealthy("is not reachable in any cluster yet")
}
