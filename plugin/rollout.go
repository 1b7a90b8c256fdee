package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	kubectlrollout "k8s.io/kubectl/pkg/cmd/rollout"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/scheme"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/rollout"
)

// newCmdRollout is kubectl's rollout for a federation: kubectl's own looks at
// the ReplicaSets of one cluster, ours at waves of clusters and at the versions
// that the bucket keeps. Its restart is kubectl's.
func newCmdRollout(s *session, f cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout SUBCOMMAND",
		Short: "Manage the rollout of a change over the clusters",
		Long: templates.LongDesc(`
			Manage the rollout of a change over the clusters.

			A Placement with a rollout takes a change of an object to its clusters in waves. Without one,
			a change goes everywhere at once; history, undo, restart and status work all the same.`),
		Example: templates.Examples(`
			# Watch a change on its way over the clusters
			kubectl fed rollout status deployment/web

			# Let the next wave begin
			kubectl fed rollout approve deployment/web

			# Go back to the version before
			kubectl fed rollout undo deployment/web`),
		Run: cmdutil.DefaultSubCommandRun(s.Out),
	}
	cmd.AddCommand(newCmdRolloutStatus(s, f), newCmdRolloutPause(s, f), newCmdRolloutResume(s, f), newCmdRolloutApprove(s, f),
		newCmdRolloutUndo(s, f), newCmdRolloutHistory(s, f), kubectlrollout.NewCmdRolloutRestart(f, s.IOStreams))
	return cmd
}

// rolloutOptions are what all subcommands have in common.
type rolloutOptions struct {
	*session
	factory  cmdutil.Factory
	print    *genericclioptions.PrintFlags
	files    resource.FilenameOptions
	selector string
	args     []string
	dryRun   cmdutil.DryRunStrategy
}

func newRolloutOptions(s *session, f cmdutil.Factory) *rolloutOptions {
	return &rolloutOptions{session: s, factory: f, print: genericclioptions.NewPrintFlags("").WithTypeSetter(scheme.Scheme)}
}

// command adds the flags by which kubectl's rollout names objects.
func (o *rolloutOptions) command(cmd *cobra.Command, run func(ctx context.Context) error) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	cmd.ValidArgsFunction = utilcomp.ResourceTypeAndNameCompletionFunc(o.factory)
	cmd.Run = func(_ *cobra.Command, args []string) {
		o.args = args
		if len(args) == 0 && cmdutil.IsFilenameSliceEmpty(o.files.Filenames, o.files.Kustomize) {
			cmdutil.CheckErr(errors.New("required resource not specified"))
		}
		cmdutil.CheckErr(run(o.ctx))
	}
	cmdutil.AddFilenameOptionFlags(cmd, &o.files, "identifying the resource to get from a server.")
	cmdutil.AddLabelSelectorFlagVar(cmd, &o.selector)
	return cmd
}

// target is one object that a command is about.
type target struct {
	info   *resource.Info
	object *unstructured.Unstructured
	key    v1alpha1.Key
}

func (t target) String() string { return t.key.GroupResource().String() + "/" + t.key.Name }

// each does something with every object that was named.
func (o *rolloutOptions) each(do func(hub Hub, t target) error) error {
	hub, err := o.Hub()
	if err != nil {
		return err
	}
	namespace, enforce, err := o.factory.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	infos, err := o.factory.NewBuilder().Unstructured().ContinueOnError().
		NamespaceParam(namespace).DefaultNamespace().FilenameParam(enforce, &o.files).LabelSelectorParam(o.selector).
		ResourceTypeOrNameArgs(true, o.args...).Latest().Flatten().Do().Infos()
	if len(infos) == 0 && err == nil {
		fmt.Fprintf(o.ErrOut, "No resources found in %s namespace.\n", namespace)
	}
	faults := []error{err}
	for _, info := range infos {
		t, err := targetOf(info)
		if err == nil {
			err = do(hub, t)
		}
		faults = append(faults, err)
	}
	return oneError(faults)
}

