package edgebench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-fed/kubectl-fed/test/e2e/script"
)

const (
	page    = "docs/benchmarks.md"
	heading = "## Faults behind an edge\n"
)

func TestMain(m *testing.M) {
	testscript.Main(script.HostSuite{M: m, Command: "make bench-edge"}, map[string]func(){"fetch": script.Fetch, "load": script.Load})
}

func TestFaults(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := script.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	work, err := script.HostWork()
	if err != nil {
		t.Fatal(err)
	}
	rows := filepath.Join(t.TempDir(), "rows")
	// The script runs beside this function and has ended when the test cleans up.
	t.Cleanup(func() {
		if !t.Failed() {
			if err := publish(filepath.Join(root, page), rows); err != nil {
				t.Error(err)
			}
		}
	})
	testscript.Run(t, testscript.Params{
		Files: script.Matching("*.txtar"), RequireExplicitExec: true, Cmds: script.Commands(), WorkdirRoot: work,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROWS", rows)
			return programs.SetupHost(e, func(err error) { t.Error(err) })
		},
	})
}

// publish replaces the table of the page, and what else the page says stays.
func publish(page, rows string) error {
	table, err := os.ReadFile(rows)
	if err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	before, _, _ := strings.Cut(string(text), heading)
	var b bytes.Buffer
	b.WriteString(strings.TrimRight(before, "\n") + "\n\n" + heading)
	fmt.Fprintf(&b, `
Written by `+"`make bench-edge`"+` on %s. Two clusters with real pods (two each), 200 requests a second on new and kept
connections, through an edge and at the same time through %s that was told the same four pods by hand
(the same checks: every 2 s, two in a row; the other cluster's pods as backup; retries with redispatch). *Last* is how
long after the fault the last request failed; latencies are of the requests that were answered. HAProxy tries again
on servers that it takes for up, and turns to the backup when none is: until its checks have found out, both dead pods are asked.

| fault | through | requests | failed | last, s | median, ms | p99, ms |
|---|---|---|---|---|---|---|
%s`, time.Now().UTC().Format("2006-01-02"), haproxy(), table)
	return os.WriteFile(page, b.Bytes(), 0o644) //nolint:gosec // documentation is for everybody
}

func haproxy() string {
	out, err := exec.Command("haproxy", "-v").Output()
	if err != nil {
		return "an HAProxy"
	}
	words := strings.Fields(string(out))
	return "HAProxy " + strings.SplitN(words[min(2, len(words)-1)], "-", 2)[0]
}
