package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// describedIngress is one Ingress and what is known of it.
type describedIngress struct {
	*describeOptions
	ingress networkingv1.Ingress
	key     v1alpha1.Key
	status  *v1alpha1.ObjectStatus
	carried
	// unread is why carried is empty; nil when it is not.
	unread error
	// frontend is the Ingress in the document; nil where it is not in it.
	frontend *v1alpha1.Frontend
}

func (o *describeOptions) describeIngress(ctx context.Context, out *outline, hub Hub, key v1alpha1.Key, obj *unstructured.Unstructured) error {
	d := &describedIngress{describeOptions: o, key: key}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &d.ingress); err != nil {
		return o.describeObject(ctx, out, hub, key, obj) // what it says is odd: as it is written
	}
	rec, err := listedSpec(ctx, hub, key)
	if err != nil {
		return err
	}
	d.status, err = hub.ObjectStatus(ctx, key)
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	if v1alpha1.ServesIngress(obj) {
		d.carried, d.unread = o.carriers(ctx, hub)
		d.frontend = frontendOf(d.document, key)
	}
	d.print(out, rec, obj)
	return nil
}

func frontendOf(t *v1alpha1.Traffic, key v1alpha1.Key) *v1alpha1.Frontend {
	if t == nil {
		return nil
	}
	if i := slices.IndexFunc(t.Frontends, func(f v1alpha1.Frontend) bool { return f.Ingress == key }); i >= 0 {
		return &t.Frontends[i]
	}
	return nil
}

func (d *describedIngress) print(out *outline, rec *v1alpha1.SpecRecord, obj *unstructured.Unstructured) {
	out.line(0, "Name", "%s", obj.GetName())
	out.line(0, "Namespace", "%s", obj.GetNamespace())
	out.pairs("Labels", obj.GetLabels())
	out.line(0, "Created", "%s", when(obj.GetCreationTimestamp()))
	d.lastChange(out, rec)
	out.line(0, "Ingress Class", "%s", d.class(obj))
	out.line(0, "Address", "%s", strings.Join(d.addresses(), ", "))
	out.line(0, "Default backend", "%s", d.defaultBackend())
	d.tls(out)
	d.rules(out)
	d.backends(out)
	d.annotations(out, obj)
	switch {
	case d.status == nil:
		out.line(0, "Status", "the leader has not seen it yet")
		return
	case d.status.SpecGeneration != rec.Generation:
		out.line(0, "Status", "of an earlier change; the leader has not followed the last one yet")
	}
	d.conditions(out, d.status.Conditions)
	clusterTable(out, d.status.Clusters)
	d.events(out, d.status.Events)
}

// class says who serves it.
func (d *describedIngress) class(obj *unstructured.Unstructured) string {
	class := obj.GetAnnotations()[v1alpha1.AnnotationIngressClass]
	if name := d.ingress.Spec.IngressClassName; name != nil && *name != "" {
		class = *name
	}
	if v1alpha1.ServesIngress(obj) {
		return v1alpha1.IngressClass
	}
	return class + " (served by the members' own controllers)"
}

func (d *describedIngress) addresses() []string {
	if d.status == nil {
		return nil
	}
	return d.status.Addresses
}

func (d *describedIngress) defaultBackend() string {
	b := d.ingress.Spec.DefaultBackend
	if b == nil {
		return "<none>"
	}
	name := ""
	if d.frontend != nil {
		name = d.frontend.DefaultBackend
	}
	return d.backendText(b, name)
}

func (d *describedIngress) tls(out *outline) {
	if len(d.ingress.Spec.TLS) == 0 {
		return
	}
	out.head(0, "TLS")
	for _, t := range d.ingress.Spec.TLS {
		hosts := strings.Join(t.Hosts, ",")
		if hosts == "" {
			hosts = "every host of the rules"
		}
		fmt.Fprintf(out.w, "%s%s terminates %s%s\n", indentation, oneLine(orNone(t.SecretName)), oneLine(hosts), d.certificate(t.SecretName))
	}
}

// certificate says where the one of a Secret comes from, if not from the Secret.
func (d *describedIngress) certificate(secret string) string {
	if d.frontend == nil {
		return ""
	}
	i := slices.IndexFunc(d.frontend.TLS, func(f v1alpha1.FrontendTLS) bool { return f.Secret == d.key.Namespace+"/"+secret })
	switch {
	case i < 0:
		return " (not served)"
	case d.frontend.TLS[i].Certificate == "":
		return " (by edges that have its files)"
	}
	return ""
}

func (d *describedIngress) rules(out *outline) {
	out.head(0, "Rules")
	var rows [][]string
	for _, rule := range d.ingress.Spec.Rules {
		host := orAny(rule.Host)
		if rule.HTTP == nil {
			rows = append(rows, []string{host, "*", d.defaultBackend()})
			continue
		}
		for i := range rule.HTTP.Paths {
			p := &rule.HTTP.Paths[i]
			rows = append(rows, []string{host, pathText(p), d.backendText(&p.Backend, d.served(rule.Host, p))})
			host = ""
		}
	}
	if len(rows) == 0 {
		rows = [][]string{{"*", "*", d.defaultBackend()}}
	}
	out.tableRows([]string{"Host", "Path", "Backends"}, rows)
}

func orAny(text string) string {
	if text == "" {
		return "*"
	}
	return text
}

