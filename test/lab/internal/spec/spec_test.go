package spec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		arg, name, region string
		zones             []string
		placed            bool
	}{
		{"us-east1-b", "us-east1-b", "us-east1", []string{"us-east1-b"}, false},
		{"gce-us-east1-b", "gce-us-east1-b", "us-east1", []string{"us-east1-b"}, false},
		{"cluster-us-central1-f", "cluster-us-central1-f", "us-central1", []string{"us-central1-f"}, false},
		{"gce-europe-west12-a", "gce-europe-west12-a", "europe-west12", []string{"europe-west12-a"}, false},
		{"c1", "c1", "lab", []string{"c1"}, false},
		{"us-east1", "us-east1", "lab", []string{"us-east1"}, false},
		{"west-1-b", "west-1-b", "lab", []string{"west-1-b"}, false},
		{"us-east1-b=r/z", "us-east1-b", "r", []string{"z"}, true},
		{"a=eu/eu-1,eu-2", "a", "eu", []string{"eu-1", "eu-2"}, true},
	} {
		got, placed, err := Parse(c.arg)
		want := Cluster{Name: c.name, Region: c.region, Zones: c.zones}
		if err != nil || placed != c.placed || !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q) = %+v, %v, %v; want %+v, %v", c.arg, got, placed, err, want, c.placed)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for arg, reason := range map[string]string{
		"":                      "cluster name",
		"Up":                    "cluster name",
		"../x":                  "cluster name",
		"a_b":                   "cluster name",
		"-a":                    "cluster name",
		strings.Repeat("a", 51): "at most 50",
		"kubeconfig":            "taken by a file",
		"lock=r/z":              "taken by a file",
		"a=r":                   "NAME=REGION/ZONE",
		"a=/z":                  "region or zone",
		"a=r/":                  "region or zone",
		"a=r/z,":                "region or zone",
		"a=r/z/z":               "region or zone",
	} {
		if _, _, err := Parse(arg); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("Parse(%q): error %v; want one with %q", arg, err, reason)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a", "gce-us-east1-b", "a=r/z1,z2", "a=", "=/", "../a=r/z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		c, _, err := Parse(arg)
		if err != nil {
			return
		}
		if filepath.Base(c.Name) != c.Name || len(c.Zones) == 0 || len(c.NodeName(249)) > 63 {
			t.Errorf("Parse(%q) = %+v", arg, c)
		}
		for i, z := range append([]string{c.Region}, c.Zones...) {
			if !label.MatchString(z) {
				t.Errorf("Parse(%q): place %d is %q, no label value", arg, i, z)
			}
		}
	})
}

func TestSlotsDoNotCollide(t *testing.T) {
	ports, balancers, services, pods := map[int]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for n := range Slots {
		c := Cluster{}.InSlot(n)
		ports[c.Port], balancers[c.BalancerRange] = true, true
		if n < 256 {
			services[c.ServiceRange] = true
		}
		if n < 128 {
			pods[c.PodRange] = true
		}
		if c.Port >= 32768 {
			t.Fatalf("slot %d: port %d may be given to an outgoing connection", n, c.Port)
		}
		if _, err := c.ServiceIP(); err != nil {
			t.Fatalf("slot %d: %v", n, err)
		}
	}
	if len(ports) != Slots || len(balancers) != Slots || len(services) != 256 || len(pods) != 128 {
		t.Errorf("distinct: %d ports, %d balancer ranges, %d service ranges, %d pod ranges", len(ports), len(balancers), len(services), len(pods))
	}
}

func TestNodesGoRoundTheZones(t *testing.T) {
	c := Cluster{Name: "a", Zones: []string{"z1", "z2"}}
	for i, want := range []string{"z1", "z2", "z1"} {
		if got := c.NodeZone(i); got != want {
			t.Errorf("node %d is in %s; want %s", i, got, want)
		}
	}
}

func TestSaveLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of an empty directory: %v; want fs.ErrNotExist", err)
	}
	want := Cluster{Name: "a", Region: "r", Zones: []string{"z"}, Nodes: 3}.InSlot(7)
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(dir); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Load = %+v, %v; want %+v", got, err, want)
	}
	moved := filepath.Join(filepath.Dir(dir), "b")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(moved); err == nil {
		t.Error("a directory that was renamed passed for its cluster")
	}
	if err := os.WriteFile(File(moved), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(moved); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a damaged file: %v", err)
	}
}
