package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// podSpecs is where kinds keep the spec of their pods, below spec.
var podSpecs = map[string][]string{
	"Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"}, "DaemonSet": {"spec", "template", "spec"},
	"ReplicaSet": {"spec", "template", "spec"}, "ReplicationController": {"spec", "template", "spec"}, "Job": {"spec", "template", "spec"},
	"CronJob": {"spec", "jobTemplate", "spec", "template", "spec"}, "Pod": {"spec"},
}

// runsPods are the resources of those kinds.
var runsPods = map[string]bool{"deployments.apps": true, "statefulsets.apps": true, "daemonsets.apps": true, "replicasets.apps": true,
	"replicationcontrollers": true, "jobs.batch": true, "cronjobs.batch": true, "pods": true}

// references lists what an object's pods name in its namespace, sorted.
func references(s *Spec) []v1alpha1.Key {
	path, ok := podSpecs[s.Object.GetKind()]
	if !ok {
		return nil
	}
	r := refs{namespace: s.Key.Namespace}
	if s.Object.GetKind() == "StatefulSet" {
		name, _, _ := unstructured.NestedString(s.Object.Object, "spec", "serviceName")
		r.add("services", name)
	}
	pod, _, _ := unstructured.NestedFieldNoCopy(s.Object.Object, path...)
	if pod, ok := pod.(map[string]any); ok {
		r.pod(pod)
	}
	slices.SortFunc(r.keys, v1alpha1.Key.Compare)
	return slices.Compact(r.keys)
}

type refs struct {
	namespace string
	keys      []v1alpha1.Key
}

func (r *refs) add(resource, name string) {
	if name != "" {
		r.keys = append(r.keys, v1alpha1.Key{Namespace: r.namespace, Resource: resource, Name: name})
	}
}

func (r *refs) pod(pod map[string]any) {
	r.add("serviceaccounts", text(pod, "serviceAccountName"))
	r.add("serviceaccounts", text(pod, "serviceAccount"))
	for _, s := range maps(pod, "imagePullSecrets") {
		r.add("secrets", text(s, "name"))
	}
	for _, v := range maps(pod, "volumes") {
		r.volume(v)
	}
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, c := range maps(pod, list) {
			r.container(c)
		}
	}
}

func (r *refs) volume(v map[string]any) {
	r.add("configmaps", text(child(v, "configMap"), "name"))
	r.add("secrets", text(child(v, "secret"), "secretName"))
	r.add("persistentvolumeclaims", text(child(v, "persistentVolumeClaim"), "claimName"))
	for _, source := range maps(child(v, "projected"), "sources") {
		r.add("configmaps", text(child(source, "configMap"), "name"))
		r.add("secrets", text(child(source, "secret"), "name"))
	}
}

func (r *refs) container(c map[string]any) {
	for _, from := range maps(c, "envFrom") {
		r.add("configmaps", text(child(from, "configMapRef"), "name"))
		r.add("secrets", text(child(from, "secretRef"), "name"))
	}
	for _, env := range maps(c, "env") {
		from := child(env, "valueFrom")
		r.add("configmaps", text(child(from, "configMapKeyRef"), "name"))
		r.add("secrets", text(child(from, "secretKeyRef"), "name"))
	}
}

func text(m map[string]any, field string) string {
	s, _ := m[field].(string)
	return s
}

func child(m map[string]any, field string) map[string]any {
	c, _ := m[field].(map[string]any)
	return c
}

func maps(m map[string]any, field string) []map[string]any {
	list, _ := m[field].([]any)
	var out []map[string]any
	for _, v := range list {
		if e, ok := v.(map[string]any); ok {
			out = append(out, e)
		}
	}
	return out
}

// taken lists those that an item goes along with: none if it has a Placement of
// its own.
func (p *planner) taken(it *item) []*item {
	if it.intent == nil || it.intent.policy.placement != nil {
		return nil
	}
	return p.takers[it.key]
}
