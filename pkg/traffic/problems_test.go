package traffic

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// rules prints an Ingress as it is served: "host/path=backend" each.
func rules(t *v1alpha1.Traffic, ingress string) string {
	var list []string
	for _, f := range t.Frontends {
		if f.Ingress.Name != ingress {
			continue
		}
		for _, r := range f.Rules {
			if len(r.Paths) == 0 {
				list = append(list, r.Host)
			}
			for _, p := range r.Paths {
				list = append(list, r.Host+p.Path+"="+strings.TrimPrefix(p.Backend, "default/"))
			}
		}
		if f.DefaultBackend != "" {
			list = append(list, "default="+strings.TrimPrefix(f.DefaultBackend, "default/"))
		}
		for _, c := range f.TLS {
			list = append(list, "tls="+c.Secret)
		}
		if f.Redirect {
			list = append(list, "redirect")
		}
	}
	return strings.Join(list, " ")
}

const web80 = "backend: {service: {name: web, port: {number: 80}}}"

// oneRule is an Ingress of one host and one path.
func oneRule(host, path, pathType string) string {
	return "spec: {rules: [{host: '" + host + "', http: {paths: [{path: '" + path + "', pathType: " + pathType + ", " + web80 + "}]}}]}"
}

// TestProblems has an Ingress j next to the one that is well; that one is never
// disturbed.
func TestProblems(t *testing.T) {
	manyRules := "spec: {rules: [{host: bad_host, http: {paths: [{path: /, pathType: Prefix, " + web80 + "}]}}, " +
		"{host: b.com, http: {paths: [{path: x, pathType: Prefix, " + web80 + "}, {path: /y, pathType: Prefix, " + web80 + "}]}}]}"
	for _, row := range []struct {
		name, manifest string
		reason         string
		message        string // a part of the first problem's
		rules          string
	}{
		{"well", oneRule("b.com", "/x", "Exact"), "", "", "b.com/x=web:80"},
		{"wildcard", oneRule("*.b.com", "/", "Prefix"), "", "", "*.b.com/=web:80"},
		{"an address for a host", oneRule("10.0.0.1", "/", "Prefix"), v1alpha1.ServedInvalid, `spec.rules[0].host: "10.0.0.1": want a DNS name`, ""},
		{"an address with zeros", oneRule("010.0.0.1", "/", "Prefix"), v1alpha1.ServedInvalid, "want a DNS name", ""},
		{"capitals", oneRule("B.com", "/", "Prefix"), v1alpha1.ServedInvalid, "spec.rules[0].host", ""},
		{"a wildcard within", oneRule("a.*.com", "/", "Prefix"), v1alpha1.ServedInvalid, "spec.rules[0].host", ""},
		{"a relative path", oneRule("b.com", "x", "Prefix"), v1alpha1.ServedInvalid, `spec.rules[0].http.paths[0]: path "x"`, "b.com"},
		{"no path", oneRule("b.com", "", "Exact"), v1alpha1.ServedInvalid, `path ""`, "b.com"},
		{"no path may be specific", oneRule("b.com", "", "ImplementationSpecific"), "", "", "b.com=web:80"},
		{"a relative specific path", oneRule("b.com", "x", "ImplementationSpecific"), v1alpha1.ServedInvalid, `path "x"`, "b.com"},
		{"two slashes", oneRule("b.com", "/x//y", "Prefix"), v1alpha1.ServedInvalid, "must not contain //", "b.com"},
		{"a dot", oneRule("b.com", "/x/./y", "Prefix"), v1alpha1.ServedInvalid, "must not contain /./", "b.com"},
		{"two dots", oneRule("b.com", "/x/../y", "Exact"), v1alpha1.ServedInvalid, "must not contain /../", "b.com"},
		{"two dots at the end", oneRule("b.com", "/x/..", "Exact"), v1alpha1.ServedInvalid, "must not end in dots", "b.com"},
		{"a slash in disguise", oneRule("b.com", "/x%2fy", "Exact"), v1alpha1.ServedInvalid, "must not contain %2f", "b.com"},
		{"in capitals", oneRule("b.com", "/x%2Fy", "Exact"), v1alpha1.ServedInvalid, "must not contain %2F", "b.com"},
		{"an unknown type", oneRule("b.com", "/", "Regex"), v1alpha1.ServedInvalid, `pathType "Regex"`, "b.com"},
		{"no type", "spec: {rules: [{http: {paths: [{path: /x, " + web80 + "}]}}]}", v1alpha1.ServedInvalid, `pathType ""`, ""},
		{"no paths", "spec: {rules: [{host: b.com, http: {paths: []}}]}", v1alpha1.ServedInvalid, "spec.rules[0].http.paths", "b.com"},
		{"a host alone", "spec: {rules: [{host: b.com}], defaultBackend: {service: {name: web, port: {number: 80}}}}", "", "", "b.com default=web:80"},
		{"nothing", "spec: {}", v1alpha1.ServedInvalid, "name rules or a defaultBackend", ""},
		{"a resource", "spec: {rules: [{http: {paths: [{path: /x, pathType: Exact, backend: {resource: {kind: Bucket, name: b}}}]}}]}",
			v1alpha1.ServedInvalid, "spec.rules[0].http.paths[0].backend: a resource", ""},
		{"no backend", "spec: {rules: [{http: {paths: [{path: /x, pathType: Exact}]}}]}", v1alpha1.ServedInvalid, "name a service", ""},
		{"no port", "spec: {defaultBackend: {service: {name: web}}}", v1alpha1.ServedInvalid, "spec.defaultBackend: name the service's port", ""},
		{"two ports", "spec: {defaultBackend: {service: {name: web, port: {number: 80, name: http}}}}", v1alpha1.ServedInvalid, "not both", ""},
		{"a bad port", "spec: {defaultBackend: {service: {name: web, port: {number: 65536}}}}", v1alpha1.ServedInvalid, "spec.defaultBackend", ""},
		{"a bad Service name", "spec: {defaultBackend: {service: {name: ../web, port: {number: 80}}}}", v1alpha1.ServedInvalid, `service "../web"`, ""},
		{"one rule and one path of several", manyRules, v1alpha1.ServedInvalid, "spec.rules[0].host", "b.com/y=web:80"},
		{"no rule is valid", "spec: {rules: [{host: 1.2.3.4}], defaultBackend: {service: {name: web, port: {number: 80}}}}", v1alpha1.ServedInvalid, "spec.rules[0].host", ""},
		{"what is no Ingress", "spec: {rules: {a: b}}", v1alpha1.ServedInvalid, "no Ingress", ""},

		{"taken", oneRule("a.com", "/", "Prefix"), v1alpha1.ServedConflict, `host "a.com" with path "/" (Prefix) belongs to Ingress default/i`, "a.com"},
		{"another type of it is not", oneRule("a.com", "/", "Exact"), "", "", "a.com/=web:80"},
		{"taken with another slash", "spec: {rules: [{host: b.com, http: {paths: [{path: /x, pathType: Prefix, " + web80 + "}, {path: /x/, pathType: Prefix, " + web80 + "}]}}]}",
			v1alpha1.ServedConflict, "belongs to an earlier rule of this Ingress", "b.com/x=web:80"},

		{"no such Service", "spec: {rules: [{host: b.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: none, port: {number: 80}}}}]}}]}",
			v1alpha1.ServedNoService, `spec.rules[0].http.paths[0].backend: there is no Service "none"`, "b.com/=none:80"},
		{"no such Service, port by name", "spec: {defaultBackend: {service: {name: none, port: {name: http}}}}", v1alpha1.ServedNoService, "spec.defaultBackend", "default=none:0"},
		{"no such port", "spec: {defaultBackend: {service: {name: web, port: {number: 81}}}}", v1alpha1.ServedNoPort, `no TCP port 81; name one of "80 http"`, "default=web:81"},
		{"no such port name", "spec: {defaultBackend: {service: {name: web, port: {name: grpc}}}}", v1alpha1.ServedNoPort, `no TCP port "grpc"`, "default=web:0"},
		{"a port by name", "spec: {defaultBackend: {service: {name: web, port: {name: http}}}}", "", "", "default=web:80"},

		{"no such Secret", oneRule("b.com", "/", "Prefix")[:len(oneRule("b.com", "/", "Prefix"))-1] + ", tls: [{hosts: [b.com], secretName: none}]}",
			v1alpha1.ServedNoSecret, `spec.tls[0].secretName: there is no Secret "default/none"`, "b.com/=web:80"},
		{"TLS without a Secret", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}, tls: [{hosts: [b.com]}]}", v1alpha1.ServedNoSecret, "name it", "default=web:80"},
		{"a Secret elsewhere", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}, tls: [{secretName: ../x}]}", v1alpha1.ServedNoSecret, `"../x"`, "default=web:80"},
		{"TLS", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}, tls: [{secretName: cert}]}", "", "", "default=web:80 tls=default/cert redirect"},
		{"TLS without redirect", "metadata: {annotations: {" + v1alpha1.AnnotationRedirect + ": 'false'}}\nspec: {defaultBackend: {service: {name: web, port: {number: 80}}}, tls: [{secretName: cert}]}",
			"", "", "default=web:80 tls=default/cert"},
		{"TLS for a bad host is not for all", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}, tls: [{secretName: cert, hosts: ['']}]}",
			v1alpha1.ServedInvalid, "spec.tls[0].hosts[0]", "default=web:80"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.Certificates = map[string]v1alpha1.Certificate{"default/cert": {Secret: "default/cert"}}
			s.ingress("j", row.manifest)
			out := s.build()
			if got := rules(&out.Document, "j"); got != row.rules {
				t.Errorf("served: %q, want %q", got, row.rules)
			}
			if got := rules(&out.Document, "i"); got != "a.com/=web:80" || len(problems(out, "i")) > 0 {
				t.Errorf("the other is served: %q, problems %q", got, problems(out, "i"))
			}
			served := out.Ingresses[ingressKey("j")].Served
			if list := problems(out, "j"); row.reason == "" {
				if len(list) > 0 || served.Status != metav1.ConditionTrue || served.Reason != v1alpha1.ServedAll {
					t.Errorf("problems %q, condition %v", list, served)
				}
			} else if len(list) == 0 || !strings.HasPrefix(list[0], row.reason+": ") || !strings.Contains(list[0], row.message) || served.Reason != row.reason || served.Status != metav1.ConditionFalse {
				t.Errorf("problems %q, condition %v; want %s: …%s…", list, served, row.reason, row.message)
			}
		})
	}
}

