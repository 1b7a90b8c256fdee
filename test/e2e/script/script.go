// Package script gives testscript what scripts about federations need: an
// environment of their own on clusters of the lab, and commands for agents,
// patience and outages. Where the programs are goes in, a function that sets up
// a script comes out. It never starts a cluster.
package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

// Programs is where everything that scripts run was built.
type Programs struct {
	Bin   string // lab, kubectl, kubectl-fed, fed-agent, fed-edge, helm
	Chart string // of the agent
	// Examples is docs/examples: what documents hand over.
	Examples string
}

// Find returns the programs of the checkout at root and puts them first on
// this process's PATH, where conditions that it polls itself look for them.
func Find(root string) (Programs, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Programs{}, err
	}
	p := Programs{Bin: filepath.Join(root, "bin"), Chart: filepath.Join(root, "charts", "fed-agent"), Examples: filepath.Join(root, "docs", "examples")}
	for _, b := range []string{"lab", "kubectl", "kubectl-fed", "fed-agent", "fed-edge", "helm"} {
		if _, err := os.Stat(filepath.Join(p.Bin, b)); err != nil {
			return Programs{}, fmt.Errorf("%w; `make e2e` builds it", err)
		}
	}
	return p, os.Setenv("PATH", p.Bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

type emulatorKey struct{}

// FileBucket gives the script a bucket in a directory.
func FileBucket(e *testscript.Env) error {
	dir := filepath.Join(e.WorkDir, "bucket")
	e.Setenv("BUCKET", "file://"+dir)
	e.Setenv("BUCKET_DIR", dir)
	return os.Mkdir(dir, 0o700)
}

// CloudBucket gives the script a bucket behind the Cloud Storage API, its rate
// limits on.
func CloudBucket(e *testscript.Env) error {
	server, err := gcsemu.Start(gcsemu.Options{Buckets: []string{"federation"}, StrictRate: true})
	if err != nil {
		return err
	}
	e.Defer(server.Close)
	e.Values[emulatorKey{}] = server
	e.Setenv("BUCKET", "gs://federation")
	e.Setenv(emulatorVariable, server.URL)
	return nil
}

// Setup prepares a script's environment. The kubeconfig is that of the
// clusters that scripts share; empty when each starts its own.
func (p Programs) Setup(e *testscript.Env, kubeconfig string) error {
	own := filepath.Join(e.WorkDir, "federation.kubeconfig")
	// A copy: whoever writes a kubeconfig locks every file of the chain.
	lab := filepath.Join(e.WorkDir, "lab.kubeconfig")
	if err := copyFile(lab, kubeconfig); err != nil {
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
		"SHARED_LAB": filepath.Dir(kubeconfig),
		"CHART":      p.Chart,
		"EXAMPLES":   p.Examples,
		"FED":        name,
		"AGENTNS":    "agents-" + name,
		"NS":         "ns-" + name,
	} {
		e.Setenv(k, v)
	}
	e.Values[agentsKey{}] = newAgents(p.Bin, e)
	return nil
}

func copyFile(to, from string) error {
	if from == "" {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// Matching returns the scripts of testdata that match a pattern.
func Matching(pattern string) []string {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		panic(errors.Join(err, fmt.Errorf("no script matches testdata/%s", pattern)))
	}
	return files
}

// scriptName is the script's own, made fit for a label, with something that
// sets runs apart: "script-bucket_leader_killed" becomes "leader-killed-x7".
func scriptName(workDir string) string {
	base := strings.TrimPrefix(filepath.Base(workDir), "script-")
	base = strings.ReplaceAll(strings.TrimPrefix(base, "bucket_"), "_", "-")
	return fmt.Sprintf("%s-%x", base, time.Now().UnixNano()&0xffff)
}
