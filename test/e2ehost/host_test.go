// Package e2ehost runs scripts on clusters of the lab whose pods are real: a
// kubelet and containers, so that readiness is probed and addresses answer.
// They need root; `make e2e-host` runs them, and sees that the host is
// afterwards as it was. Scripts say what those of test/e2e say, `fetch`, `visit` and `load`.
package e2ehost

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-fed/kubectl-fed/test/e2e/script"
)

// workVariable names the folder that `make e2e-host` clears up after a run,
// also one that was cut short.
const workVariable = "KUBECTL_FED_HOST_WORK"

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"fetch": script.Fetch, "visit": visit, "load": script.Load})
}

// suite is refused where nobody would restore the host.
type suite struct{ *testing.M }

func (s suite) Run() int {
	if os.Getenv(workVariable) == "" {
		fmt.Fprintln(os.Stderr, "e2ehost: these tests need root and the means to restore the host: run `make e2e-host`")
		return 1
	}
	return s.M.Run()
}

func Test(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := script.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	// One per run: -count repeats the scripts' names.
	work := filepath.Join(os.Getenv(workVariable), fmt.Sprintf("run-%d", time.Now().UnixNano()))
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               script.Matching("*.txtar"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                script.Commands(),
		WorkdirRoot:         work,
		Setup: func(e *testscript.Env) error {
			if err := programs.Setup(e, ""); err != nil {
				return err
			}
			// Every script starts clusters of its own.
			lab := e.Getenv("LAB_DIR")
			e.Setenv("KUBECONFIG", filepath.Join(lab, "kubeconfig")+string(os.PathListSeparator)+filepath.Join(e.WorkDir, "federation.kubeconfig"))
			e.Setenv("HOST", filepath.Join(root, ".ci", "host"))
			e.Defer(func() { down(t, programs.Bin, lab) })
			return script.FileBucket(e)
		},
	})
}
