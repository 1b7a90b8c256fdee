package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// trafficWeight of `traffic drain`, `undrain` and `weight`.
type trafficWeight struct {
	*session
	// weights in the order of the arguments; nil for all.
	weights   []clusterWeight
	dryRun    bool
	force     bool
	wait      bool
	timeout   time.Duration
	pollEvery time.Duration
}

// clusterWeight is what a user asks of a cluster; nil for all.
type clusterWeight struct {
	cluster string
	weight  *int64
}

func (w clusterWeight) value() int64 {
	if w.weight == nil {
		return v1alpha1.FullWeight
	}
	return *w.weight
}

// word says what became of the cluster.
func (w clusterWeight) word() string {
	switch {
	case w.weight == nil:
		return "undrained"
	case *w.weight == 0:
		return "drained"
	}
	return "weight " + strconv.FormatInt(*w.weight, 10)
}

const trafficFor = time.Minute

func newTrafficWeight(s *session) *trafficWeight {
	return &trafficWeight{session: s, pollEvery: time.Second}
}

func newCmdTrafficDrain(s *session) *cobra.Command {
	o := newTrafficWeight(s)
	cmd := newCmdWeights(o, "drain CLUSTER...", "Send users' requests to other clusters", constant(new(int64)))
	cmd.Long = templates.LongDesc(`
		Send users' requests to other clusters.

		No new request goes to the clusters; those under way end as they would. What runs there stays. The
		last cluster that serves something is drained only with --force.`)
	cmd.Example = templates.Examples(`
		# What would change?
		kubectl fed traffic drain us-east1-b --dry-run

		# Take a cluster out of traffic, and back
		kubectl fed traffic drain us-east1-b
		kubectl fed traffic undrain us-east1-b`)
	o.addForce(cmd)
	return cmd
}

func newCmdTrafficUndrain(s *session) *cobra.Command {
	return newCmdWeights(newTrafficWeight(s), "undrain CLUSTER...", "Let clusters take all requests that come their way", constant(nil))
}

func newCmdTrafficWeight(s *session) *cobra.Command {
	o := newTrafficWeight(s)
	cmd := newCmdWeights(o, "weight CLUSTER=N...", "Let clusters take a part of the requests that come their way, 0 to 100", parseWeight)
	cmd.Example = templates.Examples(`
		# A fifth of what is closest to a cluster goes there, the rest to the next closest
		kubectl fed traffic weight us-east1-b=20`)
	cmd.ValidArgsFunction = o.completeMembers("=")
	o.addForce(cmd)
	return cmd
}

func (o *trafficWeight) addForce(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.force, "force", false, "Also drain the last cluster that serves something")
}

// constant reads an argument as a cluster that is to have that weight.
func constant(weight *int64) func(string) (clusterWeight, error) {
	return func(arg string) (clusterWeight, error) { return clusterWeight{arg, weight}, nil }
}

func parseWeight(arg string) (clusterWeight, error) {
	name, text, _ := strings.Cut(arg, "=")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || name == "" || n < 0 || n > v1alpha1.FullWeight {
		return clusterWeight{}, fmt.Errorf("%q: want CLUSTER=N, with N from 0 to %d", arg, v1alpha1.FullWeight)
	}
	return clusterWeight{name, &n}, nil
}

func newCmdWeights(o *trafficWeight, use, short string, parse func(string) (clusterWeight, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, ValidArgsFunction: o.completeMembers(""), Run: func(cmd *cobra.Command, args []string) {
		cmdutil.CheckErr(o.complete(cmd, args, parse))
		cmdutil.CheckErr(o.run(o.ctx))
	}}
	f := cmd.Flags()
	addDryRun(cmd, &o.dryRun, "Only show what would change for the edges: none, client or server")
	f.BoolVar(&o.wait, "wait", true, "Wait until every live edge serves the change")
	f.DurationVar(&o.timeout, "timeout", trafficFor, "How long to wait")
	return cmd
}

func (o *trafficWeight) complete(cmd *cobra.Command, args []string, parse func(string) (clusterWeight, error)) error {
	if len(args) == 0 {
		return cmdutil.UsageErrorf(cmd, "at least one cluster is required")
	}
	if o.timeout <= 0 {
		return errors.New("--timeout must be greater than 0")
	}
	for _, arg := range args {
		w, err := parse(arg)
		if err != nil {
			return err
		}
		if slices.Contains(o.names(), w.cluster) {
			return fmt.Errorf("cluster %q is named twice", w.cluster)
		}
		o.weights = append(o.weights, w)
	}
	return nil
}

