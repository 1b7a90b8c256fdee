package traffic

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// workloads finds what runs a Service's pods, by namespace and any label of
// theirs.
type workloads map[podLabel][]*workload

type podLabel struct{ namespace, name, value string }

type workload struct {
	key    v1alpha1.Key
	labels map[string]any
	// spec of its pods, as it was written.
	spec map[string]any
}

func newWorkloads(objects []Object) workloads {
	w := workloads{}
	for i := range objects {
		if objects[i].Object == nil {
			continue
		}
		found := readWorkload(&objects[i])
		for name, value := range found.labels {
			if text, ok := value.(string); ok {
				l := podLabel{found.key.Namespace, name, text}
				w[l] = append(w[l], found)
			}
		}
	}
	return w
}

// readWorkload takes the pod out of it: itself, or its template.
func readWorkload(o *Object) *workload {
	pod := o.Object.Object
	if o.Key.Resource != "pods" || o.Key.Group != "" {
		pod = child(pod, "spec", "template")
	}
	return &workload{key: o.Key, labels: child(pod, "metadata", "labels"), spec: child(pod, "spec")}
}

// child is a map within, not to be changed; nil where there is none.
func child(o map[string]any, fields ...string) map[string]any {
	v, _, _ := unstructured.NestedFieldNoCopy(o, fields...)
	m, _ := v.(map[string]any)
	return m
}

// probePath is what the readiness probe behind a port asks for, if a carrier
// can ask the same: over HTTP, on that very port, without headers.
func (w workloads) probePath(namespace string, selector map[string]string, p *corev1.ServicePort, tls bool) string {
	for _, found := range w.behind(namespace, selector) {
		var pod corev1.PodSpec
		if runtime.DefaultUnstructuredConverter.FromUnstructured(found.spec, &pod) != nil {
			continue
		}
		for i := range pod.Containers {
			if path := probePath(&pod.Containers[i], p, tls); path != "" {
				return path
			}
		}
	}
	return ""
}

// behind are the workloads that a selector takes, by key; an empty one takes
// none.
func (w workloads) behind(namespace string, selector map[string]string) []*workload {
	if len(selector) == 0 {
		return nil
	}
	name := sortedKeys(selector)[0]
	var found []*workload
	for _, c := range w[podLabel{namespace, name, selector[name]}] {
		if c.spec != nil && c.has(selector) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *workload) int { return a.key.Compare(b.key) })
	return found
}

func (w *workload) has(selector map[string]string) bool {
	for name, value := range selector {
		if w.labels[name] != value {
			return false
		}
	}
	return true
}

func probePath(c *corev1.Container, p *corev1.ServicePort, tls bool) string {
	if c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet == nil {
		return ""
	}
	get := c.ReadinessProbe.HTTPGet
	target := p.TargetPort
	if target.Type == intstr.Int && target.IntVal == 0 {
		target = intstr.FromInt32(p.Port)
	}
	port := containerPort(c, target)
	if port == 0 || port != containerPort(c, get.Port) || get.Host != "" || len(get.HTTPHeaders) > 0 || (get.Scheme == corev1.URISchemeHTTPS) != tls {
		return ""
	}
	if path := cmp.Or(get.Path, "/"); askable(path) {
		return path
	}
	return ""
}

// containerPort by number or name; 0 where it has no port of that name.
func containerPort(c *corev1.Container, p intstr.IntOrString) int32 {
	if p.Type == intstr.Int {
		return p.IntVal
	}
	for _, port := range c.Ports {
		if port.Name == p.StrVal {
			return port.ContainerPort
		}
	}
	return 0
}
