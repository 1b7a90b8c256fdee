package traffic

import (
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestProtocol(t *testing.T) {
	for manifest, want := range map[string]v1alpha1.BackendProtocol{
		"spec: {ports: [{port: 80}]}":                                                       v1alpha1.ProtocolHTTP,
		"spec: {ports: [{port: 80, appProtocol: http}]}":                                    v1alpha1.ProtocolHTTP,
		"spec: {ports: [{port: 80, appProtocol: kubernetes.io/ws}]}":                        v1alpha1.ProtocolHTTP,
		"spec: {ports: [{port: 80, appProtocol: kubernetes.io/h2c}]}":                       v1alpha1.ProtocolH2C,
		"spec: {ports: [{port: 80, appProtocol: grpc}]}":                                    v1alpha1.ProtocolH2C,
		"spec: {ports: [{port: 80, appProtocol: HTTPS}]}":                                   v1alpha1.ProtocolHTTPS,
		"spec: {ports: [{port: 80, appProtocol: kubernetes.io/wss}]}":                       v1alpha1.ProtocolHTTPS,
		google(`{"p":"HTTPS"}`) + "spec: {ports: [{name: p, port: 80}]}":                    v1alpha1.ProtocolHTTPS,
		google(`{"p":"HTTP2"}`) + "spec: {ports: [{name: p, port: 80}]}":                    v1alpha1.ProtocolHTTPS,
		google(`{"q":"HTTPS"}`) + "spec: {ports: [{name: p, port: 80}]}":                    v1alpha1.ProtocolHTTP,
		google(`not JSON`) + "spec: {ports: [{name: p, port: 80}]}":                         v1alpha1.ProtocolHTTP,
		google(`{"p":"HTTPS"}`) + "spec: {ports: [{port: 80, name: p, appProtocol: http}]}": v1alpha1.ProtocolHTTP,
		"spec: {ports: [{port: 80, protocol: UDP}, {port: 80, appProtocol: https}]}":        v1alpha1.ProtocolHTTPS,
	} {
		s := newScene(t)
		s.service("web", manifest)
		out := s.build()
		if got := out.Document.Backends[0].Protocol; got != want {
			t.Errorf("%s speaks %s, want %s", manifest, got, want)
		}
	}
}

func google(protocols string) string {
	return "metadata: {annotations: {cloud.google.com/app-protocols: '" + protocols + "'}}\n"
}

// probing is a pod template of app web whose container web has a readiness probe.
func probing(probe string) string {
	return "{metadata: {labels: {app: web, tier: front}}, spec: {containers: [{name: sidecar}, " +
		"{name: web, ports: [{name: web, containerPort: 8080}, {name: admin, containerPort: 9090}], readinessProbe: " + probe + "}]}}"
}

func TestCheckPath(t *testing.T) {
	deployment := func(probe string) func(s *scene) {
		return func(s *scene) { s.workload("deployments", "web", "spec: {template: "+probing(probe)+"}") }
	}
	annotated := func(path string) func(s *scene) {
		return func(s *scene) {
			deployment("{httpGet: {path: /ready, port: web}}")(s)
			s.service("web", "metadata: {annotations: {"+v1alpha1.AnnotationHealthCheckPath+": \""+path+"\"}}"+webService)
		}
	}
	service := func(spec, probe string) func(s *scene) {
		return func(s *scene) { s.service("web", "spec: "+spec); deployment(probe)(s) }
	}
	for _, row := range []struct {
		name   string
		change func(s *scene)
		want   string
	}{
		{"nothing is known", func(*scene) {}, ""},
		{"a probe, ports by name", deployment("{httpGet: {path: /ready, port: web}}"), "/ready"},
		{"its port by number", deployment("{httpGet: {path: /ready, port: 8080}}"), "/ready"},
		{"without a path", deployment("{httpGet: {port: 8080}}"), "/"},
		{"of another port", deployment("{httpGet: {path: /ready, port: admin}}"), ""},
		{"with a header", deployment("{httpGet: {path: /ready, port: web, httpHeaders: [{name: Host, value: x}]}}"), ""},
		{"of another host", deployment("{httpGet: {path: /ready, port: web, host: 10.0.0.1}}"), ""},
		{"over TLS", deployment("{httpGet: {path: /ready, port: web, scheme: HTTPS}}"), ""},
		{"that cannot be asked for", deployment("{httpGet: {path: '/ready now', port: web}}"), ""},
		{"of TCP", deployment("{tcpSocket: {port: web}}"), ""},
		{"that is none", deployment("{httpGet: 5}"), ""},
		{"over TLS, as the port", service("{selector: {app: web}, ports: [{port: 80, targetPort: 8080, appProtocol: https}]}",
			"{httpGet: {path: /ready, port: web, scheme: HTTPS}}"), "/ready"},
		{"target by number", service("{selector: {app: web, tier: front}, ports: [{port: 80, targetPort: 8080}]}", "{httpGet: {path: /ready, port: web}}"), "/ready"},
		{"target is the port", service("{selector: {app: web}, ports: [{port: 80}]}", "{httpGet: {path: /ready, port: 80}}"), "/ready"},
		{"pods of another tier", service("{selector: {app: web, tier: back}, ports: [{port: 80, targetPort: web}]}", "{httpGet: {path: /ready, port: web}}"), ""},
		{"no selector", service("{ports: [{port: 80, targetPort: web}]}", "{httpGet: {path: /ready, port: web}}"), ""},
		{"a pod by itself", func(s *scene) {
			o := object(s.t, "pods", "", "web", probing("{httpGet: {path: /pod, port: web}}"))
			s.Workloads = append(s.Workloads, o)
		}, "/pod"},
		{"the first workload by name", func(s *scene) {
			s.workload("deployments", "z", "spec: {template: "+probing("{httpGet: {path: /z, port: web}}")+"}")
			s.workload("deployments", "a", "spec: {template: "+probing("{httpGet: {path: /a, port: web}}")+"}")
		}, "/a"},
		{"another namespace", func(s *scene) {
			deployment("{httpGet: {path: /ready, port: web}}")(s)
			s.Workloads[0].Key.Namespace = "other"
		}, ""},
		{"an annotation", annotated("/healthz?full=1"), "/healthz?full=1"},
		{"an empty annotation", annotated(""), ""},
		{"a bad annotation", annotated("healthz"), "/ready"},
		{"an evil annotation", annotated(`/x HTTP/1.1\r\nHost: y`), "/ready"},
	} {
		s := newScene(t)
		row.change(s)
		out := s.build()
		check := out.Document.Backends[0].Check
		if check.Path != row.want {
			t.Errorf("%s: %q, want %q", row.name, check.Path, row.want)
		}
		if check.Interval.Duration != CheckInterval || check.Timeout.Duration != CheckTimeout || check.HealthyAfter != CheckHealthy || check.UnhealthyAfter != CheckUnhealthy {
			t.Errorf("%s: %+v", row.name, check)
		}
	}
}

func TestDocument(t *testing.T) {
	s := newScene(t)
	a := s.cluster("a")
	a.Region, a.Zones, a.Sources = "us-east1", []string{"us-east1-c", "us-east1-b"}, []string{"10.2.0.0/16", "10.1.0.0/16", "10.2.0.0/16"}
	a.Coordinates = &v1alpha1.Coordinates{Latitude: 1, Longitude: 2}
	s.Clusters = s.Clusters[:1]
	const want = `{"kind":"Traffic","apiVersion":"` + v1alpha1.APIVersion + `","federationUID":"f","epoch":0,"serial":0,"time":null,` +
		`"clusters":[{"name":"a","region":"us-east1","zones":["us-east1-b","us-east1-c"],"coordinates":{"latitude":1,"longitude":2},"sources":["10.1.0.0/16","10.2.0.0/16"]}],` +
		`"frontends":[{"ingress":"default/ingresses.networking.k8s.io/i","uid":"uid-i","addresses":["192.0.2.1"],` +
		`"rules":[{"host":"a.com","paths":[{"path":"/","type":"Prefix","backend":"default/web:80"}]}]}],` +
		`"backends":[{"name":"default/web:80","service":"default/services/web","port":80,"protocol":"HTTP",` +
		`"check":{"interval":"2s","timeout":"2s","healthyAfter":2,"unhealthyAfter":2},"returnOver":"1m0s","timeout":"30s",` +
		`"clusters":[{"cluster":"a","state":"Serving","weight":100,"endpoints":["198.51.100.1:80"],"ready":2}]}]}`
	out := s.build()
	if got := encode(t, out.Document); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
