package traffic

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestOwnCluster(t *testing.T) {
	cluster := func(name, sources string) v1alpha1.TrafficCluster {
		return v1alpha1.TrafficCluster{Name: name, Sources: strings.Fields(sources)}
	}
	for _, row := range []struct {
		name     string
		clusters []v1alpha1.TrafficCluster
		want     map[string]string
	}{
		{"none", nil, map[string]string{"10.0.0.1": ""}},
		{"ranges and single addresses", []v1alpha1.TrafficCluster{cluster("a", "10.1.0.0/16 192.0.2.7/32"), cluster("b", "10.2.0.0/16 2001:db8:2::/48")},
			map[string]string{"10.1.2.3": "a", "192.0.2.7": "a", "192.0.2.8": "", "10.2.255.255": "b", "10.3.0.0": "", "2001:db8:2::5": "b", "2001:db8:3::": "",
				"::ffff:10.1.2.3": "a", "9.255.255.255": "", "255.255.255.255": ""}},
		{"the same of two clusters is neither's", []v1alpha1.TrafficCluster{cluster("a", "10.0.0.0/8 192.0.2.1/32"), cluster("b", "10.0.0.0/8"), cluster("c", "172.16.0.0/12")},
			map[string]string{"10.1.2.3": "", "192.0.2.1": "a", "172.16.0.1": "c"}},
		{"nor is one within another's", []v1alpha1.TrafficCluster{cluster("a", "10.0.0.0/8"), cluster("b", "10.1.0.0/16 10.2.0.0/16"), cluster("c", "11.0.0.0/8")},
			map[string]string{"10.1.2.3": "", "10.3.0.0": "", "11.0.0.0": "c"}},
		{"within one cluster they may be nested", []v1alpha1.TrafficCluster{cluster("a", "10.0.0.0/8 10.1.0.0/16 10.2.0.0/16"), cluster("b", "11.0.0.0/8")},
			map[string]string{"10.1.2.3": "a", "10.2.0.0": "a", "10.9.9.9": "a", "11.1.1.1": "b"}},
		{"the part that is nobody else's stays", []v1alpha1.TrafficCluster{cluster("a", "10.0.0.0/8 10.1.0.0/16"), cluster("b", "10.2.0.0/16")},
			map[string]string{"10.1.2.3": "a", "10.2.0.0": "", "10.9.9.9": ""}},
		{"bad ones are passed over", []v1alpha1.TrafficCluster{cluster("a", "10.0.0.0 10.0.0.0/33 x 0.0.0.0/0 ::/0 ::ffff:10.0.0.0/104 10.4.3.2/16")},
			map[string]string{"10.4.0.0": "a", "10.5.0.0": "", "8.8.8.8": "", "2001:db8::": ""}},
	} {
		s := NewSources(row.clusters)
		for address, want := range row.want {
			if got, ok := s.OwnCluster(netip.MustParseAddr(address)); got != want || ok != (want != "") {
				t.Errorf("%s: %s is %q's, want %q", row.name, address, got, want)
			}
		}
	}
	if _, ok := NewSources(nil).OwnCluster(netip.Addr{}); ok {
		t.Error("no address is a cluster's")
	}
}
