package spec

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No two real nodes of the first 128 slots share an address, a pod range, an
// interface or a control group, and no interface's name is too long.
func TestRealNodesDoNotCollide(t *testing.T) {
	seen := map[string]bool{}
	for slot := range 128 {
		c := Cluster{Name: "a", Zones: []string{"z"}}.InSlot(slot)
		whole := netip.MustParsePrefix(c.PodRange)
		for i := range MaxRealNodes {
			n := c.RealNode(i)
			for _, v := range []string{n.HostIP.String(), n.IP.String(), n.Pods.String(), n.Interface, n.Cgroup} {
				if seen[v] {
					t.Errorf("slot %d, node %d: %s is another's", slot, i, v)
				}
				seen[v] = true
			}
			if !whole.Contains(n.Pods.Addr()) {
				t.Errorf("slot %d, node %d: pods %s are not of the cluster's range %s", slot, i, n.Pods, whole)
			}
		}
	}
	if n := (Cluster{Zones: []string{"z"}}).InSlot(Slots - 1).RealNode(MaxRealNodes - 1); len(n.Interface) > 15 {
		t.Errorf("interface %s has more than 15 characters", n.Interface)
	}
}

func TestCheckReal(t *testing.T) {
	if err := (Cluster{}).CheckReal(); err != nil {
		t.Errorf("no real nodes: %v", err)
	}
	if err := (Cluster{RealNodes: MaxRealNodes + 1}).CheckReal(); err == nil {
		t.Error("more nodes than addresses are accepted")
	}
	c := Cluster{RealNodes: 1, NodeTools: t.TempDir()}
	want := "need root"
	if os.Geteuid() == 0 {
		want = "make node-tools"
	}
	if err := c.CheckReal(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want one with %q", err, want)
	}
	for _, f := range nodeTools {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(c.NodeTools, f)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.NodeTools, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CheckReal(); (err == nil) != (os.Geteuid() == 0) {
		t.Errorf("with all tools: %v", err)
	}
}
