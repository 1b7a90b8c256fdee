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
// /proc, /run, /var/lib, /var/log and host name. Nothing of it is seen outside.
func furnish(n spec.RealNode, dir, toolsDir string) error {
	lib, log := filepath.Join(dir, "lib"), filepath.Join(dir, "log")
	for _, d := range []string{lib, log} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	// Held open, for the mounts to come may cover the paths.
	sources := map[string]string{lib: "/var/lib", log: "/var/log", toolsDir: tools}
	held := map[string]*os.File{}
	for path := range sources {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		held[path] = f
	}
	if err := mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", "/run", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	for path, target := range sources {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := mount(fmt.Sprintf("/proc/self/fd/%d", held[path].Fd()), target, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	const staging = "/run/lab/cgroup"
	if err := os.MkdirAll(staging, 0o755); err != nil {
		return err
	}
	if err := ownCgroups(n.Cgroup, staging); err != nil {
		return err
	}
	if err := pretend(); err != nil {
		return err
	}
	// Volumes of the kubelet spread to containers, but not out of the node.
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil { // of this network only
		return err
	}
	return syscall.Sethostname([]byte(n.Name))
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
