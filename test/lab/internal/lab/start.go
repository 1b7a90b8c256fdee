package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/proc"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

const (
	readyPoll = 50 * time.Millisecond
	// portPatience is how long a killed process may hold its port.
	portPatience = 5 * time.Second
	remind       = 10 * time.Second
	logTail      = 15 // lines shown of the log of a cluster that does not start
	// logLimit is the size above which a log is begun anew at the next start, the old one kept beside it.
	logLimit = 32 << 20
)

// Start starts those clusters that do not run, at most parallel at a time, and
// returns when all are ready. Each may take as long as timeout. The first
// failure ends the wait for the others; what runs goes on running.
func (l *Lab) Start(ctx context.Context, clusters []Cluster, parallel int, timeout time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, c := range clusters {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return l.startOne(ctx, c, timeout)
		})
	}
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; clusters that were started keep running (`lab down` removes them)")
	}
	return err
}

func (l *Lab) startOne(ctx context.Context, c Cluster, timeout time.Duration) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	var ended, nodesEnded <-chan struct{}
	err := l.locked(func() (err error) {
		if !c.alive(controlPlane) {
			if ended, err = l.spawnControlPlane(c); err != nil {
				return err
			}
		}
		if c.RealNodes > 0 && !c.alive(realNodes) {
			nodesEnded, err = l.spawnRealNodes(c)
		}
		return err
	})
	if err != nil {
		return err
	}
	if id, ok := c.process(controlPlane); ok && id.State() == proc.Paused {
		return fmt.Errorf("cluster %s is paused; `lab resume %s` lets it go on", c.Name, c.Name)
	}
	if err := l.waitReady(ctx, c, ended, nodesEnded, began); err != nil {
		return fmt.Errorf("start cluster %s: %w\n%s%s", c.Name, err, tail(c.Log(), logTail), c.nodesTail())
	}
	if ended == nil {
		l.say("%s: runs already at %s", c.Name, c.Server())
		return nil
	}
	l.say("%s: ready after %.1f s at %s (%s in %s/%s)", c.Name, time.Since(began).Seconds(), c.Server(), c.size(), c.Region, joined(c.Zones))
	return nil
}

func (l *Lab) spawnControlPlane(c Cluster) (<-chan struct{}, error) {
	if err := soonFree(c.Port); err != nil {
		return nil, fmt.Errorf("start cluster %s: its port is taken by another program: %w; end that program, or remove the cluster and create it again", c.Name, err)
	}
	if err := os.Remove(c.file(spec.ReadyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	return l.spawn(c, controlPlane, l.program.ControlPlane)
}

// soonFree gives the kernel time to clear away a process that was killed: it
// counts as dead before its last thread has let go of the port.
func soonFree(port int) error {
	for end := time.Now().Add(portPatience); ; time.Sleep(readyPoll) {
		if err := portFree(port); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (l *Lab) spawnRealNodes(c Cluster) (<-chan struct{}, error) {
	if err := c.CheckReal(); err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	return l.spawn(c, realNodes, l.program.RealNodes)
}

// spawn starts one of the cluster's processes in a session of its own, so that
// neither the end of this one nor of its terminal reaches it. The channel
// closes when the process ends.
func (l *Lab) spawn(c Cluster, p part, program []string) (<-chan struct{}, error) {
	log, err := openLog(c.file(p.log))
	if err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program[0], append(append([]string{}, program[1:]...), c.dir)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	ended := make(chan struct{})
	id, err := proc.Identify(cmd.Process.Pid)
	if err == nil {
		err = writeIdentity(c.file(p.record), id)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start cluster %s: %w", c.Name, err), cmd.Process.Kill(), cmd.Wait())
	}
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in its log
	}()
	l.say("%s: starting (process %d)", c.Name, id.PID)
	return ended, nil
}

func (c Cluster) size() string {
	if c.RealNodes == 0 {
		return fmt.Sprintf("%d nodes", c.Nodes)
	}
	return fmt.Sprintf("%d simulated and %d real nodes", c.Nodes, c.RealNodes)
}

var (
	errTimeout = errors.New("not ready in time")
	errEnded   = errors.New("its process has ended")
	errNodes   = errors.New("the process of its real nodes has ended")
)

// nodesTail is the end of what the process of the real nodes wrote.
func (c Cluster) nodesTail() string {
	if c.RealNodes == 0 {
		return ""
	}
	return "\n" + tail(c.file(realNodes.log), logTail)
}

// waitReady returns when the cluster has seen itself work. Ended and nodesEnded
// may be nil for processes that somebody else started.
func (l *Lab) waitReady(ctx context.Context, c Cluster, ended, nodesEnded <-chan struct{}, began time.Time) error {
	look, say := time.NewTicker(readyPoll), time.NewTicker(remind)
	defer look.Stop()
	defer say.Stop()
	for {
		if _, err := os.Stat(c.file(spec.ReadyFile)); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			return errEnded
		case <-nodesEnded:
			return errNodes
		case <-say.C:
			l.say("%s: not ready yet after %.0f s", c.Name, time.Since(began).Seconds())
		case <-look.C:
			if ended == nil && !c.alive(controlPlane) {
				return errEnded
			}
		}
	}
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, fmt.Errorf("put log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}
