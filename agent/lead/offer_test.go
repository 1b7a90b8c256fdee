package lead

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

func reportOf(ports ...v1alpha1.ServicePortReport) *v1alpha1.Report {
	return &v1alpha1.Report{Objects: []v1alpha1.ObjectReport{{Key: key(front), UID: "u", Addresses: []string{"192.0.2.1", "lb.example.com"}, Ports: ports}},
		NodeAddresses: []string{"192.0.2.10"}, Sources: []string{"10.4.0.0/16", "192.0.2.10/32", "fd00:1::/64"}}
}

func TestAnOfferThatIsBelievedIsTheReportItself(t *testing.T) {
	r := reportOf(v1alpha1.ServicePortReport{Port: 80, Ready: 2, Endpoints: []string{"10.4.0.1:8080", "[2001:db8::1]:8080"}})
	o := newOffer(r, nil)
	if o.services[key(front)] != &r.Objects[0] {
		t.Error("a row was copied")
	}
	equal(t, "nodes", fmt.Sprint(o.nodes), "[192.0.2.10]")
	equal(t, "sources", len(o.sources), 3)
}

func TestNoMemberLeadsCarriersAstray(t *testing.T) {
	r := reportOf(
		v1alpha1.ServicePortReport{Port: 80, Ready: -4, Endpoints: []string{"10.4.0.1:8080", "169.254.169.254:80", "127.0.0.1:9180", "localhost:80",
			"metadata.google.internal:80", "10.4.0.2", "10.4.0.2:0", "10.4.0.2:70000", "10.4.0.2:http", "[::1]:80", "[fe80::1%eth0]:80"}},
		v1alpha1.ServicePortReport{Port: 443, Ready: 1 << 40, Endpoints: slices.Repeat([]string{"10.4.0.3:443"}, 5000)})
	r.Objects[0].Addresses = append(r.Objects[0].Addresses, "169.254.169.254", "127.0.0.1", "", "http://evil")
	r.NodeAddresses = []string{"127.0.0.1", "192.0.2.10", "metadata.google.internal", "169.254.169.254"}
	r.Sources = []string{"0.0.0.0/0", "10.0.0.0/7", "::/0", "nonsense", "10.4.0.0/16", "::ffff:10.0.0.0/104"}
	row := newOffer(r, nil).services[key(front)]
	equal(t, "addresses", strings.Join(row.Addresses, " "), "192.0.2.1 lb.example.com")
	equal(t, "endpoints", strings.Join(row.Ports[0].Endpoints, " "), "10.4.0.1:8080")
	equal(t, "bounded", len(row.Ports[1].Endpoints), traffic.MaxEndpoints)
	equal(t, "ready", fmt.Sprint(row.Ports[0].Ready, row.Ports[1].Ready), fmt.Sprint(0, traffic.MaxReady))
	equal(t, "nodes", fmt.Sprint(newOffer(r, nil).nodes), "[192.0.2.10]")
	equal(t, "sources", fmt.Sprint(newOffer(r, nil).sources), "[10.4.0.0/16]")
	equal(t, "the report stays as it was", len(r.Objects[0].Ports[0].Endpoints), 11)

	in := newOffer(r, []string{"127.0.0.0/8", "10.4.0.0/30"})
	equal(t, "in ranges", strings.Join(in.services[key(front)].Ports[0].Endpoints, " "), "10.4.0.1:8080 127.0.0.1:9180")
	equal(t, "in ranges", strings.Join(in.services[key(front)].Addresses, " "), "127.0.0.1")
	equal(t, "in ranges", fmt.Sprint(in.nodes), "[127.0.0.1]")

	many := reportOf(slices.Repeat([]v1alpha1.ServicePortReport{{Port: 80}}, 5000)...)
	equal(t, "ports", len(newOffer(many, nil).services[key(front)].Ports), mostPorts)
	equal(t, "the report stays as it was", len(many.Objects[0].Ports), 5000)
}

func TestAnOfferStaysTheSameUntilItChanges(t *testing.T) {
	m := &memberView{report: reportOf(v1alpha1.ServicePortReport{Port: 80, Ready: 2})}
	first := m.offered(nil)
	m.report = reportOf(v1alpha1.ServicePortReport{Port: 80, Ready: 2})
	m.report.Objects[0].Events = []v1alpha1.Event{{Reason: "Applied"}}
	if m.offered(nil) != first {
		t.Error("a report that says the same of traffic made another offer")
	}
	m.report = reportOf(v1alpha1.ServicePortReport{Port: 80, Ready: 1})
	second := m.offered(nil)
	if second == first || second.services[key(front)].Ports[0].Ready != 1 {
		t.Error("the offer did not change")
	}
	if third := m.offered([]string{"198.51.100.0/24"}); third == second || len(third.services[key(front)].Addresses) != 0 || len(third.nodes) != 0 {
		t.Error("ranges changed nothing")
	}
	m.offered(nil)
	m.report = reportOf(v1alpha1.ServicePortReport{Port: 80, Ready: 1})
	m.report.NodeAddresses, m.report.Sources = nil, nil
	if o := m.offered(nil); len(o.nodes) != 1 || len(o.sources) != 3 || o.untold {
		t.Errorf("an agent that cannot list nodes has none: %+v", o)
	}
}

