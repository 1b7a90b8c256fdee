package realnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

const (
	containerdSocket = "/run/containerd/containerd.sock"
	socketLimit      = time.Minute
	importLimit      = 2 * time.Minute
	// As a service manager would, for the kubelet gives up where it should wait.
	kubeletStarts = 10
	kubeletPause  = time.Second
)

// Inside is a node's first process: it furnishes the node, runs containerd and
// the kubelet, and collects what they leave. It returns when containerd ends or
// the kubelet does again and again; the kernel then ends everything else in the
// node. Kubelet is the command that
// becomes the kubelet when its arguments are appended.
func Inside(dir string, i int, kubelet []string) error {
	c, err := spec.Load(dir)
	if err != nil {
		return err
	}
	if i < 0 || i >= c.RealNodes {
		return fmt.Errorf("the cluster has no real node %d", i)
	}
	if os.Getpid() != 1 {
		return errors.New("not the first process of a namespace: `lab up` starts nodes")
	}
	host := bufio.NewReader(os.Stdin)
	if err := heard(host); err != nil {
		return err
	}
	n := c.RealNode(i)
	// Read before the node's own mounts may cover where it is.
	files, err := configuration(c, n, dir)
	if err != nil {
		return fmt.Errorf("configure node: %w", err)
	}
	if err := furnish(n, n.RealNodeDir(dir), c.NodeTools); err != nil {
		return fmt.Errorf("furnish node: %w", err)
	}
	if err := writeAll(files); err != nil {
		return fmt.Errorf("configure node: %w", err)
	}
	r := newReaper()
	runtime, err := r.start("/var/log/containerd.log", tools+"/containerd", "--config", containerdConfig)
	if err != nil {
		return err
	}
	if err := importImages(r, runtime); err != nil {
		return err
	}
	if err := heard(host); err != nil {
		return err
	}
	return supervise(r, n, runtime, append(append([]string{}, kubelet...), kubeletFlags(n)...), filepath.Join(n.RealNodeDir(dir), "log"))
}

// supervise keeps a kubelet running beside containerd. Logs is where the host
// sees what they write.
func supervise(r *reaper, n spec.RealNode, runtime <-chan error, kubelet []string, logs string) error {
	for range kubeletStarts {
		agent, err := r.start("/var/log/kubelet.log", kubelet[0], kubelet[1:]...)
		if err != nil {
			return err
		}
		select {
		case status := <-runtime:
			return fmt.Errorf("containerd ended (%v); its log is %s", status, filepath.Join(logs, "containerd.log"))
		case status := <-agent:
			fmt.Printf("node %s: the kubelet ended (%v)\n%s\n", n.Name, status, lastLines("/var/log/kubelet.log"))
		}
		time.Sleep(kubeletPause)
	}
	return fmt.Errorf("the kubelet ended %d times; its log is %s", kubeletStarts, filepath.Join(logs, "kubelet.log"))
}

// lastLines is where a program says why it ended.
func lastLines(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-3):], "\n  ")
}

// heard waits for a line from the host.
func heard(host *bufio.Reader) error {
	if _, err := host.ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("hear from the host: %w", err)
	} else if err != nil {
		return errors.New("the host has given up")
	}
	return nil
}

// importImages loads every image of the tools, once containerd listens.
func importImages(r *reaper, runtime <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), socketLimit)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, poll, true, func(context.Context) (bool, error) {
		select {
		case status := <-runtime:
			return false, fmt.Errorf("it ended (%v)", status)
		default:
		}
		c, err := net.Dial("unix", containerdSocket)
		if err != nil {
			return false, nil
		}
		return true, c.Close()
	})
	if err != nil {
		return fmt.Errorf("wait for containerd: %w", err)
	}
	images, err := filepath.Glob(tools + "/images/*.tar")
	if err != nil {
		return err
	}
	args := []string{"--address", containerdSocket, "--namespace", "k8s.io", "images", "import"}
	for _, image := range images {
		done, err := r.start("/var/log/import.log", tools+"/ctr", append(args, image)...)
		if err != nil {
			return err
		}
		select {
		case status := <-done:
			if status != nil {
				return fmt.Errorf("import image %s: %w", image, status)
			}
		case <-time.After(importLimit):
			return fmt.Errorf("import image %s: not done after %s", image, importLimit)
		}
	}
	return nil
}
