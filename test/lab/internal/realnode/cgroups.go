package realnode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/cgroup"
)

const cgroup2Magic = 0x63677270 // CGROUP2_SUPER_MAGIC

// ownCgroups shows the node its own part of every hierarchy as if it were the
// whole: what runs in it makes and sees no other groups. Staging is a folder
// of the node's own.
func ownCgroups(path, staging string) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(cgroup.Root, &st); err != nil {
		return fmt.Errorf("look at %s: %w", cgroup.Root, err)
	}
	if st.Type == cgroup2Magic {
		if err := makeGroup(cgroup.Root, path); err != nil {
			return err
		}
		return mount(filepath.Join(cgroup.Root, path), cgroup.Root, "", syscall.MS_BIND, "")
	}
	if err := os.MkdirAll(staging, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(cgroup.Root)
	if err != nil {
		return fmt.Errorf("list hierarchies: %w", err)
	}
	for _, e := range entries {
		if err := stage(e, path, staging); err != nil {
			return err
		}
	}
	if err := syscall.Unmount(cgroup.Root, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", cgroup.Root, err)
	}
	return mount(staging, cgroup.Root, "", syscall.MS_BIND|syscall.MS_REC, "")
}

// stage puts the node's part of one hierarchy of version 1, or what stands
// beside the hierarchies, into the staging folder.
func stage(e fs.DirEntry, path, staging string) error {
	from, to := filepath.Join(cgroup.Root, e.Name()), filepath.Join(staging, e.Name())
	if e.Type()&fs.ModeSymlink != 0 { // such as cpu -> cpu,cpuacct
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	if !e.IsDir() {
		return nil
	}
	if err := makeGroup(from, path); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return mount(filepath.Join(from, path), to, "", syscall.MS_BIND, "")
}

// makeGroup makes a group with those above it, each fit to have processes below
// it: version 1 wants its processors named, version 2 its controllers.
func makeGroup(root, path string) error {
	parent := root
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		delegate(parent)
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make control group: %w", err)
		}
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := inherit(filepath.Join(parent, file), filepath.Join(dir, file)); err != nil {
				return fmt.Errorf("fill control group: %w", err)
			}
		}
		parent = dir
	}
	return nil
}

// delegate lets groups below have the controllers that this one has. One that
// cannot be is missed by a container that asks for it, and by nobody else.
func delegate(group string) {
	b, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return
	}
	for _, controller := range strings.Fields(string(b)) {
		_ = os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
}

// inherit fills an empty setting from the group above.
func inherit(from, to string) error {
	have, err := os.ReadFile(to)
	if errors.Is(err, fs.ErrNotExist) || len(strings.TrimSpace(string(have))) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil || len(strings.TrimSpace(string(b))) == 0 {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
