// Package lab keeps a directory of clusters on this machine. Names go in;
// processes that outlive the caller, their data and one kubeconfig come out.
// Every cluster is one process of its own. The package never runs a cluster
// itself, nor signals a process that is not one of its clusters.
package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/flock"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/proc"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/slot"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// Lab is the clusters of one directory:
//
//	DIR/kubeconfig            a context for each cluster
//	DIR/lock                  held while clusters are created, started or removed
//	DIR/NAME/cluster.json     what the cluster is
//	DIR/NAME/process.json     the process that runs its control plane; absent when stopped on purpose
//	DIR/NAME/cluster.log      what that process wrote
//	DIR/NAME/nodes.json       the process that runs its real nodes, if it has any
//	DIR/NAME/nodes.log        what that process wrote
//	DIR/NAME/ready            there once the cluster works
//	DIR/NAME/…                certificates and data
type Lab struct {
	dir     string // absolute
	program Programs
	slots   slot.Registry
	say     func(format string, args ...any)
}

// Programs are the commands that run a cluster when the cluster's directory is
// appended to them: its control plane with the simulated nodes, and its real nodes.
type Programs struct{ ControlPlane, RealNodes []string }

// New returns the lab of a directory, which need not exist. Progress is told to say, a line at a time and from several goroutines.
func New(dir string, program Programs, say func(format string, args ...any)) (*Lab, error) {
	if dir == "" {
		return nil, errors.New("the lab's directory is empty: give one with --dir or LAB_DIR")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find lab directory: %w", err)
	}
	return &Lab{dir: abs, program: program, slots: slot.Registry{Dir: slot.Machine, Slots: spec.Slots}, say: say}, nil
}

// Cluster is a cluster of the lab and where it is kept.
type Cluster struct {
	spec.Cluster
	dir     string
	created time.Time
}

// Kubeconfig is the path of the file with a context for each cluster.
func (l *Lab) Kubeconfig() string { return filepath.Join(l.dir, "kubeconfig") }

// Clusters returns the lab's clusters in the order of their creation.
func (l *Lab) Clusters() ([]Cluster, error) {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read lab: %w", err)
	}
	var out []Cluster
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		c, err := l.load(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].created.Before(out[j].created) })
	return out, nil
}

// Find returns the clusters of these names, in that order.
func (l *Lab) Find(names ...string) ([]Cluster, error) {
	var out []Cluster
	for _, n := range names {
		if err := spec.CheckName(n); err != nil {
			return nil, err
		}
		c, err := l.load(n)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no cluster %q in %s; `lab status` lists them", n, l.dir)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (l *Lab) load(name string) (Cluster, error) {
	dir := filepath.Join(l.dir, name)
	s, err := spec.Load(dir)
	if err != nil {
		return Cluster{}, err
	}
	info, err := os.Stat(spec.File(dir))
	if err != nil {
		return Cluster{}, fmt.Errorf("read cluster: %w", err)
	}
	return Cluster{Cluster: s, dir: dir, created: info.ModTime()}, nil
}

// locked runs do while no other process changes the lab. It is held for
// changes only, never while waiting for a cluster.
func (l *Lab) locked(do func() error) error {
	held, err := l.lock()
	if err != nil {
		return err
	}
	defer held.Release()
	return do()
}

func (l *Lab) lock() (*flock.Held, error) {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make lab directory: %w", err)
	}
	held, err := flock.Take(filepath.Join(l.dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("lock lab: %w", err)
	}
	return held, nil
}

// part is one of the processes of a cluster.
type part struct{ record, log string }

var (
	controlPlane = part{record: "process.json", log: "cluster.log"}
	realNodes    = part{record: "nodes.json", log: "nodes.log"}
)

// process returns the identity of the process that was last started for a part
// of the cluster; false if none was, or it was stopped on purpose.
func (c Cluster) process(p part) (proc.Identity, bool) {
	id, err := readIdentity(c.file(p.record))
	return id, err == nil
}

func (c Cluster) alive(p part) bool {
	id, ok := c.process(p)
	return ok && id.State() != proc.Gone
}

func (c Cluster) file(name string) string { return filepath.Join(c.dir, name) }

// Log is the path of the file that the process of the control plane writes to.
func (c Cluster) Log() string { return c.file(controlPlane.log) }
