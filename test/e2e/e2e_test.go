// Package e2e runs scripts against the real binaries: real API servers from
// the lab, agents with the chart's permissions, buckets in directories and
// behind a Cloud Storage API. The scripts are in testdata; what they may say
// beyond testscript's own commands is in script/commands.go, and `fetch`.
package e2e

import (
	"context"
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

// members are the clusters that all scripts share. Scripts that break a
// cluster start one of their own; c4 and c5 are failover.txtar's, which needs
// many.
var members = []string{"c1=us-east1/us-east1-b", "c2=europe-west1/europe-west1-b", "c3=asia-east1/asia-east1-a",
	"c4=us-west1/us-west1-a", "c5=us-west1/us-west1-b"}

// shared is what TestMain sets up once.
var shared struct {
	programs   script.Programs
	kubeconfig string
}

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"fetch": script.Fetch})
}

// suite is what runs once no program of a script was asked for.
type suite struct{ *testing.M }

func (s suite) Run() int {
	programs, err := script.Find("../..")
	if err != nil {
		return fail(err)
	}
	shared.programs = programs
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
	return s.M.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

func labCommand(dir string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(shared.programs.Bin, "lab"), args...)
	cmd.Env = append(os.Environ(), "LAB_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("lab %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// TestFile runs every script with its bucket in a directory.
func TestFile(t *testing.T) {
	testscript.Run(t, params("*.txtar", false, script.FileBucket))
}

// TestCloudStorage runs the scripts that a bucket's behaviour can change with
// theirs behind the Cloud Storage API.
func TestCloudStorage(t *testing.T) {
	testscript.Run(t, params("bucket_*.txtar", true, script.CloudBucket))
}

func params(pattern string, cloud bool, bucket func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Files:               script.Matching(pattern),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                script.Commands(),
		Condition: func(cond string) (bool, error) {
			if cond == "gs" {
				return cloud, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(e *testscript.Env) error {
			if err := shared.programs.Setup(e, shared.kubeconfig); err != nil {
				return err
			}
			return bucket(e)
		},
	}
}
