package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/cgroup"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/proc"
)

const (
	// stopGrace is how long a cluster may take to stop by itself: its process
	// gives its components 4 s, then its store as much.
	stopGrace = 10 * time.Second
	killGrace = 10 * time.Second
	endPoll   = 20 * time.Millisecond
)

// Scope is what of a cluster is meant.
type Scope int

// The scopes.
const (
	Whole Scope = iota
	// ControlPlane leaves real nodes alone: their pods, and the addresses that
	// lead to them, go on.
	ControlPlane
)

// Stop stops clusters and keeps their data. One that does not end in time is
// killed; real nodes are switched off as they are.
func (l *Lab) Stop(ctx context.Context, clusters []Cluster, scope Scope) error {
	return l.each(ctx, clusters, func(ctx context.Context, c Cluster) error {
		stopped, err := l.stopOne(ctx, c, scope)
		if err == nil && stopped {
			l.say("%s: stopped", c.Name)
		} else if err == nil {
			l.say("%s: does not run", c.Name)
		}
		return err
	})
}

// Kill ends clusters as a power cut would, and keeps their data.
func (l *Lab) Kill(ctx context.Context, clusters []Cluster, scope Scope) error {
	return l.each(ctx, clusters, func(ctx context.Context, c Cluster) error {
		running := c.running(scope)
		if len(running) == 0 {
			return fmt.Errorf("kill cluster %s: it does not run", c.Name)
		}
		if err := endAll(ctx, running, syscall.SIGKILL, killGrace); err != nil {
			return fmt.Errorf("kill cluster %s: %w", c.Name, err)
		}
		l.say("%s: killed", c.Name)
		return l.forget(c)
	})
}

// running is the cluster's living processes, those of real nodes with all that
// run in them.
func (c Cluster) running(scope Scope) []proc.Identity {
	var out []proc.Identity
	if id, ok := c.process(controlPlane); ok && id.State() != proc.Gone {
		out = append(out, id)
	}
	if id, ok := c.process(realNodes); ok && scope == Whole {
		out = append(out, id.Tree()...)
	}
	return out
}

// Pause suspends clusters: they keep their connections and answer nothing.
func (l *Lab) Pause(ctx context.Context, clusters []Cluster, scope Scope) error {
	return l.signal(ctx, clusters, scope, syscall.SIGSTOP, "paused")
}

// Resume lets paused clusters go on.
func (l *Lab) Resume(ctx context.Context, clusters []Cluster, scope Scope) error {
	return l.signal(ctx, clusters, scope, syscall.SIGCONT, "resumed")
}

func (l *Lab) signal(ctx context.Context, clusters []Cluster, scope Scope, sig syscall.Signal, done string) error {
	return l.each(ctx, clusters, func(_ context.Context, c Cluster) error {
		if len(c.running(scope)) == 0 {
			return fmt.Errorf("cluster %s does not run", c.Name)
		}
		if err := signalAll(c, scope, sig); err != nil {
			return fmt.Errorf("signal cluster %s: %w", c.Name, err)
		}
		l.say("%s: %s", c.Name, done)
		return nil
	})
}

// signalAll reaches parents before children, and goes on until it meets nobody
// new: a process may start another one before its turn comes.
func signalAll(c Cluster, scope Scope, sig syscall.Signal) error {
	met := map[proc.Identity]bool{}
	for again := true; again; {
		again = false
		for _, id := range c.running(scope) {
			if met[id] {
				continue
			}
			met[id], again = true, true
			if err := id.Signal(sig); err != nil && !errors.Is(err, proc.ErrGone) {
				return err
			}
		}
	}
	return nil
}

// Remove stops clusters and deletes their data and contexts.
func (l *Lab) Remove(ctx context.Context, clusters []Cluster) error {
	return l.each(ctx, clusters, func(ctx context.Context, c Cluster) error {
		// The data is about to go: nothing is gained by an orderly end.
		if err := endAll(ctx, c.running(Whole), syscall.SIGKILL, killGrace); err != nil {
			return fmt.Errorf("remove cluster %s: %w", c.Name, err)
		}
		if err := l.locked(func() error { return l.delete(c) }); err != nil {
			return fmt.Errorf("remove cluster %s: %w", c.Name, err)
		}
		l.say("%s: removed", c.Name)
		return nil
	})
}