// pathText is a path; how it is compared is told where that is not by prefix.
func pathText(p *networkingv1.HTTPIngressPath) string {
	if p.PathType != nil && *p.PathType == networkingv1.PathTypeExact {
		return p.Path + " (Exact)"
	}
	return orAny(p.Path)
}

// served is the backend that a path has in the document; empty for none.
func (d *describedIngress) served(host string, p *networkingv1.HTTPIngressPath) string {
	if d.frontend == nil {
		return ""
	}
	for _, r := range d.frontend.Rules {
		if !strings.EqualFold(r.Host, host) {
			continue
		}
		for _, served := range r.Paths {
			if served.Path == p.Path && (p.PathType == nil || string(*p.PathType) == string(served.Type)) {
				return served.Backend
			}
		}
	}
	return ""
}

// backendText is a backend as its Ingress names it, and where it is reached.
func (d *describedIngress) backendText(b *networkingv1.IngressBackend, name string) string {
	text := "<resource>"
	if b.Service != nil {
		text = b.Service.Name + ":" + b.Service.Port.Name
		if b.Service.Port.Name == "" {
			text = fmt.Sprintf("%s:%d", b.Service.Name, b.Service.Port.Number)
		}
	}
	if d.frontend == nil {
		return text
	}
	if name == "" {
		return text + " (not served)"
	}
	return text + " (" + someOf(d.endpoints(name)) + ")"
}

func (d *describedIngress) backend(name string) *v1alpha1.Backend {
	if i := slices.IndexFunc(d.document.Backends, func(b v1alpha1.Backend) bool { return b.Name == name }); i >= 0 {
		return &d.document.Backends[i]
	}
	return nil
}

// endpoints are where requests for a backend go.
func (d *describedIngress) endpoints(name string) []string {
	b := d.backend(name)
	if b == nil {
		return nil
	}
	var list []string
	for i := range b.Clusters {
		if asked(&b.Clusters[i]) {
			list = append(list, b.Clusters[i].Endpoints...)
		}
	}
	return list
}

func someOf(list []string) string {
	const shown = 3
	switch {
	case len(list) == 0:
		return "no endpoints"
	case len(list) > shown:
		return fmt.Sprintf("%s + %d more...", strings.Join(list[:shown], ","), len(list)-shown)
	}
	return strings.Join(list, ",")
}

// backends tells how each cluster fares behind each backend.
func (d *describedIngress) backends(out *outline) {
	switch {
	case d.unread != nil:
		out.line(0, "Backends", "%s", oneLine(d.unread.Error()))
		return
	case d.frontend == nil:
		return
	}
	out.head(0, "Backends")
	for _, name := range d.names() {
		b := d.backend(name)
		if b == nil {
			continue
		}
		out.flush()
		fmt.Fprintf(out.w, "%s%s, %s, checked %s\n", indentation, oneLine(b.Name), oneLine(string(b.Protocol)), checkText(b.Check))
		if len(b.Clusters) == 0 {
			fmt.Fprintf(out.w, "%s%sno cluster has it\n", indentation, indentation)
			continue
		}
		var rows [][]string
		for _, c := range b.Clusters {
			rows = append(rows, []string{c.Cluster, string(c.State), fmt.Sprint(c.Weight), fmt.Sprint(c.Ready),
				seenOf(d.sees(d.edges, b.Name, c.Cluster), len(c.Endpoints)), c.Reason})
		}
		out.table(2, []string{"Cluster", "State", "Weight", "Ready", "Endpoints", "Reason"}, rows)
	}
}

func checkText(c v1alpha1.HealthCheck) string {
	how := "by connecting"
	if c.Path != "" {
		how = "with GET " + oneLine(c.Path)
	}
	return fmt.Sprintf("%s every %s", how, c.Interval.Duration)
}

// names are the backends of the Ingress, in the order of their names.
func (d *describedIngress) names() []string {
	names := map[string]bool{}
	if b := d.frontend.DefaultBackend; b != "" {
		names[b] = true
	}
	for _, r := range d.frontend.Rules {
		for _, p := range r.Paths {
			names[p.Backend] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// annotations are the object's own, and what the carriers have of it.
func (d *describedIngress) annotations(out *outline, obj *unstructured.Unstructured) {
	own := shownAnnotations(obj)
	if len(own) == 0 && d.frontend == nil {
		out.line(0, "Annotations", "<none>")
		return
	}
	out.head(0, "Annotations")
	for _, k := range slices.Sorted(maps.Keys(own)) {
		out.line(1, k, "%s", oneLine(own[k]))
	}
	if d.frontend == nil {
		return
	}
	out.line(1, "backends", "%s", oneLine(d.health()))
	for i := range d.edges {
		e := &d.edges[i]
		out.line(1, "edge", "%s", oneLine(fmt.Sprintf("%s (%s): %s", e.Name, d.state(e), strings.Join(e.Addresses, ", "))))
	}
}

// health is what Google's controller writes of its backends.
func (d *describedIngress) health() string {
	all := map[string]string{}
	for _, name := range d.names() {
		all[name] = "UNKNOWN"
		b := d.backend(name)
		if b == nil {
			continue
		}
		var sum *sight
		for _, c := range b.Clusters {
			sum = added(sum, d.sees(d.edges, name, c.Cluster))
		}
		switch {
		case sum == nil:
		case sum.Most > 0:
			all[name] = "HEALTHY"
		default:
			all[name] = "UNHEALTHY"
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
