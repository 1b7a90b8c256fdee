// Package slot shares out the machine's slots (a number each, from which a
// cluster's port and address ranges follow) among all labs of all users. The
// path of a cluster's directory goes in, a number that no other cluster holds
// comes out. It never looks into a cluster, nor takes a slot from a directory
// that still exists.
package slot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/flock"
)

// Machine is the directory where claims meet. It is /tmp whatever TMPDIR says:
// ports and loopback addresses belong to the machine, not to one environment.
const Machine = "/tmp"

// ErrNone says that every slot is taken.
var ErrNone = errors.New("no free slot: too many lab clusters on this machine")

// Registry keeps a claim as a symbolic link whose target is the directory of
// the cluster that holds it: making a link is atomic and carries its content,
// also between users. A claim whose target is gone is free again.
type Registry struct {
	Dir   string
	Slots int
}

// Claim gives the first slot to owner (an absolute path that exists) that no
// other owner holds and that usable accepts.
func (r Registry) Claim(owner string, usable func(slot int) bool) (int, error) {
	unlock, err := r.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	for n := range r.Slots {
		if r.held(n) || !usable(n) {
			continue
		}
		err := os.Symlink(owner, r.link(n))
		if errors.Is(err, fs.ErrExist) {
			continue // another user was faster
		}
		if err != nil {
			return 0, fmt.Errorf("claim slot %d: %w", n, err)
		}
		return n, nil
	}
	return 0, ErrNone
}

// Release gives a slot back if owner holds it.
func (r Registry) Release(n int, owner string) error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if target, err := os.Readlink(r.link(n)); err != nil || target != owner {
		return nil
	}
	if err := os.Remove(r.link(n)); err != nil {
		return fmt.Errorf("release slot %d: %w", n, err)
	}
	return nil
}

// held tells whether a slot is taken, after dropping a claim of this user's
// that nobody stands behind any more.
func (r Registry) held(n int) bool {
	target, err := os.Readlink(r.link(n))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		return true // something else of that name: leave it alone
	}
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	info, err := os.Lstat(r.link(n))
	if err != nil {
		return true
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
		return true // only its user may know that it is stale; our lock does not cover it
	}
	return os.Remove(r.link(n)) != nil
}

func (r Registry) link(n int) string {
	return filepath.Join(r.Dir, fmt.Sprintf("kubectl-fed-lab-slot-%d", n))
}

// lock keeps this user's other labs out, and is removed on release: nothing is
// left behind in a place that all users share.
func (r Registry) lock() (unlock func(), err error) {
	path := filepath.Join(r.Dir, fmt.Sprintf("kubectl-fed-lab-%d.lock", os.Getuid()))
	l, err := flock.Take(path)
	if err != nil {
		return nil, fmt.Errorf("lock slots: %w", err)
	}
	return l.Discard, nil
}
