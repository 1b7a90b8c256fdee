package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// RealKey is the label (value "true") and the taint (NoSchedule) of real nodes:
// only a pod that asks for one lands there.
const RealKey = "lab.kubectl-fed.io/real"

// PauseImage is what holds a pod's namespaces on a real node.
const PauseImage = "lab.kubectl-fed.io/pause:1"

// MaxRealNodes follows from the addresses that a slot has for them.
const MaxRealNodes = 8

// RealNode is a node with a kubelet and containers: its names and addresses.
type RealNode struct {
	Name, Region, Zone string
	Interface          string       // the host's end of the node's cable
	HostIP, IP         netip.Addr   // the two ends of the cable, a /30
	Pods               netip.Prefix // the addresses of its pods
	Cgroup             string       // parent of its pods' control groups
}

// RealNode returns the cluster's i-th real node. Cables differ in the first 256
// slots. Pods are at the end of the cluster's range: the simulated ones are
// counted from its beginning.
func (c Cluster) RealNode(i int) RealNode {
	slot := byte(c.Slot % 256)
	return RealNode{
		Name:      fmt.Sprintf("%s-real-%d", c.Name, i),
		Region:    c.Region,
		Zone:      c.NodeZone(i),
		Interface: fmt.Sprintf("fedlab%dn%d", c.Slot, i),
		HostIP:    netip.AddrFrom4([4]byte{10, 94, slot, byte(4*i + 1)}),
		IP:        netip.AddrFrom4([4]byte{10, 94, slot, byte(4*i + 2)}),
		Pods:      netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(112 + c.Slot%128), byte(255 - i), 0}), 24),
		Cgroup:    filepath.Join(c.Cgroup(), fmt.Sprint(i)),
	}
}

// Cgroup is the parent of the control groups of all real nodes, below the root
// of every hierarchy.
func (c Cluster) Cgroup() string { return fmt.Sprintf("/kubectl-fed-lab/%d", c.Slot) }

// RealNodeDir is where a real node of the cluster kept in dir has its data.
func (n RealNode) RealNodeDir(dir string) string { return filepath.Join(dir, "nodes", n.Name) }

// nodeTools are the programs of a real node, relative to Cluster.NodeTools.
var nodeTools = []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "cni/bridge", "cni/host-local", "cni/loopback", "images/pause.tar"}

// CheckReal tells why this process cannot run the cluster's real nodes.
func (c Cluster) CheckReal() error {
	switch {
	case c.RealNodes == 0:
		return nil
	case c.App != "":
		return errors.New("real nodes answer for themselves: a program that answers for simulated ones goes with those alone")
	case c.RealNodes < 0 || c.RealNodes > MaxRealNodes:
		return fmt.Errorf("%d real nodes: want 0 to %d", c.RealNodes, MaxRealNodes)
	case os.Geteuid() != 0:
		return errors.New("real nodes need root: they make namespaces, mounts and control groups")
	}
	for _, t := range nodeTools {
		if _, err := os.Stat(filepath.Join(c.NodeTools, t)); err != nil {
			return fmt.Errorf("real nodes need containerd, runc and CNI plugins: %w; `make node-tools` puts them there", err)
		}
	}
	return nil
}
