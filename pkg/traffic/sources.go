package traffic

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Sources tells which member a client belongs to, by the addresses that
// connections from the members' pods and nodes come from. It never changes
// after NewSources.
type Sources struct {
	// ranges are disjoint, by address.
	ranges []source
}

type source struct {
	prefix  netip.Prefix
	cluster string
	// shared with another cluster, as a whole or in part.
	shared bool
}

// NewSources reads the clusters' ranges. One that overlaps another cluster's
// counts for neither: both may use the same private addresses. What is no range,
// or is all there is, is passed over.
func NewSources(clusters []v1alpha1.TrafficCluster) *Sources {
	all := parseSources(clusters)
	slices.SortFunc(all, func(a, b source) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()), cmp.Compare(a.cluster, b.cluster))
	})
	markShared(all)
	s := &Sources{}
	for _, r := range all {
		n := len(s.ranges)
		if !r.shared && (n == 0 || !s.ranges[n-1].prefix.Contains(r.prefix.Addr())) {
			s.ranges = append(s.ranges, r)
		}
	}
	return s
}

func parseSources(clusters []v1alpha1.TrafficCluster) []source {
	var all []source
	for i := range clusters {
		for _, text := range clusters[i].Sources {
			p, err := netip.ParsePrefix(text)
			if err != nil || p.Bits() == 0 || p.Addr().Is4In6() {
				continue
			}
			all = append(all, source{prefix: p.Masked(), cluster: clusters[i].Name})
		}
	}
	return all
}

// markShared finds ranges of different clusters that overlap. Ranges are
// disjoint or one within the other, and sorted so that the wider comes first: open
// are those that the current one is in.
func markShared(all []source) {
	var open []*source
	for i := range all {
		r := &all[i]
		for len(open) > 0 && !open[len(open)-1].prefix.Contains(r.prefix.Addr()) {
			open = open[:len(open)-1]
		}
		for _, o := range open {
			if o.cluster != r.cluster {
				o.shared, r.shared = true, true
			}
		}
		open = append(open, r)
	}
}

// OwnCluster is the member that a client is a pod or a node of.
func (s *Sources) OwnCluster(client netip.Addr) (name string, ok bool) {
	client = client.Unmap().WithZone("")
	at, found := slices.BinarySearchFunc(s.ranges, client, func(r source, a netip.Addr) int { return r.prefix.Addr().Compare(a) })
	if !found {
		at--
	}
	if at < 0 || !s.ranges[at].prefix.Contains(client) {
		return "", false
	}
	return s.ranges[at].cluster, true
}
