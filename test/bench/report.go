package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

type report struct {
	settings
	startup  *startup
	backends []backendResult
}

func (r *report) write(path string) error {
	var b bytes.Buffer
	r.print(&b)
	if path == "-" {
		_, err := os.Stdout.Write(b.Bytes())
		return err
	}
	b.Write(others(path))
	return os.WriteFile(path, b.Bytes(), 0o644) //nolint:gosec // documentation is for everybody
}

// othersHeading begins what `make bench-edge` writes into the same page.
const othersHeading = "\n## Faults behind an edge\n"

// others is the end of the page that is not ours to write.
func others(path string) []byte {
	old, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	at := bytes.Index(old, []byte(othersHeading))
	if at < 0 {
		return nil
	}
	return old[at:]
}

func (r *report) print(b *bytes.Buffer) {
	fmt.Fprintf(b, `# Benchmarks

Written by `+"`make bench`"+` on %s, on a machine with %d cores (%s), %s; clusters, agents,
bucket and this program share it. Times depend on the machine; what to compare is the column beside them, taken
in the same run. On gs:// the Cloud Storage API is an emulator on loopback that adds 15 ms to reads and 100 ms to
writes and allows one write per second and name, as Google does.

## From create to every cluster

One ConfigMap, %d clusters. *Command* is how long `+"`kubectl fed create -f`"+` takes; *spread* is from its return until the
object is in the last of the clusters; *kubectl* is `+"`kubectl apply --context`"+` to all of them in parallel, from start to
the last return. Warm is one change every %v, idle is one after %v of silence. Seconds.

| bucket | | n | command median | spread median | spread p95 | kubectl median | (command + spread) / kubectl |
|---|---|---|---|---|---|---|---|
`, time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), runtime.GOARCH, runtime.Version(), len(members), r.every, r.quiet)
	for _, backend := range r.backends {
		latencyRow(b, backend.name, "warm", backend.warm)
		latencyRow(b, backend.name, "idle", backend.idle)
	}
	r.printCosts(b)
	r.printStartup(b)
}

func latencyRow(b *bytes.Buffer, name, kind string, samples []sample) {
	var command, spread, kubectl, total []time.Duration
	for _, s := range samples {
		command, spread, kubectl = append(command, s.command), append(spread, s.spread), append(kubectl, s.kubectl)
		total = append(total, s.command+s.spread)
	}
	ratio := float64(quantile(total, 0.5)) / float64(max(1, quantile(kubectl, 0.5)))
	fmt.Fprintf(b, "| %s | %s | %d | %.2f | %.2f | %.2f | %.2f | %.1f |\n", name, kind, len(samples), quantile(command, 0.5).Seconds(),
		quantile(spread, 0.5).Seconds(), quantile(spread, 0.95).Seconds(), quantile(kubectl, 0.5).Seconds(), ratio)
}

func (r *report) printCosts(b *bytes.Buffer) {
	fmt.Fprintf(b, `
## An agent with nothing to do

Resident memory and requests to the API server are those of one agent that does not lead, over %v: GET is
`+"`/readyz`"+`, once a heartbeat, PUT renews the Lease by which replicas agree on who works, PATCH is server-side apply, none
with nothing to do. Open watches are not counted. Bucket operations are those of this agent while no other runs, and of
all %d agents and the leader together; four reads a second ask for the next revision, and Google does not bill those
that find nothing.

| bucket | objects | resident MiB | requests to the API server | bucket operations, alone | all together |
|---|---|---|---|---|---|
`, r.quiet, len(members))
	for _, backend := range r.backends {
		for _, c := range backend.costs {
			fmt.Fprintf(b, "| %s | %d | %.0f | %s | %s | %s |\n", backend.name, c.objects, c.resident, counts(c.requests), counts(c.alone), counts(c.operations))
		}
	}
}

func counts(of map[string]int) string {
	if of == nil {
		return "not counted"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, of[k]))
	}
	return strings.Join(parts, ", ")
}

func (r *report) printStartup(b *bytes.Buffer) {
	fmt.Fprintf(b, `
## Start-up of the plugin

Whole processes, median of 21 runs, milliseconds, beside kubectl of the lab's version.

| | kubectl-fed | kubectl | ratio |
|---|---|---|---|
`)
	for i, what := range []string{"version --client", "--help"} {
		fed, plain := r.startup.command[i], r.startup.baseline[i]
		fmt.Fprintf(b, "| `%s` | %d | %d | %.2f |\n", what, fed.Milliseconds(), plain.Milliseconds(), float64(fed)/float64(plain))
	}
}