func targetOf(info *resource.Info) (target, error) {
	obj, ok := info.Object.(*unstructured.Unstructured)
	gr := info.Mapping.Resource.GroupResource()
	if !ok || gr.Group == v1alpha1.Group && (gr.Resource == "clusters" || gr.Resource == "federations") {
		return target{}, fmt.Errorf("%s/%s: it is not placed in clusters, so nothing of it is rolled out", gr, info.Name)
	}
	// An old version's group is another; its plural is the same.
	return target{info: info, object: obj, key: v1alpha1.Key{Namespace: obj.GetNamespace(), Group: obj.GroupVersionKind().Group,
		Resource: gr.Resource, Name: obj.GetName()}}, nil
}

// printed shows the object as kubectl does after a change.
func (o *rolloutOptions) printed(t target, operation string) error {
	o.print.NamePrintFlags.Operation = operation
	cmdutil.PrintFlagsWithDryRunStrategy(o.print, o.dryRun)
	printer, err := o.print.ToPrinter()
	if err != nil {
		return err
	}
	return printer.PrintObj(t.object, o.Out)
}

// annotate sets an annotation of the spec, or removes it where value is nil.
// A race with another writer is run again on what that one left.
func (o *rolloutOptions) annotate(t *target, name string, value *string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{name: value}}})
	if err != nil {
		return err
	}
	changed, err := resource.NewHelper(t.info.Client, t.info.Mapping).Patch(t.info.Namespace, t.info.Name, types.MergePatchType, patch, nil)
	if err != nil {
		return err
	}
	if obj, ok := changed.(*unstructured.Unstructured); ok {
		t.object = obj
	}
	return nil
}

func newCmdRolloutPause(s *session, f cmdutil.Factory) *cobra.Command {
	o := newRolloutOptions(s, f)
	cmd := &cobra.Command{
		Use:   "pause (TYPE NAME | TYPE/NAME) [flags]",
		Short: "Give a change to no further cluster",
		Long: templates.LongDesc(`
			Give a change to no further cluster. Clusters that have it keep it; replicas are divided and
			moved as ever.`),
		Example: "  # Stop where it is\n  kubectl fed rollout pause deployment/web",
	}
	o.print.AddFlags(cmd)
	return o.command(cmd, func(ctx context.Context) error {
		return o.each(func(hub Hub, t target) error { return o.pause(ctx, hub, t) })
	})
}

func (o *rolloutOptions) pause(ctx context.Context, hub Hub, t target) error {
	if t.object.GetAnnotations()[v1alpha1.AnnotationRolloutPaused] == "true" {
		return fmt.Errorf("%s is already paused", t)
	}
	if st, err := hub.ObjectStatus(ctx, t.key); err == nil && st.Rollout == nil {
		o.warn("no Placement takes %s to its clusters in waves: a change of it goes everywhere at once, paused or not", t)
	}
	yes := "true"
	if err := o.annotate(&t, v1alpha1.AnnotationRolloutPaused, &yes); err != nil {
		return err
	}
	return o.printed(t, "paused")
}

func newCmdRolloutResume(s *session, f cmdutil.Factory) *cobra.Command {
	o := newRolloutOptions(s, f)
	cmd := &cobra.Command{
		Use:     "resume (TYPE NAME | TYPE/NAME) [flags]",
		Short:   "Go on with a rollout that was paused",
		Example: "  # Go on\n  kubectl fed rollout resume deployment/web",
	}
	o.print.AddFlags(cmd)
	return o.command(cmd, func(context.Context) error {
		return o.each(func(_ Hub, t target) error {
			if _, paused := t.object.GetAnnotations()[v1alpha1.AnnotationRolloutPaused]; !paused {
				return fmt.Errorf("%s is not paused", t)
			}
			if err := o.annotate(&t, v1alpha1.AnnotationRolloutPaused, nil); err != nil {
				return err
			}
			return o.printed(t, "resumed")
		})
	})
}