// Who has never told of nodes since the term began may have them still; whose
// nodes may not be named has none.
func TestNodesThatNobodyTold(t *testing.T) {
	m := &memberView{report: reportOf(v1alpha1.ServicePortReport{Port: 80, Ready: 1})}
	m.report.NodeAddresses = nil
	first := m.offered(nil)
	told := *m.report
	told.NodeAddresses = []string{"192.0.2.10"}
	m.report = &told
	second := m.offered([]string{"198.51.100.0/24"})
	if !first.untold || second == first || second.untold || len(second.nodes) != 0 {
		t.Errorf("first %+v, then %+v", first, second)
	}
	c := v1alpha1.Cluster{}
	c.Name = "a"
	for _, o := range []*offer{first, second} {
		h := health{offers: map[string]*offer{"a": o}}
		equal(t, "untold", member(planned{followed: &followed{}}, h, c, nil).NodesUntold, o.untold)
	}
}

// No member makes itself the own cluster of everybody.
func TestSourcesOfOneClusterTogether(t *testing.T) {
	var all []string
	for i := range 256 {
		all = append(all, fmt.Sprintf("%d.0.0.0/8", i), fmt.Sprintf("20%02x::/16", i))
	}
	equal(t, "whole", fmt.Sprint(sources(all)), "[0.0.0.0/8 2000::/16]")
	halves := []string{"10.0.0.0/9", "11.0.0.0/9", "12.0.0.0/32", "fd00::/17", "fd01::/16", "fd02::/17"}
	equal(t, "halves", fmt.Sprint(sources(halves)), "[10.0.0.0/9 11.0.0.0/9 fd00::/17 fd02::/17]")
}

func TestPlacesAreNamesAndFew(t *testing.T) {
	long := strings.Repeat("x", 5000)
	told := v1alpha1.ClusterStatus{Region: long, Zones: append([]string{long, "a b"}, slices.Repeat([]string{"z"}, 100)...)}
	c := v1alpha1.Cluster{}
	c.Name = "a"
	m := member(planned{followed: &followed{}}, health{told: map[string]v1alpha1.ClusterStatus{"a": told}}, c, nil)
	equal(t, "region", m.Region, "")
	equal(t, "zones", strings.Join(m.Zones, ""), strings.Repeat("z", mostZones))
}

func TestWhatMattersToTraffic(t *testing.T) {
	base := func() health {
		return health{verdicts: map[string]v1alpha1.ClusterVerdict{"a": {UID: "u", State: v1alpha1.ClusterReady}}, offers: map[string]*offer{"a": nil},
			told: map[string]v1alpha1.ClusterStatus{"a": {UID: "u", Region: "r"}}}
	}
	if !sameForTraffic(base(), base()) {
		t.Error("the same differs")
	}
	for name, change := range map[string]func(*health){
		"frozen":   func(h *health) { h.frozen = true },
		"restored": func(h *health) { h.restored = "x" },
		"offer":    func(h *health) { h.offers["a"] = &offer{} },
		"probed": func(h *health) {
			h.verdicts["a"] = v1alpha1.ClusterVerdict{UID: "u", State: v1alpha1.ClusterReady, Probed: v1alpha1.ProbeDead}
		},
		"stale": func(h *health) {
			h.verdicts["a"] = v1alpha1.ClusterVerdict{UID: "u", State: v1alpha1.ClusterReady, Stale: true}
		},
		"another": func(h *health) { h.verdicts["b"] = v1alpha1.ClusterVerdict{} },
		"region":  func(h *health) { h.told["a"] = v1alpha1.ClusterStatus{UID: "u", Region: "other"} },
	} {
		h := base()
		if change(&h); sameForTraffic(base(), h) {
			t.Errorf("%s: it does not matter", name)
		}
	}
}

// A user's word on where a cluster's pods come from is added to the member's.
func TestSourcesOfTheRosterAreAdded(t *testing.T) {
	c := v1alpha1.Cluster{}
	c.Name, c.Spec.Sources = "a", []string{"10.9.0.0/16", "10.4.0.0/16"}
	reported := health{offers: map[string]*offer{"a": {sources: []string{"10.4.0.0/16"}}}}
	for name, h := range map[string]health{"reported": reported, "unread": {}} {
		want := "[10.4.0.0/16 10.9.0.0/16]"
		if got := fmt.Sprint(member(planned{followed: &followed{}}, h, c, nil).Sources); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
