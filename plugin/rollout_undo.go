package plugin

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/rollout"
)

// undoTries is how often a lost race with another writer is run again.
const undoTries = 5

// rolloutUndo of `rollout undo`.
type rolloutUndo struct {
	*rolloutOptions
	to int64
}

func newCmdRolloutUndo(s *session, f cmdutil.Factory) *cobra.Command {
	o := &rolloutUndo{rolloutOptions: newRolloutOptions(s, f)}
	cmd := &cobra.Command{
		Use:   "undo (TYPE NAME | TYPE/NAME) [flags]",
		Short: "Go back to an earlier version of an object",
		Long: templates.LongDesc(`
			Go back to an earlier version of an object: its spec as it was is written again, as a new
			version, with the number of replicas that it has now.

			Without --to-revision that is the version before: during a rollout, or after one that failed, the
			last that was rolled out completely; else the newest with other content. A rollout policy takes
			it to the clusters in waves, as any change. A pause ends.`),
		Example: templates.Examples(`
			# Go back to the version before
			kubectl fed rollout undo deployment/web

			# Go back to one that rollout history lists
			kubectl fed rollout undo deployment/web --to-revision=1763700000000001`),
	}
	cmd.Flags().Int64Var(&o.to, "to-revision", 0, "The revision to rollback to. Default to 0 (last revision).")
	cmdutil.AddDryRunFlag(cmd)
	o.print.AddFlags(cmd)
	return o.command(cmd, func(ctx context.Context) error {
		var err error
		if o.dryRun, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
			return err
		}
		if o.to < 0 {
			return fmt.Errorf("--to-revision must be a positive integer: %d", o.to)
		}
		return o.each(func(hub Hub, t target) error { return o.undo(ctx, hub, t) })
	})
}

// undo goes back, on what another writer left if need be.
func (o *rolloutUndo) undo(ctx context.Context, hub Hub, t target) error {
	for try := 1; ; try++ {
		err := o.undoOnce(ctx, hub, &t)
		if !apierrors.IsConflict(err) || try == undoTries {
			return err
		}
		if err := t.info.Get(); err != nil {
			return err
		}
		if t, err = targetOf(t.info); err != nil {
			return err
		}
	}
}

func (o *rolloutUndo) undoOnce(ctx context.Context, hub Hub, t *target) error {
	if t.object.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s is being deleted", t)
	}
	old, generation, err := o.earlier(ctx, hub, t)
	if err != nil {
		return err
	}
	next := revived(old, t.object)
	if o.to == 0 {
		o.reasonedAs(fmt.Sprintf("rollout undo to revision %d", generation))
	} else {
		o.reasonedAs(fmt.Sprintf("rollout undo --to-revision=%d", generation))
	}
	operation := "rolled back"
	if o.dryRun != cmdutil.DryRunClient {
		helper := resource.NewHelper(t.info.Client, t.info.Mapping).DryRun(o.dryRun == cmdutil.DryRunServer)
		written, err := helper.Replace(t.info.Namespace, t.info.Name, false, next)
		if err != nil {
			return err
		}
		next, _ = written.(*unstructured.Unstructured)
		if o.dryRun == cmdutil.DryRunNone && next.GetResourceVersion() == t.object.GetResourceVersion() { // nothing was written
			operation = fmt.Sprintf("skipped rollback (it already matches revision %d)", generation)
		}
	}
	t.object = next
	return o.printed(*t, operation)
}

// reasonedAs is kept with what is written, unless the user gave a reason.
func (s *session) reasonedAs(text string) {
	if s.reason == "" {
		s.reason = text
	}
}

// earlier finds the version to go back to.
func (o *rolloutUndo) earlier(ctx context.Context, hub Hub, t *target) (*unstructured.Unstructured, int64, error) {
	generation := o.to
	if generation == 0 {
		generation = base(ctx, hub, t)
	}
	if generation == 0 {
		return o.before(ctx, hub, t)
	}
	rec, err := versionOf(ctx, hub, *t, generation)
	if err != nil {
		return nil, 0, err
	}
	old, err := o.decodeVersion(rec)
	return old, generation, err
}

// base is the version that was last rolled out completely, where another is
// under way or has failed; else 0.
func base(ctx context.Context, hub Hub, t *target) int64 {
	st, err := hub.ObjectStatus(ctx, t.key)
	if err != nil || st.Rollout == nil || st.Rollout.Phase == v1alpha1.RolloutComplete || strconv.FormatInt(st.SpecGeneration, 10) != t.object.GetResourceVersion() {
		return 0
	}
	return st.Rollout.Base
}

// before is the newest version with other content. What lies behind a delete
// was another object.
func (o *rolloutUndo) before(ctx context.Context, hub Hub, t *target) (*unstructured.Unstructured, int64, error) {
	versions, err := hub.SpecHistory(ctx, t.key)
	if err != nil {
		return nil, 0, fmt.Errorf("read the history of %s: %w", t, err)
	}
	current := rollout.Hash(t.object)
	for _, v := range versions {
		if strconv.FormatInt(v.Generation, 10) == t.object.GetResourceVersion() {
			continue
		}
		rec, err := hub.SpecAt(ctx, t.key, v.Generation)
		if apierrors.IsNotFound(err) {
			continue // dropped since it was listed
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read revision %d of %s: %w", v.Generation, t, err)
		}
		old, err := o.decodeVersion(rec)
		if err != nil {
			continue // never followed by anybody
		}
		if old.GetDeletionTimestamp() != nil {
			break
		}
		if rollout.Hash(old) != current {
			return old, v.Generation, nil
		}
	}
	return nil, 0, fmt.Errorf("no rollout history found for %s: the bucket keeps no version of it with other content", t)
}

// revived is a past version for today: it keeps today's identity and scale, and
// no word about a rollout of then.
func revived(old, current *unstructured.Unstructured) *unstructured.Unstructured {
	next := old.DeepCopy()
	next.SetResourceVersion(current.GetResourceVersion())
	next.SetUID("")
	next.SetDeletionTimestamp(nil)
	annotations := next.GetAnnotations()
	for _, a := range []string{v1alpha1.AnnotationRolloutPaused, v1alpha1.AnnotationRolloutApproved, v1alpha1.AnnotationPropagation} {
		delete(annotations, a)
	}
	next.SetAnnotations(annotations)
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(next.Object, "metadata", "annotations")
	}
	replicas, found, err := unstructured.NestedFieldCopy(current.Object, "spec", "replicas")
	if err != nil || !found {
		unstructured.RemoveNestedField(next.Object, "spec", "replicas")
		return next
	}
	_ = unstructured.SetNestedField(next.Object, replicas, "spec", "replicas") // both are of one kind
	return next
}
