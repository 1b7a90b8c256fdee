package lead

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// mostEdgeAddresses of one edge are taken.
const mostEdgeAddresses = 16

// list looks which edges are registered. It says whether that is news. Without
// an answer, those that were known stay.
func (d *dispatcher) list(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	found, err := d.cfg.Store.Edges(limited)
	if err != nil {
		if !d.unlisted && ctx.Err() == nil {
			logr.FromContextOrDiscard(ctx).Info("edges cannot be listed, those that were known stay", "err", err.Error())
		}
		d.unlisted = true
		return false
	}
	d.unlisted = false
	edges := registered(found, d.board.plan().federation)
	if d.listed && equality.Semantic.DeepEqual(d.edges, edges) {
		return false
	}
	d.edges, d.listed = edges, true
	return true
}

// registered are the federation's edges by name, with what the document depends
// on: where a client reaches them.
func registered(found []v1alpha1.Edge, federation types.UID) []v1alpha1.Edge {
	var edges []v1alpha1.Edge
	for _, e := range found {
		if e.FederationUID == federation {
			edges = append(edges, v1alpha1.Edge{Name: e.Name, Addresses: keep(e.Addresses, mostEdgeAddresses, isAddress)})
		}
	}
	slices.SortFunc(edges, func(a, b v1alpha1.Edge) int { return cmp.Compare(a.Name, b.Name) })
	return edges
}

// isAddress says whether an Ingress can have the address.
func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return len(validation.IsDNS1123Subdomain(s)) == 0
	}
	return a.Zone() == ""
}

// input is all that the document depends on.
func (d *dispatcher) input(pl planned, health health, now time.Time) traffic.Input {
	f := pl.followed
	in := traffic.Input{Federation: pl.federation, Ingresses: f.ingresses, Services: f.services, Workloads: f.workloads,
		NoSecrets: f.noSecrets, Edges: d.edges, Previous: d.previous, Frozen: health.frozen, Now: now}
	if !f.noSecrets {
		in.Certificates = d.certs.usable(f.secrets)
	}
	last := lastServed(d.previous)
	for _, c := range pl.clusters {
		in.Clusters = append(in.Clusters, member(pl, health, c, last[c.Name]))
	}
	in.Clusters = append(in.Clusters, d.missing(pl, last, now)...)
	return in
}

// lastKnown is what the previous document says of a cluster.
type lastKnown struct {
	v1alpha1.TrafficCluster
	services map[v1alpha1.Key]bool
	// weight that a user gave it, as far as an entry shows it.
	weight *int64
}

func (l *lastKnown) has(k v1alpha1.Key) bool { return l != nil && l.services[k] }

// sources are where its pods' connections came from.
func (l *lastKnown) sources() []string {
	if l == nil {
		return nil
	}
	return l.Sources
}

func lastServed(previous *v1alpha1.Traffic) map[string]*lastKnown {
	last := map[string]*lastKnown{}
	if previous == nil {
		return last
	}
	for _, c := range previous.Clusters {
		last[c.Name] = &lastKnown{TrafficCluster: c, services: map[v1alpha1.Key]bool{}}
	}
	for _, b := range previous.Backends {
		for _, c := range b.Clusters {
			l := last[c.Cluster]
			if l == nil {
				continue
			}
			l.services[b.Service] = true
			switch c.State {
			case v1alpha1.BackendServing, v1alpha1.BackendKept, v1alpha1.BackendDrained:
				l.weight = &c.Weight
			}
		}
	}
	return last
}

// member is a cluster of the roster. Where its shard cannot be read, or its
// report has not been, it has what it had.
func member(pl planned, health health, c v1alpha1.Cluster, last *lastKnown) traffic.Cluster {
	m := traffic.Cluster{Name: c.Name, Region: c.Spec.Region, Zones: c.Spec.Zones, Coordinates: c.Spec.Coordinates,
		Weight: c.Spec.TrafficWeight, Leaving: c.Spec.Leaving != "", Has: last.has, Sources: last.sources()}
	if told := health.told[c.Name]; told.UID == c.UID {
		if m.Region == "" && isPlace(told.Region) {
			m.Region = told.Region
		}
		if len(m.Zones) == 0 {
			m.Zones = keep(told.Zones, mostZones, isPlace)
		}
	}
	if v := health.verdicts[c.Name]; v.UID == c.UID {
		m.Verdict = v
	}
	if h, known := pl.heads[c.Name]; known {
		m.Has = func(k v1alpha1.Key) bool { _, ok := h.shard.Object(k); return ok }
	}
	o := health.offers[c.Name]
	if o != nil && len(o.sources) > 0 {
		m.Sources = o.sources
	}
	m.Sources = union(m.Sources, c.Spec.Sources)
	if o == nil {
		return m
	}
	m.Services, m.NodeAddresses, m.NodesUntold = map[v1alpha1.Key]*v1alpha1.ObjectReport{}, o.nodes, o.untold
	for _, s := range pl.followed.services {
		// A word on another object of that name says nothing of this one.
		if row := o.services[s.Key]; row != nil && row.UID == s.UID {
			m.Services[s.Key] = row
		}
	}
	return m
}

// union is sorted, and has each once.
func union(reported, told []string) []string {
	if len(told) == 0 {
		return reported
	}
	all := slices.Concat(reported, told)
	slices.Sort(all)
	return slices.Compact(all)
}

// missing are clusters of the previous document whose entry is gone from the
// roster. Unless one was unjoined, that may be a mistake: it stays a while, and
// as long as the whole roster is empty.
func (d *dispatcher) missing(pl planned, last map[string]*lastKnown, now time.Time) (clusters []traffic.Cluster) {
	for _, c := range pl.clusters {
		delete(d.absent, c.Name)
	}
	for name, l := range last {
		if clusterNamed(pl.clusters, name).Name == name {
			continue
		}
		since, seen := d.absent[name]
		if !seen {
			since, d.absent[name] = now, now
		}
		overdue := now.Sub(since) >= departedAfter && len(pl.clusters) > 0
		if h, known := pl.heads[name]; overdue || known && h.shard.Leaving != "" {
			continue
		}
		clusters = append(clusters, traffic.Cluster{Name: name, Region: l.Region, Zones: l.Zones, Coordinates: l.Coordinates,
			Weight: l.weight, Has: l.has, Sources: l.Sources})
	}
	return clusters
}
