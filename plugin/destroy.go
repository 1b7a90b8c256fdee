package plugin

import (
	"context"
	"fmt"
	"slices"
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
	told := o.now()
	err := hub.Empty(ctx, func(removed int) {
		if o.now().Sub(told) >= progressEvery {
			told = o.now()
			fmt.Fprintf(o.ErrOut, "%d objects removed from the bucket\n", removed)
		}
	})
	if err != nil {
		return fmt.Errorf("empty the bucket: %w", err)
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

// forgetWrites leaves nothing for the bell.
func (s *session) forgetWrites() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.written)
}
