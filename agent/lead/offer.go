package lead

import (
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// Limits of what one member can make carriers know.
const (
	mostPorts     = 128
	mostAddresses = 64 // of one Service, or of nodes
	mostSources   = 512
	mostZones     = 64
	// Sources that together are more than one prefix so short claim more than any
	// cluster has.
	shortestSource4, shortestSource6 = 8, 16
)

// offer is how a member's Services can be reached, by its own word as far as
// that counts. It is never changed once it is made.
type offer struct {
	services       map[v1alpha1.Key]*v1alpha1.ObjectReport
	nodes, sources []string
	// untold: no report of this term told of nodes.
	untold bool
}

// offered is the member's offer; the same one as long as nothing of it changes.
func (m *memberView) offered(ranges []string) *offer {
	if m.offer != nil && m.offerOf == m.report && slices.Equal(m.offerIn, ranges) {
		return m.offer
	}
	next := newOffer(m.report, ranges)
	if m.offer != nil { // an agent that cannot list nodes just now has moved none
		if len(m.report.NodeAddresses) == 0 {
			next.nodes, next.untold = nodes(m.offer.nodes, ranges), m.offer.untold
		}
		if len(m.report.Sources) == 0 {
			next.sources = m.offer.sources
		}
	}
	if m.offer == nil || !m.offer.same(next) {
		m.offer = next
	}
	m.offerOf, m.offerIn = m.report, ranges
	return m.offer
}

// same says whether two offers let carriers go the same ways.
func (o *offer) same(other *offer) bool {
	if o.untold != other.untold || !slices.Equal(o.nodes, other.nodes) || !slices.Equal(o.sources, other.sources) {
		return false
	}
	return maps.EqualFunc(o.services, other.services, func(a, b *v1alpha1.ObjectReport) bool {
		return a.UID == b.UID && slices.Equal(a.Addresses, b.Addresses) && equality.Semantic.DeepEqual(a.Ports, b.Ports)
	})
}

// newOffer takes from a report what may be believed.
func newOffer(r *v1alpha1.Report, ranges []string) *offer {
	o := &offer{services: map[v1alpha1.Key]*v1alpha1.ObjectReport{}, nodes: nodes(r.NodeAddresses, ranges), sources: sources(r.Sources),
		untold: len(r.NodeAddresses) == 0}
	for i := range r.Objects {
		if row := &r.Objects[i]; isService(row.Key) {
			o.services[row.Key] = believed(row, ranges)
		}
	}
	return o
}

// believed is a row without what the member may not name. It is the row itself
// where that is all of it.
func believed(row *v1alpha1.ObjectReport, ranges []string) *v1alpha1.ObjectReport {
	addresses := keep(row.Addresses, mostAddresses, func(a string) bool { return status.Reachable(a, ranges) })
	ports, same := row.Ports, len(row.Ports) <= mostPorts
	if !same {
		ports = slices.Clone(ports[:mostPorts])
	}
	for i, p := range ports {
		endpoints := keep(p.Endpoints, traffic.MaxEndpoints, func(e string) bool { return endpoint(e, ranges) })
		ready := min(max(p.Ready, 0), traffic.MaxReady)
		if len(endpoints) == len(p.Endpoints) && ready == p.Ready {
			continue
		}
		if same {
			ports, same = slices.Clone(ports), false
		}
		ports[i].Endpoints, ports[i].Ready = endpoints, ready
	}
	if same && len(addresses) == len(row.Addresses) {
		return row
	}
	limited := *row
	limited.Addresses, limited.Ports = addresses, ports
	return &limited
}

func nodes(addresses, ranges []string) []string {
	return keep(addresses, mostAddresses, func(a string) bool { return reachable(a, ranges) })
}

// reachable says whether a node or a pod can be there: a name could lead
// anywhere, and neither needs one.
func reachable(address string, ranges []string) bool {
	_, err := netip.ParseAddr(address)
	return err == nil && status.Reachable(address, ranges)
}

// endpoint says whether a host:port can be where a member says it is.
func endpoint(s string, ranges []string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !reachable(host, ranges) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// sources are the prefixes that can be one cluster's: one that claimed the whole
// Internet would be given everybody's requests.
func sources(reported []string) (kept []string) {
	left4, left6 := 1.0, 1.0 // parts of the shortest prefix
	for _, s := range reported {
		p, err := netip.ParsePrefix(s)
		if err != nil || p.Addr().Is4In6() || len(kept) == mostSources {
			continue
		}
		left, shortest := &left6, shortestSource6
		if p.Addr().Is4() {
			left, shortest = &left4, shortestSource4
		}
		if part := math.Ldexp(1, shortest-p.Bits()); part <= *left {
			*left -= part
			kept = append(kept, s)
		}
	}
	return kept
}

// isPlace says whether a region or a zone can have that name: members read it
// from a node's label.
func isPlace(s string) bool { return len(validation.IsValidLabelValue(s)) == 0 }

// keep filters a list, at most so many of it. It is the list itself where
// nothing is left out.
func keep(list []string, most int, ok func(string) bool) []string {
	if len(list) <= most && !slices.ContainsFunc(list, func(s string) bool { return !ok(s) }) {
		return list
	}
	var kept []string
	for _, s := range list {
		if len(kept) < most && ok(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// sameForTraffic says whether two states of health let users' requests go the
// same ways.
func sameForTraffic(a, b health) bool {
	return a.frozen == b.frozen && a.restored == b.restored && maps.Equal(a.offers, b.offers) &&
		maps.EqualFunc(a.verdicts, b.verdicts, func(v, old v1alpha1.ClusterVerdict) bool {
			return v.UID == old.UID && v.Probed == old.Probed && !differ(v, old)
		}) &&
		maps.EqualFunc(a.told, b.told, func(st, old v1alpha1.ClusterStatus) bool {
			return st.UID == old.UID && st.Region == old.Region && slices.Equal(st.Zones, old.Zones)
		})
}
