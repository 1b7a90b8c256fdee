package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// trafficEdges of `traffic edges`.
type trafficEdges struct {
	*session
	output string
}

func newCmdTrafficEdges(s *session) *cobra.Command {
	o := &trafficEdges{session: s}
	cmd := &cobra.Command{
		Use:   "edges",
		Short: "List the edges that are registered, and how they fare",
		Long: templates.LongDesc(`
			List the edges that are registered, and how they fare.

			DOCUMENT is the number of the document that an edge serves, AGE is when it wrote last. One that
			missed three of its beats is Silent; it keeps its addresses until it is unregistered.`),
		Example: templates.Examples(`
			# List the edges, with where they are and which release they run
			kubectl fed traffic edges -o wide`),
		ValidArgsFunction: cobra.NoFileCompletions,
		Run: func(cmd *cobra.Command, args []string) {
			if len(args) > 0 {
				cmdutil.CheckErr(cmdutil.UsageErrorf(cmd, "unexpected argument %q", args[0]))
			}
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "One of json, yaml, wide; else a table")
	completeFixed(cmd, "output", "json", "yaml", "wide")
	return cmd
}

func (o *trafficEdges) run(ctx context.Context) error {
	if !slices.Contains([]string{"", "json", "yaml", "wide"}, o.output) {
		return fmt.Errorf("--output %q: want json, yaml or wide", o.output)
	}
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	edges, err := hub.Edges(ctx)
	if err != nil {
		return fmt.Errorf("read the edges: %w", err)
	}
	if o.output == "json" || o.output == "yaml" {
		whole(ctx, hub, edges)
		return printAs(o.Out, o.output, edges)
	}
	if len(edges) == 0 {
		fmt.Fprintln(o.ErrOut, "No edge is registered.")
		return nil
	}
	o.table(edges)
	return nil
}

func (o *trafficEdges) table(edges []v1alpha1.Edge) {
	header := []string{"NAME", "REGION", "ADDRESSES", "STATE", "DOCUMENT", "AGE"}
	if o.output == "wide" {
		header = append(header, "ZONE", "COORDINATES", "VERSION")
	}
	var rows [][]string
	for i := range edges {
		e := &edges[i]
		row := []string{e.Name, orNone(cmp.Or(e.Region, traffic.RegionOf(e.Zone), e.Zone, coordinatesText(e.Coordinates))), orNone(strings.Join(e.Addresses, ",")),
			o.state(e), documentOf(e), o.ago(e.Time)}
		if o.output == "wide" {
			row = append(row, orNone(e.Zone), whereText(traffic.Place{Region: e.Region, Zone: e.Zone, Coordinates: e.Coordinates}), orNone(e.Version))
		}
		rows = append(rows, row)
	}
	o.columns(header, rows)
}

func (s *session) state(e *v1alpha1.Edge) string {
	if s.silent(e) {
		return "Silent"
	}
	return "Ready"
}

// documentOf is the document that an edge serves, by number.
func documentOf(e *v1alpha1.Edge) string {
	if e.Serial == 0 {
		return "<none>"
	}
	return strconv.FormatInt(e.Serial, 10)
}

// trafficUnregister of `traffic unregister`.
type trafficUnregister struct {
	*session
	names []string
	yes   bool
}

func newCmdTrafficUnregister(s *session) *cobra.Command {
	o := &trafficUnregister{session: s}
	cmd := &cobra.Command{
		Use:   "unregister EDGE...",
		Short: "Take the addresses of edges out of every Ingress",
		Long: templates.LongDesc(`
			Take the addresses of edges out of every Ingress.

			An edge that stops or falls silent keeps its addresses: they come and go only with its
			registration. Unregister it when it will not come back. One that still runs goes on serving
			those who reach it, and registers again when it is restarted.`),
		Example: templates.Examples(`
			# An edge is gone for good
			kubectl fed traffic unregister edge-europe --reason "moved to another site"`),
		ValidArgsFunction: s.completeEdges(),
		Run: func(cmd *cobra.Command, args []string) {
			if len(args) == 0 {
				cmdutil.CheckErr(cmdutil.UsageErrorf(cmd, "at least one EDGE is required"))
			}
			o.names = args
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "Do not ask")
	return cmd
}

func (o *trafficUnregister) run(ctx context.Context) error {
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	edges, err := hub.Edges(ctx)
	if err != nil {
		return fmt.Errorf("read the edges: %w", err)
	}
	addresses, err := o.losing(ctx, hub, edges)
	if err != nil {
		return err
	}
	if err := o.confirm(o.yes, leaving(addresses)); err != nil {
		return err
	}
	var faults []error
	for _, name := range o.names {
		faults = append(faults, o.unregister(ctx, hub, name))
	}
	return oneError(faults)
}

// leaving says what the Ingresses lose.
func leaving(addresses []string) string {
	if len(addresses) == 0 {
		return "No Ingress loses an address"
	}
	return strings.Join(addresses, ", ") + " leave every Ingress of the federation"
}

// losing are the addresses that nobody else has. An edge that is listed in
// part only, because its registration cannot be read, can be removed, too.
func (o *trafficUnregister) losing(ctx context.Context, hub Hub, edges []v1alpha1.Edge) ([]string, error) {
	var gone, kept []string
	for _, e := range edges {
		if slices.Contains(o.names, e.Name) {
			gone = append(gone, e.Addresses...)
			continue
		}
		kept = append(kept, e.Addresses...)
	}
	var unknown []string
	for _, name := range o.names {
		if slices.ContainsFunc(edges, func(e v1alpha1.Edge) bool { return e.Name == name }) {
			continue
		}
		if _, _, err := hub.Edge(ctx, name); apierrors.IsNotFound(err) || apierrors.IsBadRequest(err) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, errors.New("not registered: " + strings.Join(unknown, ", "))
	}
	slices.Sort(gone)
	return slices.DeleteFunc(slices.Compact(gone), func(a string) bool { return slices.Contains(kept, a) }), nil
}

// unregister writes down who does it first: an object that is gone tells nobody.
func (o *trafficUnregister) unregister(ctx context.Context, hub Hub, name string) error {
	if err := o.say(ctx, hub, &v1alpha1.Request{Type: v1alpha1.RequestUnregister, Edge: name}); err != nil {
		return err
	}
	if err := hub.DeleteEdge(ctx, name); ignoreNotFound(err) != nil {
		return fmt.Errorf("unregister %s: %w", name, err)
	}
	o.wrote("edges/"+name+".json", 0)
	fmt.Fprintf(o.Out, "edge/%s unregistered\n", name)
	return nil
}
