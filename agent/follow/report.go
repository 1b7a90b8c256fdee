package follow

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/agent/observe"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// KindReport is the kind of a stored report.
const KindReport = "Report"

// assemble puts a report together.
func assemble(id Identity, p Progress, facts observe.Facts, objects []v1alpha1.ObjectReport, gone []v1alpha1.GoneObject, conditions []metav1.Condition) *v1alpha1.Report {
	return &v1alpha1.Report{
		TypeMeta:          metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: KindReport},
		Cluster:           id.Cluster,
		FederationUID:     id.FederationUID,
		ClusterUID:        id.ClusterUID,
		MemberUID:         id.MemberUID,
		Agent:             id.Agent,
		AgentVersion:      id.Version,
		KubernetesVersion: facts.KubernetesVersion,
		Region:            facts.Region,
		Zones:             facts.Zones,
		NodeAddresses:     facts.NodeAddresses,
		Sources:           facts.Sources,
		Resources:         facts.Resources,
		Revision:          p.Revision,
		Epoch:             p.Epoch,
		Conditions:        conditions,
		Objects:           objects,
		Gone:              gone,
		Refused:           p.Refused,
	}
}

// reportTarget is the size in bytes from which on a report leaves out what its
// readers can do without. A bucket takes twice as much.
const reportTarget = 8 << 20

// fit encodes the report; if it is too large, without the objects' events, then
// with fewer endpoints, then without messages.
func fit(r *v1alpha1.Report) ([]byte, error) {
	body, err := json.Marshal(r)
	for _, drop := range []func(*v1alpha1.ObjectReport){
		func(o *v1alpha1.ObjectReport) { o.Events = nil },
		func(o *v1alpha1.ObjectReport) { cutEndpoints(o, 100) },
		func(o *v1alpha1.ObjectReport) { o.Message = "" },
		func(o *v1alpha1.ObjectReport) { cutEndpoints(o, 10) },
	} {
		if err != nil || len(body) <= reportTarget {
			break
		}
		for i := range r.Objects {
			drop(&r.Objects[i])
		}
		body, err = json.Marshal(r)
	}
	return body, err
}

// cutEndpoints leaves the first of each port; how many are ready is told still.
// The ports belong to whoever told them.
func cutEndpoints(o *v1alpha1.ObjectReport, most int) {
	o.Ports = slices.Clone(o.Ports)
	for i := range o.Ports {
		p := &o.Ports[i]
		p.Endpoints = p.Endpoints[:min(len(p.Endpoints), most)]
	}
}

// Ours says that a report found in the bucket is by this very member.
func Ours(id Identity, r *v1alpha1.Report) bool {
	return r.FederationUID == id.FederationUID && r.ClusterUID == id.ClusterUID && r.MemberUID == id.MemberUID
}

// conditions brings the member's conditions up to date, keeping the times of
// those that did not turn.
func conditions(old []metav1.Condition, now metav1.Time, unready string, p Progress) []metav1.Condition {
	out := append([]metav1.Condition(nil), old...)
	api := metav1.Condition{Type: v1alpha1.ConditionAPIServer, Status: metav1.ConditionTrue, Reason: "Reachable", LastTransitionTime: now}
	if unready != "" {
		api.Status, api.Reason, api.Message = metav1.ConditionFalse, v1alpha1.ReasonAPIServerUnready, unready
	}
	meta.SetStatusCondition(&out, api)
	meta.SetStatusCondition(&out, refusedCondition(now, p))
	return out
}

func refusedCondition(now metav1.Time, p Progress) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionRefused, Status: metav1.ConditionFalse, Reason: "None", LastTransitionTime: now}
	if len(p.Refused) == 0 {
		return c
	}
	newest := p.Refused[len(p.Refused)-1]
	if newest.Revision <= p.Revision {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionTrue, cmp.Or(newest.Reason, v1alpha1.ReasonCorruptRevision), newest.Message
	return c
}

// restoredCondition says that the agent waits for a user's word, or that it no
// longer does.
func restoredCondition(list []metav1.Condition, now metav1.Time, waiting string) []metav1.Condition {
	return rareCondition(list, now, v1alpha1.ConditionMemberRestored, v1alpha1.ReasonMemberRestored, waiting)
}

// leftoversCondition names the first of what nobody wants in the member.
func leftoversCondition(list []metav1.Condition, now metav1.Time, keys []v1alpha1.Key) []metav1.Condition {
	const most = 5
	message := ""
	if len(keys) > 0 {
		names := make([]string, 0, most+1)
		for _, k := range keys[:min(len(keys), most)] {
			names = append(names, k.String())
		}
		if len(keys) > most {
			names = append(names, "…")
		}
		message = fmt.Sprintf("%d objects bear the federation's mark, but it knows nothing of them: %s. They are left as they are: "+
			"create them again in the federation, which takes them over, or delete them in this cluster", len(keys), strings.Join(names, ", "))
	}
	return rareCondition(list, now, v1alpha1.ConditionLeftovers, v1alpha1.ReasonLeftovers, message)
}

// rareCondition is true while there is a message; most members never have it.
func rareCondition(list []metav1.Condition, now metav1.Time, kind, reason, message string) []metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: "None", LastTransitionTime: now}
	if message != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, reason, message
	}
	if message != "" || meta.FindStatusCondition(list, kind) != nil {
		meta.SetStatusCondition(&list, c)
	}
	return list
}
