package status

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// claim is who asks for the name in vain: an agent that is refused, or one that
// reports all the same.
func (in ClusterStatusInput) claim() *v1alpha1.ClusterClaim {
	c := in.Claim
	if other, ok := in.Seen.Conflict(); ok {
		c = &v1alpha1.ClusterClaim{MemberUID: other.MemberUID, Agent: other.Agent}
	}
	if c == nil {
		return nil
	}
	return &v1alpha1.ClusterClaim{MemberUID: shorten(c.MemberUID), Agent: shorten(c.Agent), BoundTo: shorten(c.BoundTo)}
}

// nameConflict names both sides and the ways out.
func (in ClusterStatusInput) nameConflict() metav1.Condition {
	c := in.claim()
	switch {
	case c == nil:
		return condition(v1alpha1.ConditionNameConflict, false, reasonOneMember, "")
	case c.BoundTo != "":
		return condition(v1alpha1.ConditionNameConflict, true, v1alpha1.ReasonMemberBoundElsewhere,
			fmt.Sprintf("member %s asks for this name, but it is a member already, as %s: nothing is changed in it under this name. "+
				"Install its agent as %s again, or rename the member: kubectl fed recover cluster %s --rebind", c.MemberUID, c.BoundTo, c.BoundTo, in.Cluster.Name))
	}
	return condition(v1alpha1.ConditionNameConflict, true, reasonOtherMember,
		fmt.Sprintf("the name is bound to member %s, but member %s asks for it too; its reports do not count. "+
			"Stop the agent there, or join it under a name of its own. If it is this cluster, rebuilt: kubectl fed recover cluster %s --rebind",
			cmp.Or(in.Verdict.MemberUID, in.Cluster.Spec.MemberUID), c.MemberUID, in.Cluster.Name))
}

// recovery are the conditions that most clusters never have.
func (in ClusterStatusInput) recovery() (found []metav1.Condition) {
	if beat, ok := in.Seen.Beat(); ok && beat.Waiting != "" {
		found = append(found, condition(v1alpha1.ConditionMemberRestored, true, v1alpha1.ReasonMemberRestored, in.restored()))
	}
	if in.Report == nil {
		return found
	}
	if c := meta.FindStatusCondition(in.Report.Conditions, v1alpha1.ConditionLeftovers); c != nil && c.Status == metav1.ConditionTrue {
		found = append(found, condition(v1alpha1.ConditionLeftovers, true, v1alpha1.ReasonLeftovers, c.Message))
	}
	return found
}

// restored is what the agent says of a member that was restored from a backup.
func (in ClusterStatusInput) restored() string {
	if in.Report != nil {
		if c := meta.FindStatusCondition(in.Report.Conditions, v1alpha1.ConditionMemberRestored); c != nil && c.Message != "" {
			return c.Message
		}
	}
	return fmt.Sprintf("the cluster was restored from a backup: nothing is changed in it until `kubectl fed recover cluster %s --accept-member` says so", in.Cluster.Name)
}
