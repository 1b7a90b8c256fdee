package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// Request is a cluster that is to exist.
type Request struct {
	spec.Cluster      // Name, Region, Zones and Nodes count
	Placed       bool // the place was given, not guessed from the name
	Sized        bool // the number of nodes was given
}

// Ensure returns the requested clusters, creating those that do not exist. One
// that exists otherwise than it was asked for is an error, and then none is
// created.
func (l *Lab) Ensure(requests []Request) ([]Cluster, error) {
	var out []Cluster
	err := l.locked(func() error {
		if err := l.checkAll(requests); err != nil {
			return err
		}
		for _, r := range requests {
			c, err := l.ensure(r)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return l.addContexts(out)
	})
	return out, err
}

func (l *Lab) checkAll(requests []Request) error {
	for _, r := range requests {
		if err := r.CheckReal(); err != nil {
			return err
		}
		c, err := l.load(r.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := r.check(c); err != nil {
			return err
		}
	}
	return nil
}

func (r Request) check(c Cluster) error {
	if r.Placed && !r.SamePlace(c.Cluster) {
		return fmt.Errorf("cluster %q exists in %s/%v; remove it first to have it elsewhere", c.Name, c.Region, c.Zones)
	}
	if r.Sized && r.Nodes != c.Nodes {
		return fmt.Errorf("cluster %q exists with %d nodes; remove it first to have %d", c.Name, c.Nodes, r.Nodes)
	}
	if r.App != "" && r.App != c.App {
		return fmt.Errorf("cluster %q exists without the program %s; remove it first to have it answer", c.Name, r.App)
	}
	if r.RealNodes > 0 && r.RealNodes != c.RealNodes {
		return fmt.Errorf("cluster %q exists with %d real nodes; remove it first to have %d", c.Name, c.RealNodes, r.RealNodes)
	}
	return nil
}

func (l *Lab) ensure(r Request) (Cluster, error) {
	c, err := l.load(r.Name)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	dir := filepath.Join(l.dir, r.Name)
	if err := makeOwn(dir); err != nil {
		return Cluster{}, err
	}
	if err := l.fill(dir, r.Cluster); err != nil {
		return Cluster{}, errors.Join(err, os.RemoveAll(dir))
	}
	return l.load(r.Name)
}

// fill gives the cluster a slot and certificates; its description comes last,
// so that a directory with one is complete.
func (l *Lab) fill(dir string, s spec.Cluster) error {
	n, err := l.slots.Claim(dir, func(n int) bool { return portFree(s.InSlot(n).Port) == nil })
	if err != nil {
		return fmt.Errorf("create cluster %s: %w", s.Name, err)
	}
	s = s.InSlot(n)
	ip, err := s.ServiceIP()
	if err != nil {
		return err
	}
	var nodes []string
	for i := range s.RealNodes {
		nodes = append(nodes, s.RealNode(i).Name)
	}
	certified := pki.Cluster{Nodes: nodes, Name: s.Name, Server: s.Server(), Addresses: []net.IP{net.IPv4(127, 0, 0, 1), ip.AsSlice()}}
	if err := pki.Write(dir, certified); err != nil {
		return errors.Join(err, l.slots.Release(n, dir))
	}
	if err := s.Save(dir); err != nil {
		return errors.Join(err, l.slots.Release(n, dir))
	}
	return nil
}

// makeOwn makes a cluster's directory. What an interrupted creation left is
// ours to replace; anything else there is not.
func makeOwn(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make cluster's directory: %w", err)
	}
	for _, e := range entries {
		if !pki.Made(e.Name()) {
			return fmt.Errorf("make cluster's directory: %s holds %s, which is not a cluster's", dir, e.Name())
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear cluster's directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make cluster's directory: %w", err)
	}
	return nil
}

// portFree tells why a port of the loopback address cannot be listened on; nil if it can.
func portFree(port int) error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", port, err)
	}
	return l.Close()
}
