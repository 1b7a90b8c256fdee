package script

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// hostWork names the folder that .ci/host clears up after a run, also one that
// was cut short.
const hostWork = "KUBECTL_FED_HOST_WORK"

const downTimeout = 2 * time.Minute

// HostSuite are tests that change the host: they are refused where nobody would
// restore it. Command is what runs them.
type HostSuite struct {
	*testing.M
	Command string
}

// Run is testing.M's.
func (s HostSuite) Run() int {
	if os.Getenv(hostWork) == "" {
		fmt.Fprintf(os.Stderr, "these tests need root and the means to restore the host: run `%s`\n", s.Command)
		return 1
	}
	return s.M.Run()
}

// HostWork is a new folder for a run's scripts: -count repeats their names.
func HostWork() (string, error) {
	dir := filepath.Join(os.Getenv(hostWork), fmt.Sprintf("run-%d", time.Now().UnixNano()))
	return dir, os.Mkdir(dir, 0o700)
}

// SetupHost prepares a script that starts clusters of its own, which go with it.
// The function returned is told when they do not.
func (p Programs) SetupHost(e *testscript.Env, complain func(error)) error {
	if err := p.Setup(e, ""); err != nil {
		return err
	}
	lab := e.Getenv("LAB_DIR")
	e.Setenv("KUBECONFIG", filepath.Join(lab, "kubeconfig")+string(os.PathListSeparator)+filepath.Join(e.WorkDir, "federation.kubeconfig"))
	e.Defer(func() {
		if err := down(p.Bin, lab); err != nil {
			complain(err)
		}
	})
	return FileBucket(e)
}

// down takes a script's lab down; what a failed script started goes with it.
func down(bin, lab string) error {
	ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, filepath.Join(bin, "lab"), "--dir", lab, "down").CombinedOutput(); err != nil {
		return fmt.Errorf("lab down: %w\n%s", err, out)
	}
	return nil
}
