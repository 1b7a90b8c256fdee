package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
)

// planChanges is the exit code that says so, as `kubectl diff` has it; trouble
// has a higher one.
const planChanges = 1

// planOptions of `plan`.
type planOptions struct {
	*session
	files    resource.FilenameOptions
	assume   string
	without  []string
	output   string
	exitCode bool
}

func newCmdPlan(s *session) *cobra.Command {
	o := &planOptions{session: s}
	cmd := &cobra.Command{
		Use:   "plan [-f FILENAME] [--assume FILE] [--without-cluster NAME]",
		Short: "Show what would change, per cluster and with reasons, without changing anything",
		Long: templates.LongDesc(`
			Show what would change, per cluster and with reasons, without changing anything.

			With -f, plans as if the files had been submitted, from the federation as it stands;
			with --assume from a roster in a file, which needs no federation at all. With
			--without-cluster, shows what the loss of a cluster would move. Without any of them, shows
			what the leader is about to do.

			Exits with 0; with --exit-code, with 1 if anything would change; with 2 on trouble.`),
		Example: templates.Examples(`
			# What would this manifest do?
			kubectl fed plan -f web.yaml

			# What would happen if a cluster were lost?
			kubectl fed plan --without-cluster us-east1-b

			# Try a placement on paper
			kubectl fed plan -f web.yaml --assume roster.yaml -o json

			# Write the roster down, for a bug report or another try
			kubectl fed plan -o assumption`),
		Run: func(_ *cobra.Command, args []string) {
			cmdutil.CheckDiffErr(o.validate(args))
			changes, err := o.run(s.ctx)
			cmdutil.CheckDiffErr(err)
			if changes && o.exitCode {
				panic(exit{code: planChanges})
			}
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		cmdutil.CheckDiffErr(cmdutil.UsageErrorf(cmd, "%s", err))
		return nil
	})
	f := cmd.Flags()
	cmdutil.AddJsonFilenameFlag(f, &o.files.Filenames, "Files, directories or URLs with what would be submitted")
	f.BoolVarP(&o.files.Recursive, "recursive", "R", false, "Read the directories of -f with those below them")
	f.StringVar(&o.assume, "assume", "", "File with an assumed roster (kind: Assumption) to plan on instead of the federation's")
	f.StringSliceVar(&o.without, "without-cluster", nil, "Plan as if these clusters had been lost")
	f.StringVarP(&o.output, "output", "o", "", "One of json, yaml, assumption; else a table")
	f.BoolVar(&o.exitCode, "exit-code", false, "Exit with 1 if anything would change")
	return cmd
}

func (o *planOptions) validate(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: name files with -f", args[0])
	}
	switch o.output {
	case "", "json", "yaml", "assumption":
	default:
		return fmt.Errorf("--output %q: want json, yaml or assumption", o.output)
	}
	if o.assume != "" && len(o.files.Filenames) == 0 {
		return errors.New("--assume needs -f: name what would be submitted")
	}
	return nil
}

// run prints the forecast and says whether anything would change.
func (o *planOptions) run(ctx context.Context) (bool, error) {
	sources, err := o.readSources(ctx, o.files.Filenames, o.files.Recursive)
	if err != nil {
		return false, listed(err)
	}
	in, result, err := o.forecast(ctx, sources)
	if err != nil {
		return false, err
	}
	if o.output == "assumption" {
		return result.Changes(), printAs(o.Out, "yaml", forecast.Assumption(in))
	}
	return result.Changes(), o.printResult(result, o.output)
}

func (o *planOptions) forecast(ctx context.Context, sources []source) (plan.Input, forecast.Result, error) {
	if o.assume != "" {
		return o.onPaper(sources)
	}
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return plan.Input{}, forecast.Result{}, err
	}
	all, err := o.decodeInput(sources)
	if err != nil {
		return plan.Input{}, forecast.Result{}, listed(err)
	}
	if err := o.refusals(all); err != nil { // what create would refuse has no future
		return plan.Input{}, forecast.Result{}, listed(err)
	}
	objects, err := o.submitted(all)
	if err != nil {
		return plan.Input{}, forecast.Result{}, err
	}
	bucket, err := o.readBucket(ctx, hub)
	if err != nil {
		return plan.Input{}, forecast.Result{}, err
	}
	now := bucket.Input(manifest.NewDecoder().DecodeSpec, o.now())
	before := plan.Plan(now)
	then := now
	then.Clusters = append([]plan.Cluster(nil), now.Clusters...)
	forecast.Submit(&then, objects)
	if err := o.lose(&then); err != nil {
		return then, forecast.Result{}, err
	}
	after := plan.Plan(then)
	differ := forecast.Differing(before, after)
	alone := len(objects) == 0 && len(o.without) == 0
	return then, forecast.Describe(then, after, func(k v1alpha1.Key) bool {
		return alone || objects[k] != nil || differ[k]
	}), nil
}

// onPaper plans on an assumed roster and asks no bucket for anything.
func (o *planOptions) onPaper(sources []source) (plan.Input, forecast.Result, error) {
	body, err := os.ReadFile(o.assume)
	if err != nil {
		return plan.Input{}, forecast.Result{}, fmt.Errorf("read the assumed roster: %w", err)
	}
	a, err := v1alpha1.ParseAssumption(body)
	if err != nil {
		return plan.Input{}, forecast.Result{}, fmt.Errorf("%s: %w", o.assume, err)
	}
	all, err := decodeSources(sources, o.table.With(definedIn(sources, o.table)...))
	if err != nil {
		return plan.Input{}, forecast.Result{}, listed(err)
	}
	objects, err := o.submitted(all)
	if err != nil {
		return plan.Input{}, forecast.Result{}, err
	}
	in, unknown := forecast.Assumed(a, objects, o.now())
	for _, w := range unknown {
		o.warn("%s: nothing is submitted for the workload %s, it is left out", o.assume, w)
	}
	if err := o.lose(&in); err != nil {
		return in, forecast.Result{}, err
	}
	return in, forecast.Describe(in, plan.Plan(in), func(k v1alpha1.Key) bool { return objects[k] != nil }), nil
}

func (o *planOptions) lose(in *plan.Input) error {
	for _, name := range o.without {
		if !forecast.Without(in, name) {
			return fmt.Errorf("--without-cluster: there is no cluster %q", name)
		}
	}
	return nil
}

// submitted are the decoded objects by key, in the namespace that a submission
// would put them into.
func (o *planOptions) submitted(all []decoded) (map[v1alpha1.Key]*unstructured.Unstructured, error) {
	fallback := metav1.NamespaceDefault
	if o.assume == "" || *o.config.Namespace != "" {
		var err error
		if fallback, _, err = o.config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	objects := map[v1alpha1.Key]*unstructured.Unstructured{}
	for _, d := range all {
		for _, w := range d.warnings {
			o.warn("%s", w)
		}
		for _, one := range d.objects {
			obj := one.Object.DeepCopy()
			if one.Kind.Namespaced && obj.GetNamespace() == "" {
				obj.SetNamespace(fallback)
			}
			key := one.Key()
			key.Namespace = obj.GetNamespace()
			if objects[key] != nil {
				return nil, &manifest.Error{Source: one.Source, Line: one.Line, Err: fmt.Errorf("%s is there twice", display(key))}
			}
			objects[key] = obj
		}
	}
	return objects, nil
}
