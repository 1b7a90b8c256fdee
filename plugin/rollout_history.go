package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// rolloutHistory of `rollout history`.
type rolloutHistory struct {
	*rolloutOptions
	revision int64
}

func newCmdRolloutHistory(s *session, f cmdutil.Factory) *cobra.Command {
	o := &rolloutHistory{rolloutOptions: newRolloutOptions(s, f)}
	cmd := &cobra.Command{
		Use:   "history (TYPE NAME | TYPE/NAME) [flags]",
		Short: "List the versions of an object that the bucket keeps",
		Long: templates.LongDesc(`
			List the versions of an object that the bucket keeps, newest last, and who wrote them (as they
			claim) and why.`),
		Example: templates.Examples(`
			# List the versions
			kubectl fed rollout history deployment/web

			# Show one of them
			kubectl fed rollout history deployment/web --revision=1763700000000001`),
	}
	cmd.Flags().Int64Var(&o.revision, "revision", 0, "Show this version's manifest")
	o.print.AddFlags(cmd)
	return o.command(cmd, func(ctx context.Context) error {
		if o.revision < 0 {
			return fmt.Errorf("revision must be a positive integer: %d", o.revision)
		}
		return o.each(func(hub Hub, t target) error { return o.show(ctx, hub, t) })
	})
}

func (o *rolloutHistory) show(ctx context.Context, hub Hub, t target) error {
	if o.revision > 0 {
		return o.showOne(ctx, hub, t)
	}
	versions, err := hub.SpecHistory(ctx, t.key)
	if err != nil {
		return fmt.Errorf("read the history of %s: %w", t, err)
	}
	slices.Reverse(versions)
	out := newOutline(o.Out)
	defer out.flush()
	fmt.Fprintln(out.w, t)
	fmt.Fprintln(out.w, "REVISION\tDATE\tAUTHOR\tREASON")
	for _, v := range versions {
		fmt.Fprintf(out.w, "%d\t%s\t%s\t%s\n", v.Generation, date(v.Updated), orNone(v.Provenance.Author), orNone(v.Provenance.Reason))
	}
	fmt.Fprintln(out.w)
	return nil
}

func (o *rolloutHistory) showOne(ctx context.Context, hub Hub, t target) error {
	rec, err := versionOf(ctx, hub, t, o.revision)
	if err != nil {
		return err
	}
	t.object, err = o.decodeVersion(rec)
	if err != nil {
		return err
	}
	if !o.print.OutputFlagSpecified() {
		yamlFormat := "yaml"
		o.print.OutputFormat = &yamlFormat
	}
	return o.printed(t, "")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return t.UTC().Format(time.RFC3339)
}

func orNone(text string) string {
	if text == "" {
		return "<none>"
	}
	return oneLine(text)
}

func versionOf(ctx context.Context, hub Hub, t target, generation int64) (*v1alpha1.SpecRecord, error) {
	rec, err := hub.SpecAt(ctx, t.key, generation)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("unable to find revision %d of %s: kubectl fed rollout history lists those that are kept", generation, t)
	}
	if err != nil {
		return nil, fmt.Errorf("read revision %d of %s: %w", generation, t, err)
	}
	return rec, nil
}

// decodeVersion reads a past spec. Of a kind that only this federation knows,
// it is taken as it is: what is written back is checked anyway.
func (s *session) decodeVersion(rec *v1alpha1.SpecRecord) (*unstructured.Unstructured, error) {
	o, err := manifest.DecodeSpec(*rec, s.table)
	if err == nil {
		return o.Object, nil
	}
	if !manifest.IsNoKind(err) {
		return nil, fmt.Errorf("revision %d: %w", rec.Generation, err)
	}
	text, err := yaml.YAMLToJSON(rec.Body)
	if err != nil {
		return nil, fmt.Errorf("revision %d: %w", rec.Generation, err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("revision %d: %w", rec.Generation, err)
	}
	return u, nil
}
