package realnode

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// tools is where a node finds its programs.
const tools = "/run/lab/tools"

// tunables are what a kubelet wants of the kernel. They are the whole
// machine's, so the node is shown files that say what it wants to read.
var tunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// furnish gives the node, which has just got namespaces of its own, its own
// /proc, /run, /var/lib, /var/log, control groups and host name. Nothing of it
// is seen outside.
func furnish(n spec.RealNode, dir, toolsDir string) error {
	sources := map[string]string{"/var/lib": filepath.Join(dir, "lib"), "/var/log": filepath.Join(dir, "log")}
	for _, d := range sources {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	sources[tools] = toolsDir
	for _, step := range []func() error{
		func() error { return mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error { return cover(sources) },
		func() error { return ownCgroups(n.Cgroup, "/run/lab/cgroup") },
		pretend,
		// Volumes of the kubelet spread to containers, but not out of the node.
		func() error { return mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "") },
		// Of this network only.
		func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644) },
		func() error { return syscall.Sethostname([]byte(n.Name)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// cover mounts what is the node's own over what is the host's.
func cover(sources map[string]string) error {
	// Held open, for the mounts to come may cover the paths.
	held := map[string]*os.File{}
	for target, path := range sources {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		held[target] = f
	}
	if err := mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", "/run", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	for target, f := range held {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := mount(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), target, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// pretend covers the tunables.
func pretend() error {
	for name, value := range tunables {
		file := filepath.Join("/run/lab/sys", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := mount(file, filepath.Join("/proc/sys", name), "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return nil
}