// TestBackendProblems are those that the clusters make; the Ingress is served as
// far as that goes.
func TestBackendProblems(t *testing.T) {
	for _, row := range []struct {
		name            string
		steps           func(s *scene)
		reason, message string
	}{
		{"kept", func(s *scene) { s.ready("a", 0); s.ready("b", 0); s.build(); s.pass(15) }, v1alpha1.ServedUnhealthy, "requests still go to the last that had"},
		{"kept for long", func(s *scene) {
			s.ready("a", 0)
			s.ready("b", 0)
			s.build()
			s.pass(15)
			s.build()
			s.pass(1500)
		}, v1alpha1.ServedUnhealthy, "requests still go to the last that had"},
		{"silent is not unhealthy", func(s *scene) { s.silent("a"); s.silent("b") }, "", ""},
		{"one is enough", func(s *scene) { s.weigh("a", 0) }, "", ""},
		{"never healthy", func(s *scene) { s.Previous = nil; s.ready("a", 0); s.ready("b", 0) }, v1alpha1.ServedUnhealthy, "nothing healthy in any cluster"},
		{"drained everywhere", func(s *scene) { s.weigh("a", 0); s.weigh("b", 0) }, v1alpha1.ServedUnhealthy, "drained in every cluster"},
		{"nowhere", func(s *scene) { s.Clusters = nil }, v1alpha1.ServedUnhealthy, "in no cluster"},
		{"without a report yet", func(s *scene) { s.Previous = nil; s.cluster("a").Services = nil; s.cluster("b").Services = nil }, v1alpha1.ServedUnhealthy, "not reachable in any cluster yet"},
		{"ClusterIP", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "ClusterIP", 1))
			s.Previous = nil
		}, v1alpha1.ServedUnreachable, "of type NodePort or LoadBalancer"},
		{"ClusterIP, one of its clusters tells pods", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "ClusterIP", 1))
			s.Previous = nil
			s.pods("a", "10.0.0.1:80")
		}, "", ""},
		{"ClusterIP with pods that are not ready", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "ClusterIP", 1))
			s.Previous = nil
			s.pods("a")
			s.pods("b")
		}, v1alpha1.ServedUnhealthy, "nothing healthy"},
		{"no edges", func(s *scene) { s.Edges = nil }, v1alpha1.ServedNoEdges, ""},
	} {
		s := newScene(t)
		s.ingress("i", webIngress+"\n      - {path: /again, pathType: Prefix, "+web80+"}")
		s.build()
		row.steps(s)
		out := s.build()
		served, list := out.Ingresses[ingressKey("i")].Served, problems(out, "i")
		if row.reason == "" && served.Status != metav1.ConditionTrue || row.reason != "" && served.Reason != row.reason {
			t.Errorf("%s: %v", row.name, served)
		}
		if row.message != "" && (len(list) != 1 || !strings.Contains(list[0], "spec.rules[0].http.paths[0].backend: Service web port 80") || !strings.Contains(list[0], row.message)) {
			t.Errorf("%s: %q, want …%s…", row.name, list, row.message)
		}
		if got := rules(&out.Document, "i"); got != "a.com/=web:80 a.com/again=web:80" {
			t.Errorf("%s: served %q", row.name, got)
		}
	}
}

