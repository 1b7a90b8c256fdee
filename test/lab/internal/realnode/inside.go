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
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

const (
	containerdSocket = "/run/containerd/containerd.sock"
	socketLimit      = time.Minute
	importLimit      = 2 * time.Minute
)

// Inside is a node's first process: it furnishes the node, runs containerd and
// the kubelet, and collects what they leave. It returns when one of them ends;
// the kernel then ends everything else in the node. Kubelet is the command that
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
	agent, err := r.start("/var/log/kubelet.log", kubelet[0], append(append([]string{}, kubelet[1:]...), kubeletFlags(n)...)...)
	if err != nil {
		return err
	}
	select {
	case status := <-runtime:
		return fmt.Errorf("containerd ended (%v); its log is %s", status, filepath.Join(n.RealNodeDir(dir), "log", "containerd.log"))
	case status := <-agent:
		return fmt.Errorf("the kubelet ended (%v); its log is %s", status, filepath.Join(n.RealNodeDir(dir), "log", "kubelet.log"))
	}
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
