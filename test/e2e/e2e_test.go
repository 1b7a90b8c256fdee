// Package e2e runs scripts against the real binaries: real API servers from
// the lab, agents with the chart's permissions, buckets in directories and
// behind a Cloud Storage API. The scripts are in testdata; what they may say
// beyond testscript's own commands is in commands_test.go.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

// members are the clusters that all scripts share. Scripts that break a
// cluster start one of their own.
var members = []string{"c1=us-east1/us-east1-b", "c2=europe-west1/europe-west1-b", "c3=asia-east1/asia-east1-a"}

// shared is what TestMain sets up once.
var shared struct {
	bin, chart, kubeconfig string
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	root, err := filepath.Abs("../..")
	if err != nil {
		return fail(err)
	}
	shared.bin, shared.chart = filepath.Join(root, "bin"), filepath.Join(root, "charts", "fed-agent")
	for _, b := range []string{"lab", "kubectl", "kubectl-fed", "fed-agent", "helm"} {
		if _, err := os.Stat(filepath.Join(shared.bin, b)); err != nil {
			return fail(fmt.Errorf("%w; `make e2e` builds it", err))
		}
	}
	// Conditions are polled by this process itself: it must find the same programs.
	path := shared.bin + string(os.PathListSeparator) + os.Getenv("PATH")
	if err := os.Setenv("PATH", path); err != nil {
		return fail(err)
	}
	dir, err := os.MkdirTemp("", "kubectl-fed-e2e-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	lab := filepath.Join(dir, "lab")
	defer func() { _ = labCommand(lab, "down") }()
	if err := labCommand(lab, append([]string{"up"}, members...)...); err != nil {
		return fail(err)
	}
	shared.kubeconfig = filepath.Join(lab, "kubeconfig")
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

func labCommand(dir string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(shared.bin, "lab"), args...)
	cmd.Env = append(os.Environ(), "LAB_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("lab %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// TestFile runs every script with its bucket in a directory.
func TestFile(t *testing.T) {
	testscript.Run(t, params("*.txtar", func(e *testscript.Env) error {
		dir := filepath.Join(e.WorkDir, "bucket")
		e.Setenv("BUCKET", "file://"+dir)
		e.Setenv("BUCKET_DIR", dir)
		return os.Mkdir(dir, 0o700)
	}))
}

// TestCloudStorage runs the scripts that a bucket's behaviour can change with
// theirs behind the Cloud Storage API, its rate limits on.
func TestCloudStorage(t *testing.T) {
	testscript.Run(t, params("bucket_*.txtar", func(e *testscript.Env) error {
		server, err := gcsemu.Start(gcsemu.Options{Buckets: []string{"federation"}, StrictRate: true})
		if err != nil {
			return err
		}
		e.Defer(server.Close)
		e.Values[emulatorKey{}] = server
		e.Setenv("BUCKET", "gs://federation")
		e.Setenv("STORAGE_EMULATOR_HOST", server.URL)
		return nil
	}))
}

type emulatorKey struct{}

func params(pattern string, bucket func(*testscript.Env) error) testscript.Params {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		panic(errors.Join(err, fmt.Errorf("no script matches testdata/%s", pattern)))
	}
	return testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                commands,
		Condition: func(cond string) (bool, error) {
			if cond == "gs" {
				return pattern != "*.txtar", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(e *testscript.Env) error { return setup(e, bucket) },
	}
}

func setup(e *testscript.Env, bucket func(*testscript.Env) error) error {
	own := filepath.Join(e.WorkDir, "federation.kubeconfig")
	// A copy: whoever writes a kubeconfig locks every file of the chain.
	lab := filepath.Join(e.WorkDir, "lab.kubeconfig")
	contexts, err := os.ReadFile(shared.kubeconfig)
	if err != nil {
		return err
	}
	if err := os.WriteFile(lab, contexts, 0o600); err != nil {
		return err
	}
	// Scripts run side by side on shared clusters: what they install and
	// create carries a name of their own.
	name := scriptName(e.WorkDir)
	for k, v := range map[string]string{
		"PATH":       os.Getenv("PATH"),
		"HOME":       e.WorkDir,
		"USER":       "tester",
		"KUBECONFIG": lab + string(os.PathListSeparator) + own,
		"LAB_DIR":    filepath.Join(e.WorkDir, "lab"),
		"CHART":      shared.chart,
		"FED":        name,
		"AGENTNS":    "agents-" + name,
		"NS":         "ns-" + name,
	} {
		e.Setenv(k, v)
	}
	e.Values[agentsKey{}] = newAgents(e)
	return bucket(e)
}

// scriptName is the script's own, made fit for a label, with the kind of
// bucket: "script-bucket_leader_killed" becomes "leader-killed-x7".
func scriptName(workDir string) string {
	base := strings.TrimPrefix(filepath.Base(workDir), "script-")
	base = strings.ReplaceAll(strings.TrimPrefix(base, "bucket_"), "_", "-")
	return fmt.Sprintf("%s-%x", base, time.Now().UnixNano()&0xffff)
}
