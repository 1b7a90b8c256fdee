package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
)

// printResult prints a forecast, for people where no output is named.
func (s *session) printResult(r forecast.Result, output string) error {
	if output != "" {
		return printAs(s.Out, output, r)
	}
	if len(r.Objects) == 0 {
		fmt.Fprintln(s.ErrOut, "Nothing would change.")
		return nil
	}
	for i, one := range r.Objects {
		if i > 0 {
			fmt.Fprintln(s.Out)
		}
		printForecast(s.Out, one)
	}
	return nil
}

// printAs prints any value in a machine's format.
func printAs(w io.Writer, format string, v any) error {
	if format == "yaml" {
		b, err := yaml.Marshal(v)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printForecast is one object for people.
func printForecast(w io.Writer, one forecast.Object) {
	fmt.Fprintf(w, "%s%s\n", display(one.Key()), summary(one))
	if one.Held != "" {
		fmt.Fprintf(w, "held: %s\n", oneLine(one.Held))
	}
	if len(one.Clusters) == 0 {
		return
	}
	rows := make([][]string, len(one.Clusters))
	for i, c := range one.Clusters {
		rows[i] = []string{c.Cluster, string(c.Action), amount(c.Current), amount(c.Replicas), c.Reason}
	}
	newOutline(w).tableRows([]string{"Cluster", "Action", "Current", "Replicas", "Reason"}, rows)
}

// summary counts what people look for first.
func summary(one forecast.Object) string {
	if one.Wanted == 0 {
		return ""
	}
	said := []string{fmt.Sprintf("%d replicas wanted", one.Wanted)}
	if one.Unplaced > 0 {
		said = append(said, fmt.Sprintf("%d find no room", one.Unplaced))
	}
	if one.Moved > 0 {
		said = append(said, fmt.Sprintf("%d moved", one.Moved))
	}
	return ": " + strings.Join(said, ", ")
}

func amount(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
