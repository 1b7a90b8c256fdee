package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// approveOptions of `approve`.
type approveOptions struct {
	*session
	factory cmdutil.Factory
	args    []string
	all     bool
	cluster string
}

func newCmdApprove(s *session, f cmdutil.Factory) *cobra.Command {
	o := &approveOptions{session: s, factory: f}
	cmd := &cobra.Command{
		Use:   "approve [TYPE/NAME... | --all]",
		Short: "Let removals pass that were held because they are many",
		Long: templates.LongDesc(`
			Let removals pass that were held because they are many.

			A removal that no delete of yours explains (a selector, a taint, an override) is held once
			there are too many of them. Without arguments, shows what is held.`),
		Example: templates.Examples(`
			# Show what is held
			kubectl fed approve

			# Let one object leave the clusters it is no longer meant for
			kubectl fed approve deployment/web`),
		Run: func(_ *cobra.Command, args []string) {
			o.args = args
			cmdutil.CheckErr(o.validate())
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "Approve everything that is held")
	cmd.Flags().StringVar(&o.cluster, "cluster", "", "Approve only what leaves this cluster")
	return cmd
}

func (o *approveOptions) validate() error {
	if o.all && len(o.args) > 0 {
		return errors.New("--all and names exclude each other")
	}
	if o.cluster != "" {
		return clusterName(o.cluster)
	}
	return nil
}

func (o *approveOptions) run(ctx context.Context) error {
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	held, err := heldFor(ctx, hub, v1alpha1.HeldBudget)
	if err != nil {
		return err
	}
	if len(held) == 0 {
		fmt.Fprintln(o.ErrOut, "Nothing is held.")
		if len(o.args) == 0 {
			return nil
		}
	}
	if !o.all && len(o.args) == 0 {
		for _, k := range held {
			fmt.Fprintln(o.Out, display(k))
		}
		fmt.Fprintln(o.ErrOut, "Approve with kubectl fed approve TYPE/NAME..., or --all.")
		return nil
	}
	keys := held
	if !o.all {
		if keys, err = o.named(held); err != nil {
			return err
		}
	}
	// The keys are named even for --all: what is held later is not meant.
	if err := o.say(ctx, hub, &v1alpha1.Request{Type: v1alpha1.RequestApprove, Keys: keys, Cluster: o.cluster}); err != nil {
		return err
	}
	for _, k := range keys {
		fmt.Fprintf(o.Out, "%s/%s approved\n", k.GroupResource(), k.Name)
	}
	return nil
}

func (o *approveOptions) named(held []v1alpha1.Key) ([]v1alpha1.Key, error) {
	keys, err := keysOf(o.factory, o.args)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !slices.Contains(held, k) {
			return nil, fmt.Errorf("%s is not held", display(k))
		}
	}
	return keys, nil
}
