package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
)

// rebalanceOptions of `rebalance`.
type rebalanceOptions struct {
	*session
	factory cmdutil.Factory
	args    []string
	dryRun  bool
}

func newCmdRebalance(s *session, f cmdutil.Factory) *cobra.Command {
	o := &rebalanceOptions{session: s, factory: f}
	cmd := &cobra.Command{
		Use:   "rebalance TYPE/NAME...",
		Short: "Move replicas to their fair shares, once",
		Long: templates.LongDesc(`
			Move replicas to their fair shares, once.

			Running replicas are not moved by themselves: a cluster that joins or comes back gets what is
			added later. This moves what runs, each replica given up only when its replacement is ready.`),
		Example: templates.Examples(`
			# What would be moved?
			kubectl fed rebalance deployment/web --dry-run

			# Move it
			kubectl fed rebalance deployment/web`),
		ValidArgsFunction: utilcomp.ResourceTypeAndNameCompletionFunc(f),
		Run: func(_ *cobra.Command, args []string) {
			o.args = args
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	addDryRun(cmd, &o.dryRun, "Only show what would be moved: none, client or server")
	return cmd
}

func (o *rebalanceOptions) run(ctx context.Context) error {
	if len(o.args) == 0 {
		return errors.New("name the objects: TYPE/NAME or TYPE NAME, one or more")
	}
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	keys, err := keysOf(o.factory, o.args)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := hub.Spec(ctx, k); err != nil {
			return err
		}
	}
	request := &v1alpha1.Request{Type: v1alpha1.RequestRebalance, Keys: keys}
	if o.dryRun {
		return o.forecast(ctx, hub, request)
	}
	if err := o.say(ctx, hub, request); err != nil {
		return err
	}
	for _, k := range keys {
		fmt.Fprintf(o.Out, "%s/%s rebalancing\n", k.GroupResource(), k.Name)
	}
	return nil
}

func (o *rebalanceOptions) forecast(ctx context.Context, hub Hub, request *v1alpha1.Request) error {
	bucket, err := o.readBucket(ctx, hub)
	if err != nil {
		return err
	}
	in := bucket.Input(manifest.NewDecoder().DecodeSpec, o.now())
	request.ID = "dry-run"
	in.Requests = append(in.Requests, *request)
	named := map[v1alpha1.Key]bool{}
	for _, k := range request.Keys {
		named[k] = true
	}
	result := forecast.Describe(in, plan.Plan(in), func(k v1alpha1.Key) bool { return named[k] })
	return o.printResult(result, "")
}
