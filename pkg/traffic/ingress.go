package traffic

import (
	"cmp"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// catchAll stands for what an Ingress without rules wants.
const catchAll = "*"

func (b *builder) addIngress(o *Object) {
	var i networkingv1.Ingress
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object.Object, &i)
	if !v1alpha1.ServesIngress(o.Object) {
		class := o.Object.GetAnnotations()[v1alpha1.AnnotationIngressClass]
		if i.Spec.IngressClassName != nil {
			class = cmp.Or(*i.Spec.IngressClassName, class)
		}
		b.results[o.Key] = servedElsewhere(class)
		return
	}
	d := &draft{frontend: v1alpha1.Frontend{Ingress: o.Key, UID: o.UID, Addresses: b.addresses}}
	b.drafts = append(b.drafts, d)
	if err != nil {
		d.report(v1alpha1.ServedInvalid, "it is no Ingress of networking.k8s.io/v1: %s", quote(err.Error()))
		return
	}
	for n := range i.Spec.Rules {
		b.addRule(d, fmt.Sprintf("spec.rules[%d]", n), &i.Spec.Rules[n])
	}
	b.addDefault(d, &i.Spec)
	for n := range i.Spec.TLS {
		b.addTLS(d, fmt.Sprintf("spec.tls[%d]", n), &i.Spec.TLS[n])
	}
	d.frontend.Redirect = len(d.frontend.TLS) > 0 && o.Object.GetAnnotations()[v1alpha1.AnnotationRedirect] != "false"
}

// addRule keeps a rule whose host is valid even if none of its paths is: it
// still names the host, for which the default backend is then asked.
func (b *builder) addRule(d *draft, field string, rule *networkingv1.IngressRule) {
	if msg := checkHost(rule.Host); msg != "" {
		d.report(v1alpha1.ServedInvalid, "%s.host: %s: %s", field, quote(rule.Host), msg)
		return
	}
	r := v1alpha1.Rule{Host: rule.Host, Paths: []v1alpha1.RoutePath{}}
	if rule.HTTP != nil {
		if len(rule.HTTP.Paths) == 0 {
			d.report(v1alpha1.ServedInvalid, "%s.http.paths: name at least one path, or leave http out", field)
		}
		for n := range rule.HTTP.Paths {
			if p, ok := b.path(d, fmt.Sprintf("%s.http.paths[%d]", field, n), rule.Host, &rule.HTTP.Paths[n]); ok {
				r.Paths = append(r.Paths, p)
			}
		}
	}
	d.frontend.Rules = append(d.frontend.Rules, r)
}

func (b *builder) path(d *draft, field, host string, p *networkingv1.HTTPIngressPath) (v1alpha1.RoutePath, bool) {
	r := v1alpha1.RoutePath{Path: p.Path}
	if p.PathType != nil {
		r.Type = v1alpha1.PathType(*p.PathType)
	}
	if msg := checkPath(r); msg != "" {
		d.report(v1alpha1.ServedInvalid, "%s: %s", field, msg)
		return r, false
	}
	if msg := checkBackend(&p.Backend); msg != "" {
		d.report(v1alpha1.ServedInvalid, "%s.backend: %s", field, msg)
		return r, false
	}
	if owner, ok := b.take(d, takenPath(host, r)); !ok {
		d.report(v1alpha1.ServedConflict, "%s: %s with path %s (%s) belongs to %s; choose another host or path",
			field, hostText(host), quote(p.Path), r.Type, d.ownerText(owner))
		return r, false
	}
	r.Backend = b.backendFor(d, field+".backend", p.Backend.Service)
	return r, true
}

// takenPath names what only one Ingress can have: patterns that fit the same
// requests are the same.
func takenPath(host string, p v1alpha1.RoutePath) string {
	literal, how, _ := pattern(p)
	return fmt.Sprintf("%s\n%d\n%s", host, how, literal)
}

// take gives something to an Ingress unless it is somebody's; then it says
// whose.
func (b *builder) take(d *draft, what string) (owner v1alpha1.Key, ok bool) {
	owner, taken := b.taken[what]
	if !taken {
		b.taken[what] = d.frontend.Ingress
	}
	return owner, !taken
}

func (d *draft) ownerText(owner v1alpha1.Key) string {
	if owner == d.frontend.Ingress {
		return "an earlier rule of this Ingress"
	}
	return fmt.Sprintf("Ingress %s/%s, which had it first", owner.Namespace, owner.Name)
}

func hostText(host string) string {
	if host == "" {
		return "every host"
	}
	return "host " + quote(host)
}

// addDefault: the default backend of an Ingress without rules takes what is
// nobody's, so there is one for all. An Ingress of which no rule is valid is
// not taken for one without rules.
func (b *builder) addDefault(d *draft, spec *networkingv1.IngressSpec) {
	const field = "spec.defaultBackend"
	if spec.DefaultBackend == nil {
		if len(spec.Rules) == 0 {
			d.report(v1alpha1.ServedInvalid, "spec: name rules or a defaultBackend")
		}
		return
	}
	if msg := checkBackend(spec.DefaultBackend); msg != "" {
		d.report(v1alpha1.ServedInvalid, "%s: %s", field, msg)
		return
	}
	if len(d.frontend.Rules) == 0 {
		if len(spec.Rules) > 0 {
			d.report(v1alpha1.ServedInvalid, "%s: it is not served while no rule is valid", field)
			return
		}
		if owner, ok := b.take(d, catchAll); !ok {
			d.report(v1alpha1.ServedConflict, "%s: what no rule names belongs to %s; name a host", field, d.ownerText(owner))
			return
		}
	}
	d.frontend.DefaultBackend = b.backendFor(d, field, spec.DefaultBackend.Service)
}

// addTLS leaves an entry out whose Secret cannot be served: its hosts go on
// with plain HTTP.
func (b *builder) addTLS(d *draft, field string, t *networkingv1.IngressTLS) {
	var hosts []string
	for n, h := range t.Hosts {
		if msg := checkHost(h); h == "" || msg != "" {
			d.report(v1alpha1.ServedInvalid, "%s.hosts[%d]: %s: %s", field, n, quote(h), cmp.Or(msg, "name a host"))
			continue
		}
		hosts = append(hosts, h)
	}
	if len(hosts) == 0 && len(t.Hosts) > 0 {
		return // no hosts would be all hosts
	}
	if msg := checkName(t.SecretName); msg != "" {
		d.report(v1alpha1.ServedNoSecret, "%s.secretName: %s: %s", field, quote(t.SecretName), msg)
		return
	}
	e := v1alpha1.FrontendTLS{Hosts: hosts, Secret: d.frontend.Ingress.Namespace + "/" + t.SecretName}
	if c, ok := b.in.Certificates[e.Secret]; ok && !b.in.NoSecrets {
		e.Certificate = c.Digest()
		b.certificates[e.Certificate] = c
	} else if !b.in.NoSecrets {
		d.report(v1alpha1.ServedNoSecret, "%s.secretName: there is no Secret %s of type kubernetes.io/tls that may be served; create it, or HTTP alone is served",
			field, quote(e.Secret))
		return
	}
	d.frontend.TLS = append(d.frontend.TLS, e)
}
