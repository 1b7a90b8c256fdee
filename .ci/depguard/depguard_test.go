// Package depguard proves that the import rules in .golangci.yml bite. It
// lays out a tree with the project's package names, puts every import of the
// list into every package in turn, and compares what golangci-lint refuses
// with the table below. It never looks at the project's own code.
package depguard

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kubectl-fed/kubectl-fed/"

// Every package an import rule is about. Those under agent/lead, cmd and test
// stand for all of their kind.
var packages = []string{
	"pkg/api/v1alpha1", "pkg/version", "pkg/kinds", "pkg/manifest", "pkg/plan", "pkg/plan/divide", "pkg/plan/override",
	"pkg/plan/rollout", "pkg/status", "pkg/traffic",
	"hub", "hub/gcs", "hub/file", "hub/open", "hub/hubtest",
	"agent", "agent/follow", "agent/apply", "agent/observe", "agent/lead", "agent/lead/gclb",
	"agent/edge", "agent/edge/http", "agent/poddns",
	"plugin", "plugin/printers", "cmd/kubectl-fed", "cmd/fed-agent", "cmd/fed-edge", "test/fixtures",
}

// Modules outside the project.
var outside = []string{
	"k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/kubectl", "k8s.io/cli-runtime",
	"sigs.k8s.io/controller-runtime", "github.com/spf13/cobra", "github.com/caddyserver/caddy",
	"cloud.google.com/go/storage", "cloud.google.com/go/compute", "google.golang.org/api",
}

// Packages of those modules.
const (
	types      = "k8s.io/apimachinery/pkg/types"
	clients    = "k8s.io/client-go/kubernetes"
	scheme     = "k8s.io/client-go/kubernetes/scheme"
	lock       = "k8s.io/client-go/tools/leaderelection/resourcelock"
	kubectl    = "k8s.io/kubectl/pkg/cmd"
	cliRuntime = "k8s.io/cli-runtime/pkg/resource"
	manager    = "sigs.k8s.io/controller-runtime/pkg/manager"
	cobra      = "github.com/spf13/cobra"
	storage    = "cloud.google.com/go/storage"
	compute    = "cloud.google.com/go/compute/apiv1"
	dns        = "google.golang.org/api/dns"
	caddy      = "github.com/caddyserver/caddy"
)

var standard = []string{"context", "os", "net/http"}

var (
	plans     = []string{"pkg/plan", "pkg/plan/divide", "pkg/plan/override", "pkg/plan/rollout"}
	decisions = join(plans, "pkg/api/v1alpha1", "pkg/kinds", "pkg/manifest", "pkg/status", "pkg/traffic")
)

// allowed says, for each importing package, all that it may import of the
// lists above. "(test)" stands for a _test.go file.
var allowed = map[string][]string{
	"pkg/api/v1alpha1": {types, scheme},
	"pkg/version":      {types, scheme},
	"pkg/kinds":        {types, scheme, "pkg/api/v1alpha1"},
	"pkg/manifest":     {types, scheme, "pkg/api/v1alpha1", "pkg/kinds"},
	"pkg/plan":         join(plans, types, scheme, "pkg/api/v1alpha1"),
	"pkg/status":       {types, scheme, "pkg/api/v1alpha1"},
	"pkg/traffic":      {types, scheme, "pkg/api/v1alpha1"},
	"pkg/plan (test)":  join(plans, join(standard, clients, scheme, lock, kubectl, cliRuntime, manager, cobra, types, "pkg/api/v1alpha1")...),

	"pkg/plan/divide":   {types, scheme},
	"pkg/plan/override": {types, scheme, "pkg/api/v1alpha1"},
	"pkg/plan/rollout":  {types, scheme, "pkg/api/v1alpha1"},

	"hub":            join(standard, types, lock, "pkg/api/v1alpha1"),
	"hub/gcs":        join(standard, types, lock, storage, compute, dns, "hub"),
	"hub/file":       join(standard, types, lock, "hub"),
	"hub/open":       join(standard, types, lock, "hub", "hub/gcs", "hub/file"),
	"hub/hubtest":    join(standard, types, lock, storage, compute, dns, "pkg/api/v1alpha1", "hub", "hub/gcs", "hub/file", "hub/open"),
	"hub (test)":     join(standard, types, lock, "test/fixtures", "pkg/api/v1alpha1", "pkg/version", "pkg/kinds", "pkg/manifest", "pkg/plan", "pkg/plan/divide", "pkg/plan/override", "pkg/plan/rollout", "pkg/status", "pkg/traffic", "hub/gcs", "hub/file", "hub/open", "hub/hubtest"),
	"hub/gcs (test)": join(standard, types, lock, storage, compute, dns, "test/fixtures", "pkg/api/v1alpha1", "pkg/version", "pkg/kinds", "pkg/manifest", "pkg/plan", "pkg/plan/divide", "pkg/plan/override", "pkg/plan/rollout", "pkg/status", "pkg/traffic", "hub", "hub/file", "hub/open", "hub/hubtest"),

	"agent":           join(acting, "pkg/api/v1alpha1", "pkg/version", "agent/follow", "agent/apply", "agent/observe", "agent/lead", "agent/lead/gclb", "agent/poddns"),
	"agent/follow":    join(acting, "pkg/api/v1alpha1", "agent/apply", "agent/observe"),
	"agent/apply":     join(acting, "pkg/api/v1alpha1"),
	"agent/observe":   join(acting, "pkg/api/v1alpha1"),
	"agent/poddns":    join(acting, "pkg/api/v1alpha1"),
	"agent/lead":      join(acting, decisions...),
	"agent/lead/gclb": join(acting, "pkg/traffic", compute, dns),
	"agent/edge":      join(acting, "pkg/api/v1alpha1"),
	"agent/edge/http": join(acting, "pkg/api/v1alpha1", "pkg/traffic", caddy),

	"plugin":          join(decisions, append(plugin, "pkg/version", "plugin/printers")...),
	"plugin/printers": join(decisions, append(plugin, "pkg/version", "plugin")...),
	// Nobody outside may import it: the compiler sees to that.
	"plugin/internal/forecast": join(plans, append(plugin, "pkg/api/v1alpha1")...),

	"cmd/kubectl-fed": join(decisions, append(plugin, "pkg/version", "hub", "hub/gcs", "hub/file", "hub/open", "plugin", "plugin/printers", "cmd/fed-agent", "cmd/fed-edge")...),
	"cmd/fed-agent": join(decisions, append(acting, cobra, "pkg/version", "hub", "hub/gcs", "hub/file", "hub/open",
		"agent", "agent/follow", "agent/apply", "agent/observe", "agent/lead", "agent/lead/gclb", "agent/poddns", "cmd/kubectl-fed", "cmd/fed-edge")...),
	"cmd/fed-edge": join(decisions, join(standard, types, clients, scheme, lock, cobra, "pkg/version", "hub", "hub/gcs", "hub/file", "hub/open",
		"agent/edge", "agent/edge/http", "cmd/kubectl-fed", "cmd/fed-agent")...),
}

