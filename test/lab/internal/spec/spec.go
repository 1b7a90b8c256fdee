// Package spec says what one cluster of a lab is: its name, where its nodes
// stand, and the port and address ranges that its slot gives it. A name or a
// slot goes in, a Cluster comes out; it is kept as cluster.json in the
// cluster's directory. It never starts, stops or asks anything.
package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Slots is how many clusters may exist on one machine, in all labs together.
// Every slot has a port and ranges of its own.
const Slots = 1024

// ReadyFile appears in a cluster's directory when the cluster's process has
// seen it work. Whoever starts the process removes an earlier one first.
const ReadyFile = "ready"

// firstPort is the API server's port in slot 0. The range lies below the
// ports that Linux hands out to outgoing connections (32768 and above), so a
// stopped cluster finds its port free again.
const firstPort = 21000

// Cluster is what is written to cluster.json when a cluster is created. It
// does not change afterwards, so a cluster comes back at the same address.
type Cluster struct {
	Name   string   `json:"name"`
	Region string   `json:"region"`
	Zones  []string `json:"zones"`
	Nodes  int      `json:"nodes"` // simulated
	// RealNodes is how many nodes run containers, with the programs in NodeTools, an absolute path.
	RealNodes int    `json:"realNodes,omitempty"`
	NodeTools string `json:"nodeTools,omitempty"`
	// App, an absolute path, is a program that answers for the pods of simulated
	// nodes; empty for none.
	App string `json:"app,omitempty"`

	Slot          int    `json:"slot"`
	Port          int    `json:"port"`
	ServiceRange  string `json:"serviceRange"`
	PodRange      string `json:"podRange"`
	BalancerRange string `json:"balancerRange"`
}

// InSlot returns the cluster with the port and ranges of a slot. Load balancer
// ranges differ in every slot; Service ranges in the first 256, pod ranges in
// the first 128, which is more clusters than one machine holds.
func (c Cluster) InSlot(slot int) Cluster {
	c.Slot = slot
	c.Port = firstPort + slot
	c.ServiceRange = fmt.Sprintf("10.%d.%d.0/20", 96+slot%256/16, slot%16*16)
	c.PodRange = fmt.Sprintf("10.%d.0.0/16", 112+slot%128)
	c.BalancerRange = fmt.Sprintf("127.%d.%d.0/24", 100+slot/256, slot%256)
	return c
}

// Server is the URL of the cluster's API server.
func (c Cluster) Server() string { return fmt.Sprintf("https://127.0.0.1:%d", c.Port) }

// AppAddress is where App listens: a loopback address of the cluster's own.
func (c Cluster) AppAddress() string {
	return fmt.Sprintf("127.%d.%d.1:8080", 110+c.Slot/256, c.Slot%256)
}

// ServiceIP is the address of the Service "kubernetes": the first of the range.
func (c Cluster) ServiceIP() (netip.Addr, error) {
	p, err := netip.ParsePrefix(c.ServiceRange)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read service range: %w", err)
	}
	return p.Addr().Next(), nil
}

// NodeName is the name of the cluster's i-th node.
func (c Cluster) NodeName(i int) string { return fmt.Sprintf("%s-node-%d", c.Name, i) }

// NodeZone is the zone of the cluster's i-th node: nodes go round the zones.
func (c Cluster) NodeZone(i int) string { return c.Zones[i%len(c.Zones)] }

// longestName leaves room for the node's suffix in a label's 63 characters.
const longestName = 50

var (
	label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	// zoneAtEnd finds a cloud zone at the end of a name: us-east1-b in gce-us-east1-b.
	zoneAtEnd = regexp.MustCompile(`(?:^|-)([a-z]+-[a-z]+[0-9]+)-([a-z])$`)
	// reserved names are files that a lab keeps beside its clusters' directories.
	reserved = map[string]bool{"kubeconfig": true, "lock": true}
)

// CheckName tells whether a name can be a cluster's: a DNS label, since it
// becomes a directory, a context and part of node names.
func CheckName(name string) error {
	if !label.MatchString(name) || len(name) > longestName {
		return fmt.Errorf("cluster name %q: want lower-case letters, digits and '-', at most %d, beginning and ending with a letter or digit", name, longestName)
	}
	if reserved[name] {
		return fmt.Errorf("cluster name %q is taken by a file of the lab; choose another", name)
	}
	return nil
}

// Parse reads NAME or NAME=REGION/ZONE[,ZONE...]. Without a place, region and
// zone are taken from a name that ends in a zone, such as gce-us-east1-b; any
// other name becomes the zone itself, in region "lab".
func Parse(arg string) (c Cluster, placed bool, err error) {
	name, place, placed := strings.Cut(arg, "=")
	if err := CheckName(name); err != nil {
		return Cluster{}, false, err
	}
	c = Cluster{Name: name}
	if !placed {
		c.Region, c.Zones = placeOf(name)
		return c, false, nil
	}
	region, zones, ok := strings.Cut(place, "/")
	if !ok {
		return Cluster{}, false, fmt.Errorf("cluster %q: want NAME=REGION/ZONE[,ZONE...]", arg)
	}
	c.Region, c.Zones = region, strings.Split(zones, ",")
	for _, v := range append([]string{region}, c.Zones...) {
		if !label.MatchString(v) {
			return Cluster{}, false, fmt.Errorf("cluster %q: region or zone %q: want lower-case letters, digits and '-'", arg, v)
		}
	}
	return c, true, nil
}

func placeOf(name string) (region string, zones []string) {
	if m := zoneAtEnd.FindStringSubmatch(name); m != nil {
		return m[1], []string{m[1] + "-" + m[2]}
	}
	return "lab", []string{name}
}

// SamePlace tells whether two descriptions put a cluster in the same region and zones.
func (c Cluster) SamePlace(o Cluster) bool {
	return c.Region == o.Region && strings.Join(c.Zones, ",") == strings.Join(o.Zones, ",")
}

// File is where the description of the cluster kept in dir is.
func File(dir string) string { return filepath.Join(dir, "cluster.json") }

// Save writes the description into the cluster's directory.
func (c Cluster) Save(dir string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode cluster %s: %w", c.Name, err)
	}
	if err := os.WriteFile(File(dir), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write cluster %s: %w", c.Name, err)
	}
	return nil
}

// Load reads the description of the cluster kept in a directory. The error is
// fs.ErrNotExist when the directory is not a cluster's.
func Load(dir string) (Cluster, error) {
	b, err := os.ReadFile(File(dir))
	if err != nil {
		return Cluster{}, fmt.Errorf("read cluster: %w", err)
	}
	var c Cluster
	if err := json.Unmarshal(b, &c); err != nil {
		return Cluster{}, fmt.Errorf("read %s: %w", File(dir), err)
	}
	if c.Name != filepath.Base(dir) || len(c.Zones) == 0 || c.Port == 0 {
		return Cluster{}, fmt.Errorf("read %s: %w", File(dir), errors.New("not the description of this cluster"))
	}
	return c, nil
}
