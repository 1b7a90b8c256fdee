package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
)

// whyOptions of `why`.
type whyOptions struct {
	*session
	factory  cmdutil.Factory
	args     []string
	cluster  string
	revision int64
	at       string
}

func newCmdWhy(s *session, f cmdutil.Factory) *cobra.Command {
	o := &whyOptions{session: s, factory: f}
	cmd := &cobra.Command{
		Use:   "why TYPE NAME",
		Short: "Tell why each cluster has what it has of an object",
		Long: templates.LongDesc(`
			Tell why each cluster has what it has of an object.

			Every revision of a cluster's shard keeps what it was decided from. With --at, or
			--cluster and --revision, tells why it was so then; revisions are kept in limited number.`),
		Example: templates.Examples(`
			# Why does each cluster have what it has?
			kubectl fed why deployment web

			# Why was it so yesterday, and in one revision of one cluster?
			kubectl fed why deployment web --at 2026-11-20T10:00:00Z
			kubectl fed why deployment web --cluster us-east1-b --revision 17`),
		ValidArgsFunction: utilcomp.ResourceTypeAndNameCompletionFunc(f),
		Run: func(_ *cobra.Command, args []string) {
			o.args = args
			cmdutil.CheckErr(o.validate())
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmd.Flags().StringVar(&o.cluster, "cluster", "", "Tell of this cluster only")
	cmd.Flags().Int64Var(&o.revision, "revision", 0, "Tell of this revision of the cluster's shard")
	cmd.Flags().StringVar(&o.at, "at", "", "Tell of the time, as RFC 3339 or a duration ago: 2026-11-20T10:00:00Z, 2h")
	return cmd
}

func (o *whyOptions) validate() error {
	switch {
	case len(o.args) == 0:
		return errors.New("name the object: TYPE NAME or TYPE/NAME")
	case o.revision < 0:
		return errors.New("--revision must be a positive number")
	case o.revision > 0 && o.cluster == "":
		return errors.New("--revision needs --cluster: every cluster has revisions of its own")
	case o.revision > 0 && o.at != "":
		return errors.New("--revision and --at exclude each other")
	case o.cluster != "":
		return clusterName(o.cluster)
	}
	return nil
}

func (o *whyOptions) run(ctx context.Context) error {
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	keys, err := keysOf(o.factory, o.args)
	if err != nil {
		return err
	}
	if len(keys) != 1 {
		return fmt.Errorf("exactly one object is wanted, got %d", len(keys))
	}
	if k := keys[0]; k.Group == v1alpha1.Group {
		return fmt.Errorf("%s are not sent to clusters; see kubectl fed describe %s %s", k.GroupResource(), k.Resource, k.Name)
	}
	if o.cluster != "" {
		if _, err := hub.Cluster(ctx, o.cluster); err != nil {
			return err
		}
	}
	switch {
	case o.revision > 0:
		return o.tellRevision(ctx, hub, keys[0], o.cluster, o.revision)
	case o.at != "":
		return o.tellThen(ctx, hub, keys[0])
	}
	return o.tellNow(ctx, hub, keys[0])
}

// tellNow asks the planner again.
func (o *whyOptions) tellNow(ctx context.Context, hub Hub, key v1alpha1.Key) error {
	bucket, err := o.readBucket(ctx, hub)
	if err != nil {
		return err
	}
	in := bucket.Input(manifest.NewDecoder().DecodeSpec, o.now())
	result := forecast.Describe(in, plan.Plan(in), func(k v1alpha1.Key) bool { return k == key })
	if len(result.Objects) == 0 {
		return apierrors.NewNotFound(key.GroupResource(), key.Name)
	}
	one := result.Objects[0]
	if o.cluster != "" {
		one.Clusters = slices.DeleteFunc(one.Clusters, func(c forecast.Cluster) bool { return c.Cluster != o.cluster })
	}
	printForecast(o.Out, one)
	if in.Frozen {
		fmt.Fprintln(o.Out, "The federation is frozen: so many clusters are silent that health moves nothing.")
	}
	return nil
}

func (o *whyOptions) moment() (time.Time, error) {
	if ago, err := time.ParseDuration(o.at); err == nil {
		return o.now().Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, o.at)
	if err != nil {
		return t, fmt.Errorf("--at %q: want a time like 2026-11-20T10:00:00Z or a duration like 2h", o.at)
	}
	return t, nil
}

// tellThen finds, for every cluster, the revision that was newest then.
func (o *whyOptions) tellThen(ctx context.Context, hub Hub, key v1alpha1.Key) error {
	at, err := o.moment()
	if err != nil {
		return err
	}
	clusters, err := hub.Clusters(ctx)
	if err != nil {
		return fmt.Errorf("read the members: %w", err)
	}
	var faults []error
	for _, c := range clusters {
		if o.cluster == "" || o.cluster == c.Name {
			faults = append(faults, o.tellCluster(ctx, hub, key, c.Name, at))
		}
	}
	return oneError(faults)
}

func (o *whyOptions) tellCluster(ctx context.Context, hub Hub, key v1alpha1.Key, cluster string, at time.Time) error {
	n, err := hub.HeadRevision(ctx, cluster)
	if err != nil {
		return fmt.Errorf("read the revisions of %s: %w", cluster, err)
	}
	for ; n > 0; n-- {
		shard, _, err := hub.Revision(ctx, cluster, n)
		switch {
		case apierrors.IsNotFound(err):
			fmt.Fprintf(o.Out, "%s: what it had then is no longer kept\n", cluster)
			return nil
		case apierrors.IsInvalid(err):
			continue
		case err != nil:
			return fmt.Errorf("read revision %d of %s: %w", n, cluster, err)
		case !shard.Decision.Time.After(at):
			return o.tellRevision(ctx, hub, key, cluster, n)
		}
	}
	fmt.Fprintf(o.Out, "%s: had nothing yet\n", cluster)
	return nil
}

// tellRevision tells what a revision holds of the object, and the decision that
// made it so: its own, or the last one before that spoke of the object.
func (o *whyOptions) tellRevision(ctx context.Context, hub Hub, key v1alpha1.Key, cluster string, n int64) error {
	shard, _, err := hub.Revision(ctx, cluster, n)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s has no revision %d, or it is no longer kept", cluster, n)
	}
	if err != nil {
		return fmt.Errorf("read revision %d of %s: %w", n, cluster, err)
	}
	fmt.Fprintf(o.Out, "%s, revision %d: %s\n", cluster, n, holding(shard, key))
	for m := n; m > 0; m-- {
		if m < n {
			if shard, _, err = hub.Revision(ctx, cluster, m); err != nil {
				fmt.Fprintln(o.Out, "  why: the revision that decided it is no longer kept")
				return nil
			}
		}
		if reason, ok := shard.Decision.Reasons[key]; ok {
			o.tellDecision(shard, key, reason)
			return nil
		}
	}
	fmt.Fprintln(o.Out, "  why: no revision speaks of it")
	return nil
}

func (o *whyOptions) tellDecision(shard *v1alpha1.Shard, key v1alpha1.Key, reason string) {
	d := shard.Decision
	fmt.Fprintf(o.Out, "  why: %s\n", oneLine(reason))
	fmt.Fprintf(o.Out, "  decided: revision %d, %s, by %s (%s)\n", shard.Revision, when(d.Time), oneLine(d.Leader), oneLine(d.Reason))
	if r, ok := d.Replicas[key]; ok {
		var parts []string
		for name, count := range r.Clusters {
			parts = append(parts, fmt.Sprintf("%s %d", name, count))
		}
		slices.Sort(parts)
		fmt.Fprintf(o.Out, "  division: %d wanted: %s\n", r.Wanted, oneLine(strings.Join(parts, ", ")))
	}
	var verdicts []string
	for name, v := range d.Verdicts {
		verdicts = append(verdicts, name+" "+v)
	}
	if slices.Sort(verdicts); len(verdicts) > 0 {
		fmt.Fprintf(o.Out, "  clusters then: %s\n", oneLine(strings.Join(verdicts, ", ")))
	}
}

// holding says what a revision holds of an object.
func holding(shard *v1alpha1.Shard, key v1alpha1.Key) string {
	placed, ok := plan.FromRevision(shard).Object(key)
	switch {
	case !ok && slices.ContainsFunc(shard.Tombstones, func(t v1alpha1.Tombstone) bool { return t.Key == key }):
		return "it is to be deleted"
	case !ok:
		return "not here"
	case placed.Replicas != plan.NoReplicas:
		return fmt.Sprintf("%d replicas, of spec generation %d", placed.Replicas, placed.Generation)
	}
	return fmt.Sprintf("the whole object, of spec generation %d", placed.Generation)
}
