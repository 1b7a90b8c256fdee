package plugin

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// outline writes labelled values, nested ones indented, in columns.
type outline struct {
	w *tabwriter.Writer
}

func newOutline(w io.Writer) *outline {
	return &outline{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
}

const indentation = "  "

// line writes one labelled value.
func (o *outline) line(level int, label, format string, args ...any) {
	fmt.Fprintf(o.w, "%s%s:\t%s\n", strings.Repeat(indentation, level), label, fmt.Sprintf(format, args...))
}

// head writes a label whose values follow.
func (o *outline) head(level int, label string) {
	fmt.Fprintf(o.w, "%s%s:\n", strings.Repeat(indentation, level), label)
}

// pairs writes a map of text as kubectl does labels.
func (o *outline) pairs(label string, m map[string]string) {
	if len(m) == 0 {
		o.line(0, label, "<none>")
		return
	}
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			label = ""
			fmt.Fprintf(o.w, "\t%s=%s\n", k, oneLine(m[k]))
			continue
		}
		o.line(0, label, "%s=%s", k, oneLine(m[k]))
	}
}

// tableRows writes rows of a table; the columns are its own.
func (o *outline) tableRows(header []string, rows [][]string) { o.table(1, header, rows) }

// table writes one that is indented further.
func (o *outline) table(level int, header []string, rows [][]string) {
	o.flush()
	for _, row := range slices.Concat([][]string{header, dashes(header)}, rows) {
		for i := range row {
			row[i] = oneLine(row[i])
		}
		fmt.Fprintf(o.w, "%s%s\n", strings.Repeat(indentation, level), strings.Join(row, "\t"))
	}
	o.flush()
}

func dashes(header []string) []string {
	out := make([]string, len(header))
	for i, h := range header {
		out[i] = strings.Repeat("-", len(h))
	}
	return out
}

func (o *outline) flush() { _ = o.w.Flush() } // a closed output is found by the next write of the command

// verbatim fields hold keys that users chose.
var verbatim = []string{"data", "binaryData", "stringData", "labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "selector"}

// tree writes any value under a label.
func (o *outline) tree(level int, label string, value any, keep bool) {
	switch v := value.(type) {
	case map[string]any:
		o.branch(level, label, v, keep)
	case []any:
		o.list(level, label, v)
	case string:
		o.text(level, label, v)
	case nil:
		o.line(level, label, "<unset>")
	default:
		o.line(level, label, "%v", v)
	}
}

func (o *outline) branch(level int, label string, m map[string]any, keep bool) {
	if len(m) == 0 {
		o.line(level, label, "{}")
		return
	}
	o.head(level, label)
	o.fields(level+1, m, keep)
}

// fields writes a map's values; keep leaves its keys as they are.
func (o *outline) fields(level int, m map[string]any, keep bool) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		name := k
		if !keep {
			name = words(k)
		}
		o.tree(level, name, m[k], slices.Contains(verbatim, k))
	}
}

func (o *outline) list(level int, label string, items []any) {
	if len(items) == 0 {
		o.line(level, label, "<none>")
		return
	}
	o.head(level, label)
	for i, item := range items {
		switch v := item.(type) {
		case map[string]any:
			if i > 0 {
				fmt.Fprintln(o.w)
			}
			o.fields(level+1, v, false)
		default:
			fmt.Fprintf(o.w, "%s%v\n", strings.Repeat(indentation, level+1), v)
		}
	}
}

func (o *outline) text(level int, label, value string) {
	lines := strings.Split(strings.TrimRight(value, "\n"), "\n")
	if len(lines) == 1 {
		o.line(level, label, "%s", value)
		return
	}
	o.head(level, label)
	for _, l := range lines {
		fmt.Fprintf(o.w, "%s%s\n", strings.Repeat(indentation, level+1), strings.ReplaceAll(l, "\t", "    "))
	}
}

// words makes a field's name readable: minReadySeconds is Min Ready Seconds.
func words(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]):
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ", "\v", " ", "\f", " ").Replace(s)
}
