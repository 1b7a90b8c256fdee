package plan

import (
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// backends lists the Services that an Ingress names, if the federation serves
// it, sorted.
func backends(s *Spec) []v1alpha1.Key {
	if !v1alpha1.KeyIsIngress(s.Key) || !v1alpha1.ServesIngress(s.Object) {
		return nil
	}
	r := refs{namespace: s.Key.Namespace}
	spec := child(s.Object.Object, "spec")
	r.backend(child(spec, "defaultBackend"))
	for _, rule := range maps(spec, "rules") {
		for _, path := range maps(child(rule, "http"), "paths") {
			r.backend(child(path, "backend"))
		}
	}
	slices.SortFunc(r.keys, v1alpha1.Key.Compare)
	return slices.Compact(r.keys)
}

func (r *refs) backend(b map[string]any) { r.add("services", text(child(b, "service"), "name")) }

// findBackends renews the Services that Ingresses name since this plan, or no
// longer. An Ingress that cannot be followed goes on naming what it did.
func (p *planner) findBackends() {
	named := map[v1alpha1.Key]bool{}
	for _, it := range p.items {
		if !v1alpha1.KeyIsIngress(it.key) {
			continue
		}
		for _, k := range p.backendsOf(it) {
			named[k] = true
		}
	}
	for _, it := range p.items {
		if it.key.Resource == "services" && named[it.key] != it.exposed {
			it.exposed = !it.exposed
			p.renew(it)
		}
	}
}

func (p *planner) backendsOf(it *item) []v1alpha1.Key {
	switch it.state {
	case follow:
		return it.intent.backends
	case keep:
		if s := p.kept(it); s != nil {
			return backends(s)
		}
	}
	return nil
}

// serve makes a member's copy one that the federation serves: no controller of
// the member takes the Ingress, and carriers reach the Service from outside.
func (it *item) serve(source, o *unstructured.Unstructured) {
	switch {
	case v1alpha1.KeyIsIngress(it.key) && v1alpha1.ServesIngress(source) && v1alpha1.ServesIngress(o):
		if unstructured.SetNestedField(o.Object, v1alpha1.IngressClass, "spec", "ingressClassName") == nil {
			dropAnnotations(o, v1alpha1.AnnotationIngressClass)
			conform(child(o.Object, "spec"))
		}
	case it.exposed && exposable(o):
		_ = unstructured.SetNestedField(o.Object, "NodePort", "spec", "type") // there is a spec
	}
}

// conform names the lists that an Ingress does not set, so that one which was in
// the member before does not keep its own.
func conform(spec map[string]any) {
	for _, list := range []string{"rules", "tls"} {
		if _, said := spec[list]; !said {
			spec[list] = []any{}
		}
	}
}

// exposable says whether a Service has no address outside its cluster and may be
// given one.
func exposable(o *unstructured.Unstructured) bool {
	spec := child(o.Object, "spec")
	if len(maps(spec, "ports")) == 0 || text(spec, "externalName") != "" || o.GetAnnotations()[v1alpha1.AnnotationExpose] == "false" {
		return false
	}
	ips, _ := spec["clusterIPs"].([]any)
	if text(spec, "clusterIP") == headless || slices.Contains(ips, any(headless)) {
		return false
	}
	kind := text(spec, "type")
	return kind == "" || kind == "ClusterIP"
}

// headless is the cluster IP of a Service that has none.
const headless = "None"

// serves says whether a manifest is that of an Ingress that the federation
// serves in the member that has it.
func serves(o *v1alpha1.ShardObject) bool {
	if !v1alpha1.KeyIsIngress(o.Key) {
		return false
	}
	var m struct {
		Spec struct {
			Class string `json:"ingressClassName"`
		} `json:"spec"`
	}
	return json.Unmarshal(o.Manifest, &m) == nil && m.Spec.Class == v1alpha1.IngressClass
}

// served are the addresses that are known, sorted. Without any, an Ingress keeps
// those it has.
func (p *planner) served() []v1alpha1.ObjectAddresses {
	var list []v1alpha1.ObjectAddresses
	for k, addresses := range p.in.Addresses {
		if len(addresses) == 0 {
			continue
		}
		sorted := slices.Clone(addresses)
		slices.Sort(sorted)
		list = append(list, v1alpha1.ObjectAddresses{Key: k, Addresses: slices.Compact(sorted)})
	}
	slices.SortFunc(list, func(a, b v1alpha1.ObjectAddresses) int { return a.Key.Compare(b.Key) })
	return list
}

// addresses are those of the Ingresses in a member's new shard. While none are
// known, what the previous shard says stands.
func (b *builder) addresses(objects []*Placed) []v1alpha1.ObjectAddresses {
	prev, list := b.p.members[b.c].prev.Addresses, b.p.addresses
	if b.p.in.Addresses == nil {
		list = prev
	}
	var out []v1alpha1.ObjectAddresses
	for _, a := range list {
		if o := find(objects, a.Key); o != nil && o.served {
			out = append(out, a)
		}
	}
	if sameAddresses(out, prev) {
		return prev
	}
	return out
}

func sameAddresses(a, b []v1alpha1.ObjectAddresses) bool {
	return slices.EqualFunc(a, b, func(x, y v1alpha1.ObjectAddresses) bool {
		return x.Key == y.Key && slices.Equal(x.Addresses, y.Addresses)
	})
}
