package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// trafficGet of `traffic get`.
type trafficGet struct {
	*session
	names  []string
	output string
}

func newCmdTrafficGet(s *session) *cobra.Command {
	o := &trafficGet{session: s}
	cmd := &cobra.Command{
		Use:   "get [CLUSTER...]",
		Short: "Show what each cluster serves, and how the edges see it",
		Long: templates.LongDesc(`
			Show what each cluster serves, and how the edges see it.

			BACKENDS counts the ports of Services that requests are sent to there, of those that it has.
			ENDPOINTS counts those that the edges' checks find healthy, of those that they are told of;
			as 1-2/2 where they disagree.`),
		Example: templates.Examples(`
			# Show what each cluster serves
			kubectl fed traffic get

			# Everything that is known of one, for a program
			kubectl fed traffic get us-east1-b -o json`),
		ValidArgsFunction: s.completeMembers(""),
		Run: func(_ *cobra.Command, args []string) {
			o.names = args
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "One of json, yaml, wide; else a table")
	completeFixed(cmd, "output", "json", "yaml", "wide")
	return cmd
}

// trafficState is what `traffic get` prints for programs.
type trafficState struct {
	Epoch    int64        `json:"epoch"`
	Serial   int64        `json:"serial"`
	Time     metav1.Time  `json:"time"`
	Clusters []trafficRow `json:"clusters"`
}

// trafficRow is one cluster.
type trafficRow struct {
	Cluster     string                `json:"cluster"`
	Region      string                `json:"region,omitempty"`
	Zones       []string              `json:"zones,omitempty"`
	Coordinates *v1alpha1.Coordinates `json:"coordinates,omitempty"`
	// Weight is the user's.
	Weight int64  `json:"weight"`
	State  string `json:"state"`
	// Serving counts the Backends that requests are sent to.
	Serving   int             `json:"serving"`
	Endpoints int             `json:"endpoints"`
	Healthy   *sight          `json:"healthy,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Backends  []trafficBehind `json:"backends"`
	// gone: it is served, and no member any more.
	gone bool
}

// trafficBehind is one backend of a row.
type trafficBehind struct {
	Backend   string                `json:"backend"`
	State     v1alpha1.BackendState `json:"state"`
	Weight    int64                 `json:"weight"`
	Ready     int64                 `json:"ready"`
	Endpoints []string              `json:"endpoints,omitempty"`
	Healthy   *sight                `json:"healthy,omitempty"`
	Reason    string                `json:"reason,omitempty"`
}

func (o *trafficGet) run(ctx context.Context) error {
	if !slices.Contains([]string{"", "wide", "json", "yaml"}, o.output) {
		return fmt.Errorf("--output %q: want json, yaml or wide", o.output)
	}
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	members, err := hub.Clusters(ctx)
	if err != nil {
		return fmt.Errorf("read the members: %w", err)
	}
	now, err := o.carriers(ctx, hub)
	if err != nil {
		return err
	}
	rows, err := o.chosen(o.rows(members, now))
	if err := errors.Join(o.print(now, rows), err); err != nil {
		return err
	}
	return nil
}

// rows has one for each member, and for each cluster that is served besides.
func (o *trafficGet) rows(members []v1alpha1.Cluster, now carried) []trafficRow {
	rows := map[string]trafficRow{}
	for i := range members {
		c := &members[i]
		rows[c.Name] = trafficRow{Cluster: c.Name, Region: c.Spec.Region, Zones: c.Spec.Zones, Coordinates: c.Spec.Coordinates, Weight: weightOf(c)}
	}
	if now.document != nil {
		for _, c := range now.document.Clusters {
			row, member := rows[c.Name]
			if !member {
				row = trafficRow{Cluster: c.Name, Weight: v1alpha1.FullWeight, gone: true}
			}
			row.Region, row.Zones, row.Coordinates = c.Region, c.Zones, c.Coordinates
			rows[c.Name] = row
		}
	}
	list := make([]trafficRow, 0, len(rows))
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, o.filled(rows[name], now))
	}
	return list
}

// weightOf is the weight that a user gave a member.
func weightOf(c *v1alpha1.Cluster) int64 {
	if c.Spec.TrafficWeight == nil {
		return v1alpha1.FullWeight
	}
	return *c.Spec.TrafficWeight
}

// filled adds what is served to a row.
func (o *trafficGet) filled(row trafficRow, now carried) trafficRow {
	row.Backends = []trafficBehind{}
	states, reasons := map[v1alpha1.BackendState]int{}, []string{}
	if row.gone {
		reasons = append(reasons, "it is no member any more, and goes by itself")
	}
	for _, b := range behindAll(now.document, row.Cluster) {
		seen := o.sees(now.edges, b.Name, row.Cluster)
		row.Backends = append(row.Backends, trafficBehind{Backend: b.Name, State: b.State, Weight: b.Weight, Ready: b.Ready,
			Endpoints: b.Endpoints, Healthy: seen, Reason: b.Reason})
		states[b.State]++
		row.Endpoints += len(b.Endpoints)
		row.Healthy = added(row.Healthy, seen)
		if asked(&b.BackendCluster) {
			row.Serving++
		}
		if b.Reason != "" && !slices.Contains(reasons, b.Reason) {
			reasons = append(reasons, b.Reason)
		}
	}
	row.State, row.Reason = stateOf(states), strings.Join(reasons, "; ")
	if (row.Weight == 0) != (states[v1alpha1.BackendDrained] > 0) && len(row.Backends) > 0 && row.Reason == "" {
		row.Reason = "the leader has not followed the weight yet"
	}
	return row
}

func added(sum, v *sight) *sight {
	if v == nil {
		return sum
	}
	if sum == nil {
		sum = &sight{}
	}
	return &sight{sum.Least + v.Least, sum.Most + v.Most}
}

// stateOf is one word for the states of all backends.
func stateOf(states map[v1alpha1.BackendState]int) string {
	switch len(states) {
	case 0:
		return "None"
	case 1:
		for state := range states {
			return string(state)
		}
	}
	return "Mixed"
}

// chosen are the rows that were asked for by name, or all.
func (o *trafficGet) chosen(rows []trafficRow) ([]trafficRow, error) {
	if len(o.names) == 0 {
		return rows, nil
	}
	var found []trafficRow
	var faults []error
	for _, name := range o.names {
		i := slices.IndexFunc(rows, func(r trafficRow) bool { return r.Cluster == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("cluster %q is not a member of the federation", name))
			continue
		}
		found = append(found, rows[i])
	}
	return found, oneError(faults)
}

func (o *trafficGet) print(now carried, rows []trafficRow) error {
	if o.output == "json" || o.output == "yaml" {
		state := trafficState{Clusters: rows}
		if d := now.document; d != nil {
			state.Epoch, state.Serial, state.Time = d.Epoch, d.Serial, d.Time
		}
		return printAs(o.Out, o.output, state)
	}
	if now.document == nil {
		fmt.Fprintln(o.ErrOut, "Nothing is served yet: the leader writes what is when there is an Ingress for it.")
	}
	if len(rows) == 0 {
		return nil
	}
	header := []string{"CLUSTER", "REGION", "WEIGHT", "STATE", "BACKENDS", "ENDPOINTS", "REASON"}
	if o.output == "wide" {
		header = slices.Insert(header, 2, "ZONES", "COORDINATES")
	}
	var table [][]string
	for _, r := range rows {
		cells := []string{r.Cluster, orNone(r.Region), strconv.FormatInt(r.Weight, 10), r.State,
			fmt.Sprintf("%d/%d", r.Serving, len(r.Backends)), seenOf(r.Healthy, r.Endpoints), r.Reason}
		if o.output == "wide" {
			cells = slices.Insert(cells, 2, orNone(strings.Join(r.Zones, ",")), r.where())
		}
		table = append(table, cells)
	}
	o.columns(header, table)
	return nil
}

// where are the coordinates that count, in words.
func (r *trafficRow) where() string {
	place := traffic.Place{Region: r.Region, Coordinates: r.Coordinates}
	if len(r.Zones) > 0 {
		place.Zone = r.Zones[0]
	}
	return whereText(place)
}

// whereText says which coordinates of a place count.
func whereText(p traffic.Place) string {
	switch {
	case p.Coordinates != nil:
		return coordinatesText(p.Coordinates)
	case traffic.Located(p):
		return "<region's>"
	}
	return "<unknown>"
}

func coordinatesText(c *v1alpha1.Coordinates) string {
	if c == nil {
		return ""
	}
	return degrees(c.Latitude) + "," + degrees(c.Longitude)
}

func degrees(d float64) string { return strconv.FormatFloat(d, 'f', -1, 64) }

// columns prints a table as get does.
func (s *session) columns(header []string, rows [][]string) {
	var text strings.Builder
	out := newOutline(&text)
	for _, row := range slices.Concat([][]string{header}, rows) {
		for i := range row {
			row[i] = oneLine(row[i])
		}
		fmt.Fprintln(out.w, strings.Join(row, "\t"))
	}
	out.flush()
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(s.Out, strings.TrimRight(line, " \n"))
	}
}
