// Package e2ehost runs scripts on clusters of the lab whose pods are real: a
// kubelet and containers, so that readiness is probed and addresses answer.
// They need root; `make e2e-host` runs them, and sees that the host is
// afterwards as it was. Scripts say what those of test/e2e say, `fetch`, `visit` and `load`.
package e2ehost

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-fed/kubectl-fed/test/e2e/script"
)

func TestMain(m *testing.M) {
	testscript.Main(script.HostSuite{M: m, Command: "make e2e-host"},
		map[string]func(){"fetch": script.Fetch, "visit": visit, "load": script.Load})
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
	work, err := script.HostWork()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               script.Matching("*.txtar"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                script.Commands(),
		WorkdirRoot:         work,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOST", filepath.Join(root, ".ci", "host"))
			return programs.SetupHost(e, func(err error) { t.Error(err) })
		},
	})
}
