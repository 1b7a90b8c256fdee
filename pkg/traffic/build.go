package traffic

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// What a backend is given where nobody asks for anything else.
const (
	CheckInterval  = 2 * time.Second
	CheckTimeout   = 2 * time.Second
	CheckHealthy   = 2
	CheckUnhealthy = 2
	// ReturnOver is how long a cluster that is back takes to be given its full
	// share.
	ReturnOver = time.Minute
	// ResponseTimeout is how long a response may take to begin.
	ResponseTimeout = 30 * time.Second
	// UnreadyFor is how long a cluster that reports nothing ready is left in
	// traffic.
	UnreadyFor = 15 * time.Second
	// MaxEndpoints of one backend in one cluster are told to carriers, and
	// MaxDocumentEndpoints of all: each carrier checks every one of them.
	MaxEndpoints         = 1000
	MaxDocumentEndpoints = 20_000
	// MaxReady endpoints of a port in one cluster are believed in.
	MaxReady = 1 << 20
	// MaxAddresses of an Ingress: members show no more.
	MaxAddresses = 64
)

// Build decides what carriers serve. Equal input gives equal output, whatever
// the order of the slices.
//
// Ingresses are taken in oldest first: what two of them want belongs to the
// one that was there before. What is wrong with one never takes anything from
// another, and takes from itself no more than the part that is wrong.
func Build(in Input) Output {
	b := newBuilder(&in)
	for _, o := range b.ingresses() {
		b.addIngress(o)
	}
	for _, name := range sortedKeys(b.backends) {
		b.fill(b.backends[name])
	}
	return b.output()
}

type builder struct {
	in        *Input
	clusters  []*Cluster // by name
	services  map[v1alpha1.Key]*Object
	read      map[v1alpha1.Key]*corev1.Service
	workloads workloads
	previous  map[string]*v1alpha1.Backend
	addresses []string

	drafts   []*draft
	backends map[string]*backend
	// taken tells whose a host with a path is; catchAll whose the default backend.
	taken        map[string]v1alpha1.Key
	certificates map[string]v1alpha1.Certificate
	results      map[v1alpha1.Key]IngressResult
	again        time.Time
}

func newBuilder(in *Input) *builder {
	b := &builder{
		in: in, services: map[v1alpha1.Key]*Object{}, read: map[v1alpha1.Key]*corev1.Service{}, workloads: newWorkloads(in.Workloads), previous: map[string]*v1alpha1.Backend{},
		backends: map[string]*backend{}, taken: map[string]v1alpha1.Key{},
		certificates: map[string]v1alpha1.Certificate{}, results: map[v1alpha1.Key]IngressResult{},
	}
	for i := range in.Clusters {
		b.clusters = append(b.clusters, &in.Clusters[i])
	}
	slices.SortFunc(b.clusters, func(x, y *Cluster) int { return cmp.Compare(x.Name, y.Name) })
	for i := range in.Services {
		s := &in.Services[i]
		if s.Object != nil {
			b.services[s.Key] = s
		}
	}
	if in.Previous != nil {
		for i := range in.Previous.Backends {
			b.previous[in.Previous.Backends[i].Name] = &in.Previous.Backends[i]
		}
	}
	for _, e := range in.Edges {
		b.addresses = append(b.addresses, e.Addresses...)
	}
	slices.Sort(b.addresses)
	b.addresses = slices.Compact(b.addresses)
	b.addresses = slices.Clip(b.addresses[:min(len(b.addresses), MaxAddresses)])
	return b
}

// ingresses are oldest first.
func (b *builder) ingresses() []*Object {
	var list []*Object
	for i := range b.in.Ingresses {
		if b.in.Ingresses[i].Object != nil {
			list = append(list, &b.in.Ingresses[i])
		}
	}
	slices.SortFunc(list, func(x, y *Object) int { return cmp.Or(x.Created.Compare(y.Created), x.Key.Compare(y.Key)) })
	return list
}

func (b *builder) output() Output {
	t := v1alpha1.Traffic{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Traffic"}, FederationUID: b.in.Federation}
	for _, c := range b.clusters {
		t.Clusters = append(t.Clusters, v1alpha1.TrafficCluster{
			Name: c.Name, Region: c.Region, Zones: sorted(c.Zones), Coordinates: c.Coordinates, Sources: sorted(c.Sources),
		})
	}
	for _, d := range b.drafts {
		t.Frontends = append(t.Frontends, d.frontend)
		b.results[d.frontend.Ingress] = b.result(d)
	}
	slices.SortFunc(t.Frontends, func(x, y v1alpha1.Frontend) int { return x.Ingress.Compare(y.Ingress) })
	for _, name := range sortedKeys(b.backends) {
		t.Backends = append(t.Backends, b.backends[name].doc)
	}
	limitEndpoints(t.Backends)
	return Output{Document: t, Certificates: b.certificates, Ingresses: b.results, Again: b.again}
}

// wake asks for another look at that time.
func (b *builder) wake(t time.Time) {
	if !t.IsZero() && (b.again.IsZero() || t.Before(b.again)) {
		b.again = t
	}
}

// sorted is a sorted copy without doubles; nil for nothing.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 0 {
		return nil
	}
	return list
}
