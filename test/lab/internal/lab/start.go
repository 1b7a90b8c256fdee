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
	remind    = 10 * time.Second
	logTail   = 15 // lines shown of the log of a cluster that does not start
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
	var ended <-chan struct{}
	err := l.locked(func() (err error) {
		if c.alive() {
			return nil
		}
		ended, err = l.spawn(c)
		return err
	})
	if err != nil {
		return err
	}
	if id, ok := c.process(); ok && id.State() == proc.Paused {
		return fmt.Errorf("cluster %s is paused; `lab resume %s` lets it go on", c.Name, c.Name)
	}
	if err := l.waitReady(ctx, c, ended, began); err != nil {
		return fmt.Errorf("start cluster %s: %w\n%s", c.Name, err, tail(c.Log(), logTail))
	}
	if ended == nil {
		l.say("%s: runs already at %s", c.Name, c.Server())
		return nil
	}
	l.say("%s: ready after %.1f s at %s (%d nodes in %s/%s)", c.Name, time.Since(began).Seconds(), c.Server(), c.Nodes, c.Region, joined(c.Zones))
	return nil
}

// spawn starts the cluster's process in a session of its own, so that neither
// the end of this one nor of its terminal reaches it. The channel closes when
// the process ends.
func (l *Lab) spawn(c Cluster) (<-chan struct{}, error) {
	if err := portFree(c.Port); err != nil {
		return nil, fmt.Errorf("start cluster %s: its port is taken by another program: %w; end that program, or remove the cluster and create it again", c.Name, err)
	}
	if err := os.Remove(c.file(spec.ReadyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	log, err := openLog(c.Log())
	if err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(l.program[0], append(append([]string{}, l.program[1:]...), c.dir)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", c.Name, err)
	}
	ended := make(chan struct{})
	id, err := proc.Identify(cmd.Process.Pid)
	if err == nil {
		err = writeIdentity(c.file("process.json"), id)
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

var (
	errTimeout = errors.New("not ready in time")
	errEnded   = errors.New("its process has ended")
)

// waitReady returns when the cluster has seen itself work. Ended may be nil for
// a process that somebody else started.
func (l *Lab) waitReady(ctx context.Context, c Cluster, ended <-chan struct{}, began time.Time) error {
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
		case <-say.C:
			l.say("%s: not ready yet after %.0f s", c.Name, time.Since(began).Seconds())
		case <-look.C:
			if ended == nil && !c.alive() {
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
