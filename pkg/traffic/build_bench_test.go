package traffic

import (
	"fmt"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// federation is an input of that many Ingresses, each with a Service, a
// Deployment with a readiness probe and two paths, in that many clusters.
func federation(t testing.TB, ingresses, clusters int) Input {
	in := Input{Now: t0, NoSecrets: true, Edges: []v1alpha1.Edge{{Addresses: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}}}}
	for c := range clusters {
		in.Clusters = append(in.Clusters, Cluster{
			Name: fmt.Sprintf("cluster-%02d", c), Region: "us-east1", Zones: []string{"us-east1-b"},
			Has:      func(v1alpha1.Key) bool { return true },
			Services: map[v1alpha1.Key]*v1alpha1.ObjectReport{},
		})
	}
	for i := range ingresses {
		name := fmt.Sprintf("web-%04d", i)
		service := fmt.Sprintf("spec: {type: LoadBalancer, selector: {app: %s}, ports: [{port: 80, targetPort: web}]}", name)
		deployment := fmt.Sprintf("spec: {template: {metadata: {labels: {app: %s}}, spec: {containers: [{name: c, ports: [{name: web, containerPort: 8080}], "+
			"readinessProbe: {httpGet: {path: /ready, port: web}}}]}}}", name)
		backend := fmt.Sprintf("backend: {service: {name: %s, port: {number: 80}}}", name)
		ingress := fmt.Sprintf("spec: {rules: [{host: %s.example.com, http: {paths: [{path: /, pathType: Prefix, %s}, {path: /api, pathType: Exact, %s}]}}], tls: [{secretName: c}]}",
			name, backend, backend)
		in.Services = append(in.Services, object(t, "services", "", name, service))
		in.Workloads = append(in.Workloads, object(t, "deployments", "apps", name, deployment))
		in.Ingresses = append(in.Ingresses, object(t, "ingresses", "networking.k8s.io", name, ingress))
		for c := range in.Clusters {
			in.Clusters[c].Services[serviceKey(name)] = &v1alpha1.ObjectReport{
				Addresses: []string{fmt.Sprintf("198.51.%d.%d", c, i%250+1)}, Ports: []v1alpha1.ServicePortReport{{Port: 80, Ready: 3}}}
		}
	}
	return in
}

// BenchmarkBuild is a document of 1000 Ingresses in 13 clusters, made again
// when nothing has changed.
func BenchmarkBuild(b *testing.B) {
	in := federation(b, 1000, 13)
	first := Build(in)
	in.Previous = &first.Document
	size := len(encode(b, first.Document))
	b.ReportAllocs()
	for b.Loop() {
		if out := Build(in); len(out.Document.Backends) != 1000 {
			b.Fatalf("%d backends", len(out.Document.Backends))
		}
	}
	b.ReportMetric(float64(size), "document-bytes")
}

// BenchmarkBuildOfNodePorts is the same behind 64 nodes of each cluster: many
// more endpoints than carriers are told.
func BenchmarkBuildOfNodePorts(b *testing.B) {
	in := federation(b, 1000, 13)
	for i := range in.Services {
		in.Services[i].Object.Object["spec"].(map[string]any)["type"] = "NodePort"
		for c := range in.Clusters {
			in.Clusters[c].Services[in.Services[i].Key].Ports[0].NodePort = 30000 + int64(i)
		}
	}
	for c := range in.Clusters {
		for n := range 64 {
			in.Clusters[c].NodeAddresses = append(in.Clusters[c].NodeAddresses, fmt.Sprintf("192.0.%d.%d", c, n))
		}
	}
	first := Build(in)
	in.Previous = &first.Document
	b.ReportAllocs()
	for b.Loop() {
		Build(in)
	}
}