func (l *Lab) delete(c Cluster) error {
	if c.alive(controlPlane) || c.alive(realNodes) {
		return errors.New("somebody has started it again")
	}
	if err := c.clear(); err != nil {
		return err
	}
	if err := l.dropContext(c); err != nil {
		return err
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("delete data: %w", err)
	}
	return l.slots.Release(c.Slot, c.dir)
}

// Down removes all clusters and the lab's directory. Files in it that are not
// the lab's stay, and are named in the error.
func (l *Lab) Down(ctx context.Context) error {
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	clusters, err := l.Clusters()
	if err != nil {
		return err
	}
	if err := l.Remove(ctx, clusters); err != nil {
		return err
	}
	held, err := l.lock()
	if err != nil {
		return err
	}
	defer held.Discard()
	for _, f := range []string{l.Kubeconfig(), l.Kubeconfig() + ".lock"} {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove lab: %w", err)
		}
	}
	return removeEmpty(l.dir)
}

// removeEmpty removes a directory that holds nothing but the lock.
func removeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("remove lab: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			return fmt.Errorf("remove lab: %s stays: %s is not the lab's", dir, e.Name())
		}
	}
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		return fmt.Errorf("remove lab: %w", err)
	}
	if err := os.Remove(dir); err != nil {
		return fmt.Errorf("remove lab: %w", err)
	}
	return nil
}

// each runs do for all clusters at once and returns all errors.
func (l *Lab) each(ctx context.Context, clusters []Cluster, do func(context.Context, Cluster) error) error {
	errs := make([]error, len(clusters))
	var group errgroup.Group
	for i, c := range clusters {
		group.Go(func() error {
			errs[i] = do(ctx, c)
			return nil
		})
	}
	_ = group.Wait()
	return errors.Join(errs...)
}

// stopOne tells whether there was anything to stop.
func (l *Lab) stopOne(ctx context.Context, c Cluster, scope Scope) (bool, error) {
	all := c.running(scope)
	if len(all) == 0 {
		return false, l.forget(c)
	}
	id := all[0]
	if c.alive(controlPlane) {
		all = all[1:]
	}
	if err := endAll(ctx, all, syscall.SIGKILL, killGrace); err != nil {
		return true, fmt.Errorf("stop real nodes of cluster %s: %w", c.Name, err)
	}
	err := end(ctx, id, syscall.SIGTERM, stopGrace)
	if errors.Is(err, errStays) {
		l.say("%s: did not stop within %s, killing it", c.Name, stopGrace)
		err = end(ctx, id, syscall.SIGKILL, killGrace)
	}
	if err != nil {
		return true, fmt.Errorf("stop cluster %s: %w", c.Name, err)
	}
	return true, l.forget(c)
}

// forget removes the notes of processes that were ended on purpose, and what
// they leave in the kernel.
func (l *Lab) forget(c Cluster) error {
	return l.locked(func() error {
		for _, p := range []part{controlPlane, realNodes} {
			if c.alive(p) {
				continue
			}
			if err := os.Remove(c.file(p.record)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("forget process of cluster %s: %w", c.Name, err)
			}
		}
		return c.clear()
	})
}

// clear removes the control groups that ended real nodes leave behind.
func (c Cluster) clear() error {
	if c.RealNodes == 0 || c.alive(realNodes) {
		return nil
	}
	return cgroup.Remove(cgroup.Root, c.Cgroup())
}

var errStays = errors.New("it does not end")

// endAll ends processes that end each other: all are signalled, then all waited for.
func endAll(ctx context.Context, all []proc.Identity, sig syscall.Signal, grace time.Duration) error {
	for _, id := range all {
		if err := id.Signal(sig); err != nil && !errors.Is(err, proc.ErrGone) {
			return err
		}
	}
	for _, id := range all {
		if err := end(ctx, id, sig, grace); err != nil {
			return err
		}
	}
	return nil
}

// end signals a process and waits until it is gone; one that is gone already is no error.
func end(ctx context.Context, id proc.Identity, sig syscall.Signal, grace time.Duration) error {
	if err := id.Signal(sig); errors.Is(err, proc.ErrGone) {
		return nil
	} else if err != nil {
		return err
	}
	// A paused process would see the signal only when it goes on.
	if err := id.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, proc.ErrGone) {
		return err
	}
	limit := time.After(grace)
	look := time.NewTicker(endPoll)
	defer look.Stop()
	for id.State() != proc.Gone {
		select {
		case <-look.C:
		case <-limit:
			return errStays
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