var (
	acting = join(standard, types, clients, scheme, lock, manager)
	plugin = join(standard, types, clients, scheme, lock, kubectl, cliRuntime, cobra)
)

func join(some []string, more ...string) []string { return slices.Concat(some, more) }

var refusal = regexp.MustCompile(`^import '([^']+)' is not allowed`)

func TestImportRules(t *testing.T) {
	root := layOut(t)
	for from, want := range allowed {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			refused := lint(t, root, from)
			for _, imp := range imports() {
				if self(from) == imp {
					continue
				}
				ok := slices.Contains(want, imp)
				if got := !slices.Contains(refused, imp); got != ok {
					t.Errorf("%s imports %s: allowed = %v, want %v", from, imp, got, ok)
				}
			}
		})
	}
}

// TestEveryPackageIsInTheTable keeps a package from being forgotten above.
func TestEveryPackageIsInTheTable(t *testing.T) {
	t.Parallel()
	for _, p := range packages {
		if _, ok := allowed[p]; !ok && !strings.HasPrefix(p, "test/") {
			t.Errorf("package %s has no row", p)
		}
	}
}

// imports lists everything that is put into a package, ours without the module.
func imports() []string {
	return slices.Concat(packages, standard,
		[]string{types, clients, scheme, lock, kubectl, cliRuntime, manager, cobra, storage, compute, dns, caddy})
}

func self(from string) string { return strings.TrimSuffix(from, " (test)") }

// tag is the build constraint under which one package has its imports; the
// others then have none, so that nothing is a cycle.
func tag(from string) string {
	return "probe_" + regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(from, "_")
}

// layOut writes the tree, with the project's configuration at its root.
func layOut(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, ".golangci.yml", string(config))
	mod := "module " + strings.TrimSuffix(module, "/") + "\n\ngo 1.26.0\n"
	for _, name := range outside {
		mod += fmt.Sprintf("\nrequire %s v0.0.0\nreplace %s => ./third/%s\n", name, name, name)
		write(t, root, "third/"+name+"/go.mod", "module "+name+"\n\ngo 1.26.0\n")
	}
	write(t, root, "go.mod", mod)
	for _, imp := range imports() {
		switch {
		case slices.Contains(packages, imp):
			write(t, root, imp+"/doc.go", "package "+name(imp)+"\n")
		case !slices.Contains(standard, imp):
			write(t, root, "third/"+imp+"/doc.go", "package "+name(imp)+"\n")
		}
	}
	for from := range allowed {
		write(t, root, probeFile(from), probe(from))
	}
	return root
}

func probeFile(from string) string {
	if strings.HasSuffix(from, "(test)") {
		return self(from) + "/probe_test.go"
	}
	return self(from) + "/probe.go"
}

func probe(from string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "//go:build %s\n\npackage %s\n\nimport (\n", tag(from), name(self(from)))
	for _, imp := range imports() {
		if imp == self(from) {
			continue
		}
		if slices.Contains(packages, imp) {
			imp = module + imp
		}
		fmt.Fprintf(&b, "\t_ %q\n", imp)
	}
	return b.String() + ")\n"
}

// name makes a package name of an import path's last element.
func name(imp string) string { return strings.ReplaceAll(path.Base(imp), "-", "") }

func write(t *testing.T, root, file, content string) {
	t.Helper()
	full := filepath.Join(root, file)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lint returns the imports that golangci-lint refuses in one package, ours
// without the module.
func lint(t *testing.T, root, from string) []string {
	t.Helper()
	bin, err := filepath.Abs("../../bin/golangci-lint")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "run", "--enable-only", "depguard", "--build-tags", tag(from),
		"--issues-exit-code", "0", "--output.json.path", "stdout", "--show-stats=false", "./"+self(from))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("golangci-lint (make tools installs it): %v\n%s%s", err, out, stderr.String())
	}
	var report struct {
		Issues []struct{ FromLinter, Text string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("read golangci-lint's report: %v\n%s", err, out)
	}
	var refused []string
	for _, issue := range report.Issues {
		m := refusal.FindStringSubmatch(issue.Text)
		if m == nil {
			t.Fatalf("unexpected finding of %s: %s", issue.FromLinter, issue.Text)
		}
		refused = append(refused, strings.TrimPrefix(m[1], module))
	}
	return refused
}
