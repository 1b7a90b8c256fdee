package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	ing = "default/ingresses.networking.k8s.io/i"
	svc = "default/services/svc"
)

// naming is an Ingress's spec with a path to each of the Services.
func naming(services ...string) func(*unstructured.Unstructured) {
	var paths []string
	for _, s := range services {
		paths = append(paths, `{"path":"/`+s+`","pathType":"Prefix","backend":{"service":{"name":"`+s+`","port":{"number":80}}}}`)
	}
	return spec(`{"rules":[{"http":{"paths":[` + strings.Join(paths, ",") + `]}}]}`)
}

const plainService = `{"ports":[{"port":80}],"selector":{"app":"web"}}`

// given is what a cluster is to run of an object.
func (w *world) given(cluster, k string) *unstructured.Unstructured {
	w.t.Helper()
	o, ok := w.cluster(cluster).Previous.Object(key(k))
	if !ok {
		w.t.Fatalf("%s has no %s", cluster, k)
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(o.Manifest, &u.Object); err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *world) specText(cluster, k, field string) string {
	text, _, _ := unstructured.NestedString(w.given(cluster, k).Object, "spec", field)
	return text
}

func TestServedIngressesBearOurClass(t *testing.T) {
	class := func(c string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, c, "spec", "ingressClassName")
		}
	}
	for name, c := range map[string]struct {
		edit              []func(*unstructured.Unstructured)
		class, annotation string
	}{
		"none":               {nil, v1alpha1.IngressClass, ""},
		"ours":               {[]func(*unstructured.Unstructured){class(v1alpha1.IngressClass)}, v1alpha1.IngressClass, ""},
		"ours by annotation": {[]func(*unstructured.Unstructured){annotate(v1alpha1.AnnotationIngressClass, v1alpha1.IngressClass)}, v1alpha1.IngressClass, ""},
		"another":            {[]func(*unstructured.Unstructured){class("nginx")}, "nginx", ""},
		"annotated":          {[]func(*unstructured.Unstructured){annotate(v1alpha1.AnnotationIngressClass, "gce")}, "", "gce"},
		"ours after all": {[]func(*unstructured.Unstructured){class(v1alpha1.IngressClass), annotate(v1alpha1.AnnotationIngressClass, "gce")},
			v1alpha1.IngressClass, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.put(ing, append([]func(*unstructured.Unstructured){naming("svc"), annotate("kept", "yes")}, c.edit...)...)
			w.pass()
			equal(t, "class", w.specText("a", ing, "ingressClassName"), c.class)
			got := w.given("a", ing).GetAnnotations()
			equal(t, "annotation", got[v1alpha1.AnnotationIngressClass], c.annotation)
			equal(t, "the other annotation", got["kept"], "yes")
			tls, named, _ := unstructured.NestedSlice(w.given("a", ing).Object, "spec", "tls")
			equal(t, "names the lists that it does not set", named && len(tls) == 0, c.class == v1alpha1.IngressClass)
			if _, said, _ := unstructured.NestedString(w.specs[key(ing)].Object.Object, "spec", "ingressClassName"); said && c.edit == nil {
				t.Error("the spec was changed")
			}
		})
	}
}

func TestBackendsOfServedIngressesAreExposed(t *testing.T) {
	for name, c := range map[string]struct {
		service string
		edit    func(*unstructured.Unstructured)
		want    string
	}{
		"of no type":         {service: plainService, want: "NodePort"},
		"of type ClusterIP":  {service: `{"type":"ClusterIP","ports":[{"port":80}]}`, want: "NodePort"},
		"headless":           {service: `{"clusterIP":"None","ports":[{"port":80}]}`},
		"headless by list":   {service: `{"clusterIPs":["None"],"ports":[{"port":80}]}`},
		"another's name":     {service: `{"type":"ExternalName","externalName":"x.example"}`, want: "ExternalName"},
		"a load balancer":    {service: `{"type":"LoadBalancer","ports":[{"port":80}]}`, want: "LoadBalancer"},
		"without ports":      {service: `{}`},
		"not to be exposed":  {service: plainService, edit: annotate(v1alpha1.AnnotationExpose, "false")},
		"explicitly exposed": {service: plainService, edit: annotate(v1alpha1.AnnotationExpose, "true"), want: "NodePort"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.put(ing, naming("svc"))
			edits := []func(*unstructured.Unstructured){spec(c.service)}
			if c.edit != nil {
				edits = append(edits, c.edit)
			}
			w.put(svc, edits...)
			w.put("default/services/other", spec(plainService))
			w.put("_cluster/namespaces/n")
			w.put("n/services/svc", spec(plainService))
			w.pass()
			equal(t, "type", w.specText("a", svc, "type"), c.want)
			equal(t, "type of one that is not named", w.specText("a", "default/services/other", "type"), "")
			equal(t, "type of one in another namespace", w.specText("a", "n/services/svc", "type"), "")
			equal(t, "reason", strings.Contains(w.why(svc, "a"), "of type NodePort"), c.want == "NodePort")
		})
	}
}