func TestOtherClass(t *testing.T) {
	s := newScene(t)
	s.ingress("field", "spec: {ingressClassName: nginx, defaultBackend: {service: {name: web, port: {number: 80}}}}")
	s.ingress("annotation", "metadata: {annotations: {kubernetes.io/ingress.class: gce}}\n"+oneRule("a.com", "/", "Prefix"))
	s.ingress("ours", "spec: {ingressClassName: kubectl-fed, defaultBackend: {service: {name: web, port: {number: 80}}}}")
	out := s.build()
	for _, name := range []string{"field", "annotation"} {
		r := out.Ingresses[ingressKey(name)]
		if r.Served.Reason != v1alpha1.ServedElsewhere || r.Served.Status != metav1.ConditionFalse || r.Addresses != nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if got := rules(&out.Document, "ours"); got != "default=web:80" || len(out.Document.Frontends) != 2 || len(out.Ingresses) != 4 {
		t.Errorf("served: %q, %d frontends", got, len(out.Document.Frontends))
	}
}

// TestTaken: the older one has it, whatever their names.
func TestTaken(t *testing.T) {
	s := newScene(t)
	s.ingress("z", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}")
	s.ingress("b", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}")
	s.ingress("a", webIngress)
	out := s.build()
	for name, want := range map[string]string{
		"i": "", "z": "",
		"b": "HostPathTaken: spec.defaultBackend: what no rule names belongs to Ingress default/z, which had it first; name a host",
		"a": `HostPathTaken: spec.rules[0].http.paths[0]: host "a.com" with path "/" (Prefix) belongs to Ingress default/i, which had it first; choose another host or path`,
	} {
		if got := strings.Join(problems(out, name), "\n"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	s.Ingresses = slices.DeleteFunc(s.Ingresses, func(o Object) bool { return o.Key.Name == "i" })
	if out := s.build(); rules(&out.Document, "a") != "a.com/=web:80" {
		t.Errorf("it is free, but not served: %q", rules(&out.Document, "a"))
	}
}

func TestAddresses(t *testing.T) {
	s := newScene(t)
	s.Edges = []v1alpha1.Edge{{Name: "y", Addresses: []string{"192.0.2.9", "edge.example.com"}}, {Name: "x", Addresses: []string{"192.0.2.10", "192.0.2.9"}}}
	out := s.build()
	want := []string{"192.0.2.10", "192.0.2.9", "edge.example.com"}
	if r := out.Ingresses[ingressKey("i")]; !slices.Equal(r.Addresses, want) || !slices.Equal(out.Document.Frontends[0].Addresses, want) {
		t.Errorf("addresses %q and %q", r.Addresses, out.Document.Frontends[0].Addresses)
	}
}

func TestCertificates(t *testing.T) {
	s := newScene(t)
	manifest := "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}, tls: [{hosts: [b.com, '*.b.com'], secretName: cert}]}"
	s.ingress("j", manifest)
	c := v1alpha1.Certificate{Secret: "default/cert", Certificate: []byte("c"), Key: []byte("very secret")}
	s.Certificates = map[string]v1alpha1.Certificate{"default/cert": c, "default/unused": {Secret: "default/unused"}}
	out := s.build()
	tls := out.Document.Frontends[1].TLS
	if len(tls) != 1 || tls[0].Certificate != c.Digest() || !slices.Equal(tls[0].Hosts, []string{"b.com", "*.b.com"}) || len(out.Certificates) != 1 || out.Certificates[c.Digest()].Secret != c.Secret {
		t.Errorf("tls %+v, certificates of %d", tls, len(out.Certificates))
	}
	s.NoSecrets, s.Certificates = true, nil
	out = s.build()
	if tls := out.Document.Frontends[1].TLS; len(tls) != 1 || tls[0].Certificate != "" || !out.Document.Frontends[1].Redirect || len(problems(out, "j")) > 0 {
		t.Errorf("files of the edges' own: %+v, %q", tls, problems(out, "j"))
	}
}
