package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cost is what an agent that has nothing to do takes.
type cost struct {
	objects  int
	resident float64 // MiB, the looked-at agent's
	// operations on the bucket over the quiet time, all agents and the leader
	// together, by kind; nil where the bucket cannot count.
	operations map[string]int
	// alone are those of the looked-at agent while no other runs.
	alone    map[string]int
	requests map[string]int // of the looked-at agent to its API server, by method
}

// backendResult is everything measured over one kind of bucket.
type backendResult struct {
	backend
	warm, idle []sample
	costs      []cost
}

func (w *world) measureBackend(ctx context.Context, b backend) (*backendResult, error) {
	f, err := w.federate(ctx, b)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	r := &backendResult{backend: b}
	empty, err := f.measureCost(ctx, 0)
	if err != nil {
		return nil, err
	}
	if _, err := f.measureChanges(ctx, "warmup", 2, time.Second); err != nil {
		return nil, err
	}
	if r.warm, err = f.measureChanges(ctx, "warm", w.warm, w.every); err != nil {
		return nil, err
	}
	if r.idle, err = f.measureChanges(ctx, "idle", w.idle, w.quiet); err != nil {
		return nil, err
	}
	if f.server != nil { // what is measured is the agent that has them, not how they came
		f.server.SetLatency(0, 0)
	}
	if err := f.load(ctx); err != nil {
		return nil, err
	}
	if f.server != nil {
		f.server.SetLatency(b.read, b.write)
	}
	loaded, err := f.measureCost(ctx, w.objects)
	if err != nil {
		return nil, err
	}
	r.costs = []cost{*empty, *loaded}
	return r, nil
}

// load creates the objects by one command and waits until they are in the
// looked-at member.
func (f *federation) load(ctx context.Context) error {
	progress("%s: creating %d objects", f.name, f.objects)
	var text strings.Builder
	for i := range f.objects {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s-%04d, labels: {load: %q}}\ndata: {k: v}\n", f.name, i, f.name)
	}
	path := f.dir + "/load.yaml"
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return err
	}
	if err := f.fed(ctx, "--context", f.name, "create", "-f", path); err != nil {
		return err
	}
	looked := members[len(members)-1]
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); {
		out, err := f.command(ctx, nil, "kubectl", "--context", looked, "get", "configmaps", "-l", "load="+f.name, "-o", "name").Output()
		if err == nil && strings.Count(string(out), "\n") == f.objects {
			return pause(ctx, 20*time.Second) // until every report is in
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d objects were not in %s after 5 minutes", f.objects, looked)
}

func (f *federation) measureCost(ctx context.Context, objects int) (*cost, error) {
	progress("%s: idle with %d objects", f.name, objects)
	if err := pause(ctx, 15*time.Second); err != nil {
		return nil, err
	}
	p, err := f.fleet.Process(members[len(members)-1])
	if err != nil {
		return nil, err
	}
	before, err := requests(ctx, p.Metrics)
	if err != nil {
		return nil, err
	}
	if f.server != nil {
		f.server.ResetCounts()
	}
	if err := pause(ctx, f.quiet); err != nil {
		return nil, err
	}
	c := &cost{objects: objects}
	if f.server != nil {
		c.operations = f.server.Counts()
	}
	after, err := requests(ctx, p.Metrics)
	if err != nil {
		return nil, err
	}
	c.requests = map[string]int{"PATCH": 0}
	for method, n := range after {
		if since := n - before[method]; since > 0 {
			c.requests[method] = since
		}
	}
	if c.resident, err = residentMiB(p.PID); err != nil || f.server == nil {
		return c, err
	}
	c.alone, err = f.countAlone(ctx)
	return c, err
}

// countAlone stops all agents but the looked-at one, the leader among them,
// counts, and starts them again.
func (f *federation) countAlone(ctx context.Context) (map[string]int, error) {
	others := members[:len(members)-1]
	for _, m := range others {
		if err := f.fleet.Stop(m, false); err != nil {
			return nil, err
		}
	}
	if err := pause(ctx, 15*time.Second); err != nil {
		return nil, err
	}
	f.server.ResetCounts()
	if err := pause(ctx, f.quiet); err != nil {
		return nil, err
	}
	counts := f.server.Counts()
	for _, m := range others {
		if _, err := f.fleet.Start(ctx, m); err != nil {
			return nil, err
		}
	}
	return counts, f.ready(ctx)
}

// residentMiB is VmRSS of a process.
func residentMiB(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d tells no VmRSS", pid)
}

var clientRequests = regexp.MustCompile(`^rest_client_requests_total\{.*method="([A-Z]+)".*\} (\S+)$`)

// requests sums, by method, the agent's counter of what it asked its API
// server for.
func requests(ctx context.Context, address string) (map[string]int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	counts := map[string]int{}
	lines := bufio.NewScanner(io.LimitReader(resp.Body, 10<<20))
	for lines.Scan() {
		m := clientRequests.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", lines.Text(), err)
		}
		counts[m[1]] += int(n)
	}
	if len(counts) == 0 {
		return nil, fmt.Errorf("http://%s/metrics tells no rest_client_requests_total", address)
	}
	return counts, lines.Err()
}

// startup is the time of whole commands, median of several runs.
type startup struct{ command, baseline [2]time.Duration } // version, list of verbs

func (w *world) measureStartup(ctx context.Context) (*startup, error) {
	progress("plugin start-up")
	s := &startup{}
	for i, args := range [][]string{{"version", "--client"}, {"--help"}} {
		fed, err := w.median(ctx, "kubectl-fed", args)
		if err != nil {
			return nil, err
		}
		plain, err := w.median(ctx, "kubectl", args)
		if err != nil {
			return nil, err
		}
		s.command[i], s.baseline[i] = fed, plain
	}
	return s, nil
}

func (w *world) median(ctx context.Context, program string, args []string) (time.Duration, error) {
	var times []time.Duration
	for range 21 {
		begun := time.Now()
		if err := w.exec(ctx, nil, program, args...); err != nil {
			return 0, err
		}
		times = append(times, time.Since(begun))
	}
	return quantile(times, 0.5), nil
}

// quantile by nearest rank.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	i := int(q*float64(len(sorted))+0.9999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
