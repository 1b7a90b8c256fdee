// Package flock is a lock between processes. A path goes in, the right to go
// on comes out; it ends with its holder, even one that is killed. It never
// times out.
package flock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Held is an exclusive lock that this process has.
type Held struct{ f *os.File }

// Take waits for and takes the lock named by path, making its file.
func Take(path string) (*Held, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		if err := exclusive(f); err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		current, err := isCurrent(f, path)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if current {
			return &Held{f}, nil
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("close lock: %w", err)
		}
	}
}

// Release lets the next one in.
func (l *Held) Release() { _ = l.f.Close() }

// Discard removes the lock's file and lets the next one in.
func (l *Held) Discard() {
	_ = os.Remove(l.f.Name())
	_ = l.f.Close()
}

func exclusive(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// isCurrent tells whether the locked file is still the one at path: its
// previous holder may have removed it while we waited.
func isCurrent(f *os.File, path string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("examine lock: %w", err)
	}
	theirs, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("examine lock: %w", err)
	}
	return os.SameFile(mine, theirs), nil
}
