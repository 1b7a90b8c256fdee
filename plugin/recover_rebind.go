package plugin

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// bind gives a name to another member. The roster is changed first: the agents
// read it, and so the member can start even if it is the one that is to lead.
func (o *recoverOptions) bind(ctx context.Context, hub Hub) error {
	c, st, err := o.look(ctx, hub)
	if err != nil {
		return err
	}
	uid, err := o.wanted(c, st)
	if err != nil {
		return err
	}
	old, err := boundTo(ctx, hub, c.Name, uid)
	if err != nil {
		return err
	}
	bound := cmp.Or(c.Spec.MemberUID, st.MemberUID)
	if bound == uid && old == nil && st.MemberUID == uid {
		fmt.Fprintf(o.Out, "cluster/%s is bound to member %s already\n", c.Name, uid)
		return nil
	}
	if err := o.confirm(o.yes, consequence(c, old, uid, bound)); err != nil {
		return err
	}
	return o.rewrite(ctx, hub, c, old, uid)
}

// wanted is the member that the user names, or else the one that asks.
func (o *recoverOptions) wanted(c *v1alpha1.Cluster, st v1alpha1.ClusterStatus) (string, error) {
	switch {
	case o.memberUID != "":
		return o.memberUID, nil
	case st.Claim != nil && st.Claim.MemberUID != "":
		return st.Claim.MemberUID, nil
	}
	return "", fmt.Errorf("no other member asks for the name %s: start its agent there first, or name it with --member-uid "+
		"(kubectl get namespace kube-system -o jsonpath='{.metadata.uid}' in that cluster)", c.Name)
}

// rewrite changes the roster and tells the leader. It can be run again.
func (o *recoverOptions) rewrite(ctx context.Context, hub Hub, c, old *v1alpha1.Cluster, uid string) error {
	if old != nil {
		if err := o.release(ctx, hub, old.Name); err != nil {
			return err
		}
	}
	c, err := o.updateCluster(ctx, hub, c.Name, func(c *v1alpha1.Cluster) bool {
		lead := c.Spec.LeaderEligible || old != nil && old.Spec.LeaderEligible
		changed := c.Spec.MemberUID != uid || c.Spec.LeaderEligible != lead
		c.Spec.MemberUID, c.Spec.LeaderEligible = uid, lead
		return changed
	})
	if err != nil {
		return err
	}
	if err := o.say(ctx, hub, &v1alpha1.Request{Type: v1alpha1.RequestRebind, Cluster: c.Name, MemberUID: uid, UIDs: []types.UID{c.UID}}); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "cluster/%s bound to member %s\n", c.Name, uid)
	if old != nil {
		fmt.Fprintf(o.ErrOut, "%s is no member's name any more. Strike it off with kubectl fed unjoin %s --orphan --force\n", old.Name, old.Name)
	}
	return nil
}

// boundTo finds the other name that the member takes part under, or nil.
func boundTo(ctx context.Context, hub Hub, name, uid string) (*v1alpha1.Cluster, error) {
	clusters, statuses, err := readMembers(ctx, hub)
	if err != nil {
		return nil, err
	}
	for i := range clusters {
		c := &clusters[i]
		st := statuses[c.Name]
		if c.Name != name && (c.Spec.MemberUID == uid || st.UID == c.UID && st.MemberUID == uid) {
			return c, nil
		}
	}
	return nil, nil
}

// consequence is what the user is asked to agree to.
func consequence(c, old *v1alpha1.Cluster, uid, bound string) string {
	switch {
	case old != nil:
		text := fmt.Sprintf("Member %s takes part as %s and is to be %s from now on. %s is cordoned as lost and bound to no member: "+
			"its share counts as gone and is run elsewhere, what is in the cluster stays", uid, old.Name, c.Name, old.Name)
		if old.Spec.LeaderEligible {
			text += fmt.Sprintf(". %s may lead, as %s might", c.Name, old.Name)
		}
		return text
	case bound != "" && bound != uid:
		return fmt.Sprintf("%s is bound to member %s and is to be bound to member %s. The agent of the former is refused from now on, and what runs there is left alone",
			c.Name, bound, uid)
	}
	return fmt.Sprintf("%s is to be bound to member %s", c.Name, uid)
}

// release takes the old name out of every count.
func (o *recoverOptions) release(ctx context.Context, hub Hub, name string) error {
	_, err := o.updateCluster(ctx, hub, name, func(c *v1alpha1.Cluster) bool {
		done := c.Spec.MemberUID == "" && c.Spec.Cordoned && c.Spec.Lost && !c.Spec.LeaderEligible
		c.Spec.MemberUID, c.Spec.Cordoned, c.Spec.Lost, c.Spec.LeaderEligible = "", true, true, false
		return !done
	})
	if err != nil {
		return fmt.Errorf("release the name %s: %w", name, err)
	}
	fmt.Fprintf(o.Out, "cluster/%s cordoned (lost)\n", name)
	return nil
}
