//go:build linux || darwin

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// lock waits for the right to change the bucket, among goroutines and among
// processes. It is held for the short part of a change only: a process that is
// stopped while it holds it stops all writers.
func (b *Bucket) lock(ctx context.Context, root *os.Root) (unlock func(), err error) {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the lock: %w", ctx.Err())
	}
	f, err := b.lockFile(ctx, root)
	if err != nil {
		<-b.turn
		return nil, err
	}
	return func() { f.Close(); <-b.turn }, nil
}

// lockFile locks the file that is there once the lock is held; it may have
// been replaced by a bucket set up anew.
func (b *Bucket) lockFile(ctx context.Context, root *os.Root) (*os.File, error) {
	for {
		f, err := root.OpenFile(lockFile, os.O_RDWR, 0)
		if isMissing(err) {
			return nil, b.noBucket()
		}
		if err != nil {
			return nil, fmt.Errorf("open the lock: %w", err)
		}
		if err := flock(ctx, f); err != nil {
			return nil, err
		}
		mine, err := f.Stat()
		if err == nil {
			if now, err := root.Stat(lockFile); err == nil && os.SameFile(mine, now) {
				return f, nil
			}
		}
		f.Close()
	}
}

// flock closes f unless it returns with the lock held.
func flock(ctx context.Context, f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return fmt.Errorf("lock the bucket: %w", err)
	}
	locked := make(chan struct{})
	go func() {
		defer close(locked)
		err = flockWait(f)
	}()
	select {
	case <-locked:
		if err != nil {
			f.Close()
			return fmt.Errorf("lock the bucket: %w", err)
		}
		return nil
	case <-ctx.Done():
		go func() {
			<-locked // however late
			f.Close()
		}()
		return fmt.Errorf("%w: another process holds its lock: %w", hub.ErrUnavailable, ctx.Err())
	}
}

func flockWait(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// identify looks a file up by its descriptor.
func identify(f *os.File) (sighting, error) {
	info, err := f.Stat()
	if err != nil {
		return sighting{}, err
	}
	return sight(info), nil
}

func sight(info os.FileInfo) sighting {
	s := sighting{
		id:      identity{ModTime: info.ModTime().UnixNano(), Size: info.Size()},
		changed: info.ModTime().UTC(),
		regular: info.Mode().IsRegular(),
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.id.Inode = sys.Ino
		s.changed = changeTime(sys).UTC()
	}
	return s
}
