// Package cgroup removes control groups that nobody is in any more. The path of
// a group goes in; the group and those below it are gone from every hierarchy
// when it returns. It never moves or ends a process.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Root is where the hierarchies are mounted.
const Root = "/sys/fs/cgroup"

const (
	patience = 5 * time.Second
	poll     = 50 * time.Millisecond
)

// Remove deletes the group of that path in all hierarchies below root: each
// controller's of version 1, and version 2's. A group whose last process has
// just ended may be busy a little longer.
func Remove(root, path string) error {
	found, err := filepath.Glob(filepath.Join(root, "*", path))
	if err != nil {
		return fmt.Errorf("find control groups: %w", err)
	}
	for _, dir := range append(found, filepath.Join(root, path)) {
		if err := removeTree(dir); err != nil {
			return fmt.Errorf("remove control group: %w", err)
		}
		// The labs' common parent goes with the last of them.
		_ = syscall.Rmdir(filepath.Dir(dir))
	}
	return nil
}

func removeTree(top string) error {
	var dirs []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Reverse(dirs)
	for _, d := range dirs {
		if err := removeOne(d); err != nil {
			return err
		}
	}
	return nil
}

func removeOne(dir string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(poll) {
		err := syscall.Rmdir(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if time.Now().After(deadline) {
			return &os.PathError{Op: "rmdir", Path: dir, Err: err}
		}
	}
}
