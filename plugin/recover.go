package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// recoverOptions of `recover`.
type recoverOptions struct {
	*session
	cluster   string
	restore   bool
	member    bool
	rebind    bool
	memberUID string
	yes       bool
}

func newCmdRecover(s *session, f cmdutil.Factory) *cobra.Command {
	o := &recoverOptions{session: s}
	cmd := &cobra.Command{
		Use:   "recover [--accept-restore | cluster NAME (--accept-member | --rebind)]",
		Short: "Go on after a restore, a rebuilt cluster or a new name",
		Long: templates.LongDesc(`
			Go on after a restore, a rebuilt cluster or a new name.

			What went back in time, or turns up under another name, is refused until you say what is
			meant: nothing is changed in the members before. Without arguments, shows what waits for
			such a word, and the command that says it.`),
		Example: templates.Examples(`
			# Show what waits for a word
			kubectl fed recover

			# The bucket was restored from a backup: go on from it as it is
			kubectl fed recover --accept-restore

			# A cluster was restored from a backup: bring it up to date
			kubectl fed recover cluster us-east1-b --accept-member

			# A cluster was rebuilt, or has got a new name: bind the name to it
			kubectl fed recover cluster us-east1-b --rebind`),
		ValidArgsFunction: func(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return []string{"cluster"}, cobra.ShellCompDirectiveNoFileComp
			case 1:
				return utilcomp.CompGetResource(f, "clusters", toComplete), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		Run: func(cmd *cobra.Command, args []string) {
			cmdutil.CheckErr(o.complete(cmd, args))
			cmdutil.CheckErr(o.validate())
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.restore, "accept-restore", false, "Go on from the bucket as it is: it was restored to an earlier state")
	flags.BoolVar(&o.member, "accept-member", false, "Bring the cluster up to date: it was restored from a backup")
	flags.BoolVar(&o.rebind, "rebind", false, "Bind the cluster's name to the member that asks for it")
	flags.StringVar(&o.memberUID, "member-uid", "", "With --rebind: the UID of the member's kube-system namespace, if it is not the one that asks")
	flags.BoolVarP(&o.yes, "yes", "y", false, "Do not ask")
	return cmd
}

func (o *recoverOptions) complete(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case len(args) == 1 && strings.Contains(args[0], "/"):
		args = strings.SplitN(args[0], "/", 2)
	case len(args) != 2:
		return cmdutil.UsageErrorf(cmd, "want nothing, or cluster NAME")
	}
	if kind := strings.ToLower(args[0]); kind != "cluster" && kind != "clusters" {
		return cmdutil.UsageErrorf(cmd, "%q cannot be recovered: want cluster NAME", args[0])
	}
	o.cluster = args[1]
	return clusterName(o.cluster)
}

func (o *recoverOptions) validate() error {
	const most = 253
	switch {
	case o.restore && (o.cluster != "" || o.member || o.rebind):
		return errors.New("--accept-restore is about the whole bucket: it takes no cluster and excludes the other flags")
	case o.member && o.rebind:
		return errors.New("--accept-member and --rebind exclude each other")
	case (o.member || o.rebind) && o.cluster == "":
		return errors.New("name the cluster: kubectl fed recover cluster NAME --accept-member, or --rebind")
	case o.memberUID != "" && !o.rebind:
		return errors.New("--member-uid goes with --rebind")
	case len(o.memberUID) > most || strings.ContainsFunc(o.memberUID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("--member-uid %q is no UID", o.memberUID)
	}
	return nil
}

func (o *recoverOptions) run(ctx context.Context) error {
	hub, f, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	switch {
	case o.restore:
		return o.acceptRestore(ctx, hub, f)
	case o.member:
		return o.acceptMember(ctx, hub)
	case o.rebind:
		return o.bind(ctx, hub)
	}
	return o.list(ctx, hub, f)
}

// acceptRestore goes on from a restored bucket.
func (o *recoverOptions) acceptRestore(ctx context.Context, hub Hub, f *v1alpha1.Federation) error {
	status, err := hub.FederationStatus(ctx)
	if err != nil {
		return fmt.Errorf("read the federation's status: %w", err)
	}
	halted := halt(status)
	if halted == "" {
		return fmt.Errorf("there is nothing to accept: the leader does not report that %s was restored", f.Name)
	}
	if err := o.confirm(o.yes, halted+".\nWhat the bucket says now is to hold: later changes are lost; what it does not know of stays in the members as it is, and is reported"); err != nil {
		return err
	}
	if err := o.say(ctx, hub, &v1alpha1.Request{Type: v1alpha1.RequestAcceptRestore}); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "federation/%s: restore accepted\n", f.Name)
	fmt.Fprintln(o.ErrOut, "Planning goes on when all members that answer have been heard, within a minute.")
	return nil
}

// halt is what the leader says of a restored bucket; empty when it plans.
func halt(status *v1alpha1.FederationStatus) string {
	if status == nil {
		return ""
	}
	c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPlanning)
	if c == nil || c.Reason != v1alpha1.HaltRestored {
		return ""
	}
	what, _, _ := strings.Cut(c.Message, ";")
	return what
}

// acceptMember goes on in a member that was restored.
func (o *recoverOptions) acceptMember(ctx context.Context, hub Hub) error {
	c, st, err := o.look(ctx, hub)
	if err != nil {
		return err
	}
	if !meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionMemberRestored) {
		return fmt.Errorf("there is nothing to accept: the agent of %s does not report that its cluster was restored", c.Name)
	}
	if err := o.confirm(o.yes, fmt.Sprintf("%s was restored from a backup. What the federation wants of it is applied over what is there; "+
		"objects that were deleted since the backup are reported, not deleted", c.Name)); err != nil {
		return err
	}
	if err := o.say(ctx, hub, &v1alpha1.Request{Type: v1alpha1.RequestAcceptMember, Cluster: c.Name, UIDs: []types.UID{c.UID}}); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "cluster/%s: restored member accepted\n", c.Name)
	return nil
}

// look reads the cluster and its status.
func (o *recoverOptions) look(ctx context.Context, hub Hub) (*v1alpha1.Cluster, v1alpha1.ClusterStatus, error) {
	c, err := hub.Cluster(ctx, o.cluster)
	if err != nil {
		return nil, v1alpha1.ClusterStatus{}, err
	}
	statuses, err := hub.ClusterStatuses(ctx)
	if err != nil {
		return nil, v1alpha1.ClusterStatus{}, fmt.Errorf("read the status of the members: %w", err)
	}
	st := statuses[c.Name]
	if st.UID != c.UID {
		st = v1alpha1.ClusterStatus{}
	}
	return c, st, nil
}
