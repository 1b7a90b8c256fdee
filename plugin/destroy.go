package plugin

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// destroyOptions of `destroy`.
type destroyOptions struct {
	*session
	yes    bool
	orphan bool
	legacy legacyFlags
}

const (
	// leadersNotice is how long a candidate's write that began before the
	// federation was gone may take: a leader's call on its lease is that long.
	leadersNotice = 2 * time.Second
	// restoreFor bounds putting the federation back.
	restoreFor = 10 * time.Second
)

func newCmdDestroy(s *session) *cobra.Command {
	o := &destroyOptions{session: s}
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Empty the federation's bucket and forget the federation",
		Long: templates.LongDesc(`
			Empty the federation's bucket and forget the federation.

			All clusters must have left; with --orphan those that have not are let go first and keep
			what they run. The bucket itself stays.`),
		Args: cobra.NoArgs,
		Run:  func(*cobra.Command, []string) { cmdutil.CheckErr(o.run(s.ctx)) },
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "Do not ask")
	cmd.Flags().BoolVar(&o.orphan, "orphan", false, "Let the clusters that are still members go first, keeping what they run")
	o.legacy = addLegacyFlags(cmd.Flags(), kubefedCommon...)
	return cmd
}

func (o *destroyOptions) run(ctx context.Context) error {
	o.legacy.warn(o.session)
	hub, f, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	clusters, err := hub.Clusters(ctx)
	if err != nil {
		return fmt.Errorf("read the members: %w", err)
	}
	if len(clusters) > 0 && !o.orphan {
		return fmt.Errorf("%d clusters are still members of %s: %s. Let them leave first: kubectl fed unjoin NAME (--orphan | --delete), or say destroy --orphan",
			len(clusters), f.Name, names(clusters))
	}
	if err := o.confirmName(f); err != nil {
		return err
	}
	// Those that may lead go last: somebody has to see the others off.
	slices.SortStableFunc(clusters, func(a, b v1alpha1.Cluster) int { return rank(a) - rank(b) })
	for _, c := range clusters {
		u := &unjoinOptions{session: o.session, name: c.Name, orphan: true, wait: true, timeout: unjoinFor, pollEvery: time.Second}
		if err := u.run(ctx); err != nil {
			return err
		}
	}
	return o.empty(ctx, hub, f)
}

func rank(c v1alpha1.Cluster) int {
	if c.Spec.LeaderEligible {
		return 1
	}
	return 0
}

func names(clusters []v1alpha1.Cluster) string {
	list := make([]string, len(clusters))
	for i, c := range clusters {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}

func (o *destroyOptions) confirmName(f *v1alpha1.Federation) error {
	switch {
	case o.yes:
		return nil
	case !o.asks():
		return fmt.Errorf("destroying the federation %s: say --yes, as there is no terminal to ask on", f.Name)
	}
	answer, err := o.ask(fmt.Sprintf("This removes everything in the bucket of the federation. Type its name, %s, to go on:", f.Name))
	if err != nil {
		return err
	}
	if answer != f.Name {
		return fmt.Errorf("nothing was done: %q is not %q", answer, f.Name)
	}
	return nil
}

func (o *destroyOptions) empty(ctx context.Context, hub Hub, f *v1alpha1.Federation) error {
	o.forgetWrites() // there will be nobody to ring for
	if err := o.dissolve(ctx, hub, f); err != nil {
		return err
	}
	told := o.now()
	err := hub.Empty(ctx, func(removed int) {
		if o.now().Sub(told) >= progressEvery {
			told = o.now()
			fmt.Fprintf(o.ErrOut, "%d objects removed from the bucket\n", removed)
		}
	})
	if err != nil {
		return restore(ctx, hub, f, fmt.Errorf("empty the bucket: %w", err))
	}
	fmt.Fprintf(o.Out, "federation/%s destroyed\n", f.Name)
	url, err := o.bucketURL()
	if err != nil {
		return err
	}
	removed, err := o.removeContexts(url)
	for _, name := range removed {
		fmt.Fprintf(o.Out, "Context %q removed from the kubeconfig.\n", name)
	}
	return err
}

// dissolve removes federation.yaml alone and waits until nobody can begin to
// lead any more: a lease written into an empty bucket would stay behind.
func (o *destroyOptions) dissolve(ctx context.Context, hub Hub, f *v1alpha1.Federation) error {
	generation, err := strconv.ParseInt(f.ResourceVersion, 10, 64)
	if err != nil {
		return fmt.Errorf("remove the federation: resourceVersion: %w", err)
	}
	if err := hub.DeleteFederation(ctx, generation); err != nil {
		return fmt.Errorf("remove the federation: %w", err)
	}
	select {
	case <-ctx.Done():
		return restore(ctx, hub, f, ctx.Err())
	case <-time.After(leadersNotice):
		return nil
	}
}

// restore puts the federation back where the bucket could not be emptied, so
// that destroy can be run again.
func restore(ctx context.Context, hub Hub, f *v1alpha1.Federation, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreFor)
	defer cancel()
	if err := hub.CreateFederation(ctx, f); err != nil {
		return fmt.Errorf("%w; and putting the federation back: %w. Run init and then destroy again", cause, err)
	}
	return fmt.Errorf("%w; run destroy again", cause)
}

// forgetWrites leaves nothing for the bell.
func (s *session) forgetWrites() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.written)
}
