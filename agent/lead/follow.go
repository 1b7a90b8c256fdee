package lead

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// followed is what the users want served, as it is followed: without what is
// being deleted, and as it was where the newest spec is not followed.
type followed struct {
	ingresses, services, workloads, secrets []traffic.Object
	// noSecrets: the federation keeps none.
	noSecrets bool
	// objects are all of them.
	objects map[v1alpha1.Key]*unstructured.Unstructured
	// unknown are some of which that cannot be found out just now.
	unknown bool
}

// list is the one that a key's object belongs into; nil for what has no part
// in serving.
func (f *followed) list(k v1alpha1.Key) *[]traffic.Object {
	switch {
	case v1alpha1.KeyIsIngress(k):
		return &f.ingresses
	case isService(k):
		return &f.services
	case k.Group == "" && k.Resource == "secrets":
		return &f.secrets
	case k.Group == "apps" && workloads[k.Resource], k.Group == "" && k.Resource == "replicationcontrollers":
		return &f.workloads
	}
	return nil
}

// workloads have pod templates, whose readiness probes tell how to ask for
// health.
var workloads = map[string]bool{"deployments": true, "statefulsets": true, "daemonsets": true, "replicasets": true}

// follow finds what is to be served after a plan. What is held stays as it was
// followed: in this term, else as a member's shard has it.
func (p *planner) follow(snap *v1alpha1.Snapshot, objects []plan.Object) *followed {
	next := &followed{objects: map[v1alpha1.Key]*unstructured.Unstructured{}, noSecrets: snap.Federation.Spec.Secrets != v1alpha1.SecretsPlaintext}
	for _, o := range objects {
		list := next.list(o.Key)
		if list == nil || o.Deleting {
			continue
		}
		content := p.content(o)
		if content == nil {
			next.unknown = next.unknown || p.unknown(snap, o)
			continue
		}
		next.objects[o.Key] = content
		*list = append(*list, traffic.Object{Key: o.Key, UID: o.Record.UID, Created: o.Record.Created, Object: content})
	}
	p.followed = next
	return next
}

// unknown says whether an object that has no content was followed by an earlier
// leader, and may yet be found in its spec or in a shard.
func (p *planner) unknown(snap *v1alpha1.Snapshot, o plan.Object) bool {
	err := snap.Unread[o.Key]
	unread := err != nil && !v1alpha1.Unusable(err)
	for _, c := range snap.Clusters {
		_, known := p.heads[c.Name]
		unread = unread || !known
	}
	return unread && o.Record.SpecGeneration != 0
}

// content of an object as it is followed; nil when there is none.
func (p *planner) content(o plan.Object) *unstructured.Unstructured {
	// A budget holds removals back, not the content.
	if d := p.intake.decoded[o.Key]; d.err == nil && d.spec.Object != nil && (o.Held == "" || o.Held == v1alpha1.HeldBudget) {
		return d.spec.Object
	}
	if last := p.followed.objects[o.Key]; last != nil {
		return last
	}
	for _, name := range o.Clusters {
		placed, ok := p.heads[name].shard.Object(o.Key)
		if !ok {
			continue
		}
		content := &unstructured.Unstructured{}
		if json.Unmarshal(placed.Manifest, &content.Object) == nil && content.Object != nil {
			return content
		}
	}
	return nil
}
