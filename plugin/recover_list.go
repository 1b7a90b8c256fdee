package plugin

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// ailment is something that waits for a user's word, or that the user is to
// know of.
type ailment struct {
	what    string // federation/NAME or cluster/NAME
	message string
	command string // that ends it; empty when there is none to give
}

// list shows what is refused and the way out of each. With a cluster, only what
// is about that.
func (o *recoverOptions) list(ctx context.Context, hub Hub, f *v1alpha1.Federation) error {
	found, err := o.ailments(ctx, hub, f)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		fmt.Fprintln(o.ErrOut, "Nothing waits to be recovered.")
		return nil
	}
	for _, a := range found {
		fmt.Fprintf(o.Out, "%s: %s\n", a.what, a.message)
		if a.command != "" {
			fmt.Fprintf(o.Out, "  %s\n", a.command)
		}
	}
	return nil
}

func (o *recoverOptions) ailments(ctx context.Context, hub Hub, f *v1alpha1.Federation) ([]ailment, error) {
	var found []ailment
	status, err := hub.FederationStatus(ctx)
	if ignoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the federation's status: %w", err)
	}
	if halted := halt(status); err == nil && halted != "" && o.cluster == "" {
		found = append(found, ailment{"federation/" + f.Name, halted, "kubectl fed recover --accept-restore"})
	}
	clusters, statuses, err := readMembers(ctx, hub)
	if err != nil {
		return nil, err
	}
	for _, c := range clusters {
		if st := statuses[c.Name]; st.UID == c.UID && (o.cluster == "" || o.cluster == c.Name) {
			found = append(found, ailmentsOf(c, st)...)
		}
	}
	return found, nil
}

// readMembers reads the members and what the leader says of them, by name.
func readMembers(ctx context.Context, hub Hub) ([]v1alpha1.Cluster, map[string]v1alpha1.ClusterStatus, error) {
	clusters, err := hub.Clusters(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the members: %w", err)
	}
	statuses, err := hub.ClusterStatuses(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the status of the members: %w", err)
	}
	return clusters, statuses, nil
}

// ailmentsOf are those of one cluster.
func ailmentsOf(c v1alpha1.Cluster, st v1alpha1.ClusterStatus) (found []ailment) {
	for _, x := range []struct{ condition, command string }{
		{v1alpha1.ConditionMemberRestored, "kubectl fed recover cluster " + c.Name + " --accept-member"},
		{v1alpha1.ConditionNameConflict, "kubectl fed recover cluster " + c.Name + " --rebind"},
		{v1alpha1.ConditionRefused, ""}, // the leader supersedes it
		{v1alpha1.ConditionLeftovers, ""},
	} {
		if cond := meta.FindStatusCondition(st.Conditions, x.condition); cond != nil && cond.Status == "True" {
			found = append(found, ailment{"cluster/" + c.Name, cond.Reason + ": " + cond.Message, x.command})
		}
	}
	return found
}
