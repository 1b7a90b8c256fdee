package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// cordonOptions of `cordon` and `uncordon`.
type cordonOptions struct {
	*session
	names  []string
	cordon bool
	lost   bool
}

func newCmdCordon(s *session) *cobra.Command {
	o := &cordonOptions{session: s, cordon: true}
	cmd := o.command("cordon NAME...", "Give clusters nothing new; what they have stays")
	cmd.Example = templates.Examples(`
		# Give a cluster nothing new
		kubectl fed cordon us-east1-b

		# Take a cluster that will not come back out of every count
		kubectl fed cordon us-east1-b --lost`)
	cmd.Flags().BoolVar(&o.lost, "lost", false, "The clusters will not come back soon: leave them out of every count, and replace what they ran")
	return cmd
}

func newCmdUncordon(s *session) *cobra.Command {
	o := &cordonOptions{session: s}
	return o.command("uncordon NAME...", "Take clusters back that were cordoned")
}

func (o *cordonOptions) command(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, ValidArgsFunction: o.completeMembers(""), Run: func(cmd *cobra.Command, args []string) {
		if len(args) == 0 {
			cmdutil.CheckErr(cmdutil.UsageErrorf(cmd, "at least one cluster NAME is required"))
		}
		o.names = args
		cmdutil.CheckErr(o.run(o.ctx))
	}}
}

func (o *cordonOptions) run(ctx context.Context) error {
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range o.names {
		faults = append(faults, o.mark(ctx, hub, name))
	}
	return oneError(faults)
}

func (o *cordonOptions) mark(ctx context.Context, hub Hub, name string) error {
	changed := false
	c, err := o.updateCluster(ctx, hub, name, func(c *v1alpha1.Cluster) bool {
		drained := c.Spec.Drained && o.cordon
		changed = c.Spec.Cordoned != o.cordon || c.Spec.Lost != o.lost || c.Spec.Drained != drained
		c.Spec.Cordoned, c.Spec.Lost, c.Spec.Drained = o.cordon, o.lost, drained
		return changed
	})
	if err != nil {
		return err
	}
	word := "cordoned"
	switch {
	case !o.cordon:
		word = "uncordoned"
	case o.lost:
		word = "cordoned (lost)"
	}
	if !changed {
		word = "already " + word
	}
	fmt.Fprintf(o.Out, "cluster/%s %s\n", c.Name, word)
	return nil
}

// updateTries is how often a lost race over a cluster is run again.
const updateTries = 5

// updateCluster changes a member, if change says that there is something to.
func (s *session) updateCluster(ctx context.Context, hub Hub, name string, change func(*v1alpha1.Cluster) bool) (*v1alpha1.Cluster, error) {
	for try := 1; ; try++ {
		c, err := hub.Cluster(ctx, name)
		if err != nil || !change(c) {
			return c, err
		}
		err = hub.UpdateCluster(ctx, c, s.provenance())
		if err == nil {
			s.wroteCluster(c)
			return c, nil
		}
		if !apierrors.IsConflict(err) || try == updateTries {
			return nil, err
		}
	}
}