func (o *trafficWeight) names() []string {
	var list []string
	for _, w := range o.weights {
		list = append(list, w.cluster)
	}
	return list
}

func (o *trafficWeight) run(ctx context.Context) error {
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	members, err := memberNamed(ctx, hub, o.names())
	if err != nil {
		return err
	}
	document, err := o.served(ctx, hub)
	if err != nil {
		return err
	}
	if err := o.lastOnes(document, members); err != nil {
		return err
	}
	if o.dryRun {
		o.preview(document)
		return nil
	}
	var faults []error
	for _, w := range o.weights {
		faults = append(faults, o.mark(ctx, hub, w))
	}
	if err := oneError(faults); err != nil || !o.wait {
		return err
	}
	o.ring(ctx)
	return o.await(ctx, hub)
}

// served is the document, nil for none yet. Whoever drains nothing, or insists,
// need not be able to read it.
func (o *trafficWeight) served(ctx context.Context, hub Hub) (*v1alpha1.Traffic, error) {
	drains := slices.ContainsFunc(o.weights, func(w clusterWeight) bool { return w.value() == 0 })
	document, _, err := hub.Traffic(ctx, 0)
	err = ignoreNotFound(err)
	switch {
	case err == nil, !o.dryRun && (o.force || !drains):
		return document, nil
	case o.dryRun:
		return nil, fmt.Errorf("read what is served: %w", err)
	}
	return nil, fmt.Errorf("read what is served: %w (--force drains without having seen it)", err)
}

// lastOnes refuses to leave something that is served with no cluster to serve it.
func (o *trafficWeight) lastOnes(t *v1alpha1.Traffic, members []v1alpha1.Cluster) error {
	if o.force || t == nil {
		return nil
	}
	gone := o.drained(members)
	var left []string
	for i := range t.Backends {
		b := &t.Backends[i]
		before := slices.DeleteFunc(slices.Clone(b.Clusters), func(c v1alpha1.BackendCluster) bool { return !asked(&c) })
		if len(before) == 0 || slices.ContainsFunc(before, func(c v1alpha1.BackendCluster) bool { return !gone[c.Cluster] }) {
			continue
		}
		// What is left with nothing already, others have drained before.
		if slices.ContainsFunc(before, func(c v1alpha1.BackendCluster) bool { return o.drains(c.Cluster) }) {
			left = append(left, fmt.Sprintf("%s (Ingress %s)", b.Name, strings.Join(ingressesOf(t, b.Name), ", ")))
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("no other cluster serves %s: its users would get errors. Say --force if that is meant", strings.Join(left, "; "))
}

func (o *trafficWeight) drains(cluster string) bool {
	return slices.ContainsFunc(o.weights, func(w clusterWeight) bool { return w.cluster == cluster && w.value() == 0 })
}

// drained are the clusters that would take no requests by a user's word.
func (o *trafficWeight) drained(members []v1alpha1.Cluster) map[string]bool {
	gone := map[string]bool{}
	for i := range members {
		c := &members[i]
		gone[c.Name] = weightOf(c) == 0 || c.Spec.Leaving != ""
	}
	for _, w := range o.weights {
		gone[w.cluster] = w.value() == 0
	}
	return gone
}

// preview shows the changes that the edges would see.
func (o *trafficWeight) preview(before *v1alpha1.Traffic) {
	if before == nil {
		fmt.Fprintln(o.ErrOut, "Nothing would change: nothing is served yet.")
		return
	}
	after := before
	for _, w := range o.weights {
		after = traffic.WithWeight(after, w.cluster, w.value())
	}
	changes := traffic.Diff(before, after)
	for _, c := range changes {
		fmt.Fprintln(o.Out, oneLine(c.String()))
	}
	if len(changes) == 0 {
		fmt.Fprintln(o.ErrOut, "Nothing would change.")
	}
}

func (o *trafficWeight) mark(ctx context.Context, hub Hub, w clusterWeight) error {
	changed := false
	c, err := o.updateCluster(ctx, hub, w.cluster, func(c *v1alpha1.Cluster) bool {
		changed = cmp.Compare(weightOf(c), w.value()) != 0
		c.Spec.TrafficWeight = w.weight
		return changed
	})
	if err != nil {
		return err
	}
	word := w.word()
	if !changed {
		word = "already " + word
	}
	fmt.Fprintf(o.Out, "cluster/%s traffic %s\n", c.Name, word)
	return nil
}
