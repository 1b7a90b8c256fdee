package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// rolloutPoll is how often a rollout's status is looked at.
const rolloutPoll = time.Second

// rolloutStatus of `rollout status`.
type rolloutStatus struct {
	*rolloutOptions
	watch    bool
	revision int64
	timeout  time.Duration
}

func newCmdRolloutStatus(s *session, f cmdutil.Factory) *cobra.Command {
	o := &rolloutStatus{rolloutOptions: newRolloutOptions(s, f)}
	cmd := &cobra.Command{
		Use:   "status (TYPE NAME | TYPE/NAME) [flags]",
		Short: "Show how far a change has come over the clusters",
		Long: templates.LongDesc(`
			Show how far a change has come over the clusters, and wait until it is done.

			Exits with 0 when the change is in every cluster that answers and healthy there, and with 1
			when the rollout has stopped or was undone.`),
		Example: templates.Examples(`
			# Watch until it is done, for a quarter of an hour at most
			kubectl fed rollout status deployment/web --timeout 15m

			# Look once
			kubectl fed rollout status deployment/web --watch=false`),
	}
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", true, "Watch the status of the rollout until it's done.")
	cmd.Flags().Int64Var(&o.revision, "revision", 0, "Pin to a specific revision for showing its status. Defaults to 0 (last revision).")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "The length of time to wait before ending watch, zero means never. "+
		"Any other values should contain a corresponding time unit (e.g. 1s, 2m, 3h).")
	return o.command(cmd, func(ctx context.Context) error {
		if o.revision < 0 {
			return fmt.Errorf("revision must be a positive integer: %d", o.revision)
		}
		return o.each(func(hub Hub, t target) error { return o.follow(ctx, hub, t) })
	})
}

// follow shows the status whenever it changes, until there is no more to wait for.
func (o *rolloutStatus) follow(ctx context.Context, hub Hub, t target) error {
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	o.waitingFor = fmt.Sprintf("the rollout of %s (it goes on by itself; --watch=false does not wait)", t)
	last := ""
	for {
		text, done, err := o.look(ctx, hub, t)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("timed out waiting for %s: %s", t, strings.TrimSpace(firstLine(last)))
		case err != nil && !apierrors.IsServiceUnavailable(err):
			return err
		case err == nil && text != last:
			fmt.Fprint(o.Out, text)
			last = text
		}
		if err == nil && (done || !o.watch) {
			return nil
		}
		o.waiting(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(rolloutPoll):
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// look reads what is known. The error is also that of a rollout that has failed.
func (o *rolloutStatus) look(ctx context.Context, hub Hub, t target) (text string, done bool, err error) {
	rec, err := hub.Spec(ctx, t.key)
	if apierrors.IsNotFound(err) {
		return "", false, fmt.Errorf("%s has been deleted", t)
	}
	if err != nil {
		return "", false, err
	}
	if o.revision > 0 && o.revision != rec.Generation {
		return "", false, fmt.Errorf("desired revision (%d) is different from the running revision (%d)", o.revision, rec.Generation)
	}
	st, err := hub.ObjectStatus(ctx, t.key)
	if ignoreNotFound(err) != nil {
		return "", false, fmt.Errorf("read the status of %s: %w", t, err)
	}
	name := fmt.Sprintf("%s %q", strings.ToLower(t.object.GetKind()), t.key.Name)
	if err != nil || st.SpecGeneration != rec.Generation {
		return waitsFor(name, "the leader has not followed the last change yet"), false, nil
	}
	return shown(t, name, st)
}

func waitsFor(name, what string) string {
	return fmt.Sprintf("Waiting for %s rollout to finish: %s\n", name, what)
}

// shown is one look at a status of the newest change.
func shown(t target, name string, st *v1alpha1.ObjectStatus) (text string, done bool, err error) {
	if held := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionHeld); held != nil && held.Status == "True" {
		return waitsFor(name, fmt.Sprintf("it is held: %s: %s", held.Reason, held.Message)), false, nil
	}
	if r := st.Rollout; r != nil {
		switch r.Phase {
		case v1alpha1.RolloutComplete:
			return finished(name, r), true, nil
		case v1alpha1.RolloutStopped, v1alpha1.RolloutUndone:
			return "", false, stoppedError(t, r)
		}
		return waitsFor(name, r.Message) + clusterLists(st), false, nil
	}
	if meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionAvailable) {
		return fmt.Sprintf("%s successfully rolled out\n", name), true, nil
	}
	what := "nothing is known of it yet"
	if c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionAvailable); c != nil {
		what = c.Message
	}
	return waitsFor(name, what), false, nil
}

func finished(name string, r *v1alpha1.RolloutStatus) string {
	text := fmt.Sprintf("%s successfully rolled out\n", name)
	if r.Message != "complete" {
		text = fmt.Sprintf("%s successfully rolled out: %s\n", name, r.Message)
	}
	return text
}

// clusterLists says which clusters have the change, and which do not yet.
func clusterLists(st *v1alpha1.ObjectStatus) string {
	r := st.Rollout
	var left []string
	for _, c := range st.Clusters {
		if !slices.Contains(r.Updated, c.Cluster) && !slices.Contains(r.Skipped, c.Cluster) {
			left = append(left, c.Cluster)
		}
	}
	text := ""
	for _, l := range []struct {
		label string
		names []string
	}{{"updated", r.Updated}, {"failed", r.Failed}, {"skipped", r.Skipped}, {"to come", left}} {
		if len(l.names) > 0 {
			text += fmt.Sprintf("  %-8s %s\n", l.label+":", strings.Join(l.names, ", "))
		}
	}
	return text
}

// stoppedError says what has failed, and what to do.
func stoppedError(t target, r *v1alpha1.RolloutStatus) error {
	wayOut := fmt.Sprintf("submit a corrected manifest, or go back with kubectl fed rollout undo %s", t)
	if r.Phase == v1alpha1.RolloutUndone {
		return fmt.Errorf("the rollout of %s failed and was undone: %s. The clusters go back to version %d, the spec still holds the new one: %s",
			t, r.Message, r.Base, wayOut)
	}
	return fmt.Errorf("the rollout of %s has stopped: %s. What has the new version keeps it: %s", t, r.Message, wayOut)
}