// TestExposureFollowsTheIngress: with a cache, a Service is rendered anew when
// it becomes a backend, and when it is one no longer.
func TestExposureFollowsTheIngress(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.cache = NewCache()
	w.put(svc, spec(plainService))
	w.put("default/services/two", spec(plainService))
	expect := func(when, one, two string) {
		t.Helper()
		w.settle()
		for _, c := range []string{"a", "b"} {
			equal(t, when+": svc in "+c, w.specText(c, svc, "type"), one)
			equal(t, when+": two in "+c, w.specText(c, "default/services/two", "type"), two)
		}
		equal(t, when+": generation", w.records[key(svc)].Generation, 1)
	}
	expect("at first", "", "")
	w.put(ing, naming("svc"))
	expect("named", "NodePort", "")
	w.put(ing, naming("two"))
	expect("another named", "", "NodePort")
	w.put(ing, spec(`{"defaultBackend":{"service":{"name":"svc","port":{"number":80}}}}`))
	expect("by default", "NodePort", "")
	w.put(ing, spec(`{"ingressClassName":"nginx","defaultBackend":{"service":{"name":"svc","port":{"number":80}}}}`))
	expect("of another class", "", "")
	w.put(ing, naming("svc", "two"))
	expect("both", "NodePort", "NodePort")
	kept := w.specs[key(ing)]
	delete(w.specs, key(ing))
	expect("the Ingress's spec vanished", "NodePort", "NodePort")
	w.broken = []Broken{{Key: key(ing), Generation: 9, Message: "no YAML"}}
	expect("the Ingress's spec cannot be read", "NodePort", "NodePort")
	w.broken, w.specs[key(ing)] = nil, kept
	w.put(ing, deleted(""))
	w.pass()
	w.ack("a", "b")
	expect("deleted", "", "")
}

func TestExposureKeepsOverrides(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.put(ing, naming("svc"))
	w.put(svc, spec(plainService))
	w.place("p", `{"objects":[{"kind":"Service"}],"overrides":[
		{"clusters":{"names":["a"]},"patch":[{"op":"add","path":"/spec/type","value":"LoadBalancer"}]},
		{"clusters":{"names":["b"]},"patch":[{"op":"add","path":"/spec/clusterIP","value":"None"}]}]}`)
	w.place("q", `{"objects":[{"kind":"Ingress"}],"overrides":[
		{"clusters":{"names":["c"]},"patch":[{"op":"add","path":"/spec/ingressClassName","value":"nginx"}]}]}`)
	w.pass()
	equal(t, "a", w.specText("a", svc, "type"), "LoadBalancer")
	equal(t, "b", w.specText("b", svc, "type"), "")
	equal(t, "c", w.specText("c", svc, "type"), "NodePort")
	equal(t, "class in a", w.specText("a", ing, "ingressClassName"), v1alpha1.IngressClass)
	equal(t, "class in c", w.specText("c", ing, "ingressClassName"), "nginx")
	w.addresses = map[v1alpha1.Key][]string{key(ing): {"192.0.2.1"}}
	w.pass()
	equal(t, "told in a", w.told("a"), ing+"=192.0.2.1")
	equal(t, "told in c, where another controller serves it", w.told("c"), "")
}

// told prints the addresses that a cluster's shard names.
func (w *world) told(cluster string) string {
	var list []string
	for _, a := range w.cluster(cluster).Previous.Addresses {
		list = append(list, a.Key.String()+"="+strings.Join(a.Addresses, ","))
	}
	return strings.Join(list, " ")
}

func TestShardsNameAddresses(t *testing.T) {
	const other = "default/ingresses.networking.k8s.io/a"
	w := newWorld(t, "a", "b")
	w.cache = NewCache()
	w.put(ing, naming("svc"))
	w.put(other, naming("svc"))
	w.restrict(other, "b")
	expect := func(when, a, b string) {
		t.Helper()
		w.pass()
		equal(t, when+": a", w.told("a"), a)
		equal(t, when+": b", w.told("b"), b)
		for _, c := range w.pass().Clusters {
			if c.Changed {
				t.Errorf("%s: %s changes again: %s", when, c.Name, c.Reason)
			}
		}
	}
	w.settle()
	expect("not known", "", "")
	w.addresses = map[v1alpha1.Key][]string{key(ing): {"192.0.2.2", "192.0.2.1", "192.0.2.2"}, key(other): {"192.0.2.1"},
		key("default/ingresses.networking.k8s.io/none"): {"192.0.2.9"}}
	one, two := ing+"=192.0.2.1,192.0.2.2", other+"=192.0.2.1"
	if reason := w.pass().Clusters[0].Reason; reason != "addresses changed" {
		t.Errorf("reason %q", reason)
	}
	expect("known", one, two+" "+one)
	w.addresses = nil
	expect("not known any more", one, two+" "+one)
	w.put(ing, deleted(""))
	expect("deleted meanwhile", "", two)
	w.addresses = map[v1alpha1.Key][]string{key(other): nil}
	expect("without any", "", "")
	w.addresses = map[v1alpha1.Key][]string{}
	expect("none", "", "")
}

func TestAddressesSurviveTheStore(t *testing.T) {
	s := Shard{Addresses: []v1alpha1.ObjectAddresses{{Key: key(ing), Addresses: []string{"192.0.2.1"}}}}
	if got := FromRevision(s.Revision()); !slices.Equal(got.Addresses[0].Addresses, []string{"192.0.2.1"}) || got.Addresses[0].Key != key(ing) {
		t.Errorf("%+v", got)
	}
}