// approveRollout of `rollout approve`.
type approveRollout struct {
	*rolloutOptions
	wave    int64
	timeout time.Duration
}

// approveFor is how long the leader may take to follow what was written last.
const approveFor = 30 * time.Second

func newCmdRolloutApprove(s *session, f cmdutil.Factory) *cobra.Command {
	o := &approveRollout{rolloutOptions: newRolloutOptions(s, f)}
	cmd := &cobra.Command{
		Use:   "approve (TYPE NAME | TYPE/NAME) [flags]",
		Short: "Let the wave begin that waits for approval",
		Long: templates.LongDesc(`
			Let the wave begin that waits for approval. The approval is for the content that is being rolled
			out, as the leader knows it: who changes the object voids it.`),
		Example: templates.Examples(`
			# Let the wave begin that waits
			kubectl fed rollout approve deployment/web

			# Let it go up to the third wave without asking again
			kubectl fed rollout approve deployment/web --wave 3`),
	}
	cmd.Flags().Int64Var(&o.wave, "wave", 0, "The wave up to which it may go on, counted from 1. Default: the one that waits")
	cmd.Flags().DurationVar(&o.timeout, "timeout", approveFor, "How long to wait for the leader to follow the last change")
	o.print.AddFlags(cmd)
	return o.command(cmd, func(ctx context.Context) error {
		if o.wave < 0 {
			return fmt.Errorf("--wave %d: waves are counted from 1", o.wave)
		}
		return o.each(func(hub Hub, t target) error { return o.approve(ctx, hub, t) })
	})
}

func (o *approveRollout) approve(ctx context.Context, hub Hub, t target) error {
	st, err := o.followed(ctx, hub, t)
	if err != nil {
		return err
	}
	wave, err := o.approvable(t, st)
	if err != nil {
		return err
	}
	text := rollout.Approval(wave, st.Hash)
	if err := o.annotate(&t, v1alpha1.AnnotationRolloutApproved, &text); err != nil {
		return err
	}
	return o.printed(t, fmt.Sprintf("approved up to wave %d", wave+1))
}

// followed is the rollout's status once the leader has followed the last
// change of the object.
func (o *approveRollout) followed(ctx context.Context, hub Hub, t target) (*v1alpha1.RolloutStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	o.waitingFor = "the leader to follow the last change of " + t.String()
	for {
		st, err := hub.ObjectStatus(ctx, t.key)
		if ignoreNotFound(err) != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("read the status of %s: %w", t, err)
		}
		if err == nil && fmt.Sprint(st.SpecGeneration) == t.object.GetResourceVersion() {
			return st.Rollout, nil
		}
		o.waiting(ctx)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: the leader has not followed its last change within %s, so it is not known what waits for approval; try again", t, o.timeout)
		case <-time.After(rolloutPoll):
		}
	}
}

// approvable is the wave, from 0, that the approval is for.
func (o *approveRollout) approvable(t target, st *v1alpha1.RolloutStatus) (int64, error) {
	switch {
	case st == nil:
		return 0, fmt.Errorf("no Placement takes %s to its clusters in waves: there is nothing to approve", t)
	case st.Phase == v1alpha1.RolloutComplete:
		return 0, fmt.Errorf("the rollout of %s is complete: there is nothing to approve", t)
	case st.Phase == v1alpha1.RolloutStopped || st.Phase == v1alpha1.RolloutUndone:
		return 0, stoppedError(t, st)
	case o.wave > st.Waves:
		return 0, fmt.Errorf("--wave %d: the rollout of %s has %d waves", o.wave, t, st.Waves)
	case o.wave > 0:
		return o.wave - 1, nil
	case st.Awaiting == nil:
		return 0, fmt.Errorf("no wave of %s waits for approval now (%s); approve ahead with --wave", t, st.Message)
	}
	return *st.Awaiting, nil
}
