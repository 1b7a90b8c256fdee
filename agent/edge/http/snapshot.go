package http

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// What a document leaves out, and the bounds of what it may ask for.
const (
	defaultTimeout  = 30 * time.Second
	defaultInterval = 2 * time.Second
	leastInterval   = 100 * time.Millisecond
	mostInterval    = 5 * time.Minute
	mostTimeout     = time.Hour
	mostThreshold   = 10
)

// snapshot is one document, ready to be served. It is never changed.
type snapshot struct {
	document     *v1alpha1.Traffic
	table        *traffic.Table
	sources      *traffic.Sources
	certificates map[string]*tls.Certificate
	backends     map[string]*backend
	endpoints    map[endpointKey]*endpoint
	// of an endpoint: the shards that it stands in.
	of map[*endpoint][]*shard
	// skipped endpoints are no addresses, or too many.
	skipped int
}

// backend is a backend's shards, closest first.
type backend struct {
	name  string
	tiers [][]*shard
}

// own puts the shard of a client's own cluster first.
func (b *backend) own(cluster string) [][]*shard {
	for _, tier := range b.tiers {
		for _, s := range tier {
			if s.cluster == cluster {
				return append([][]*shard{{s}}, b.tiers...)
			}
		}
	}
	return b.tiers
}

// empty says that no request can be sent anywhere.
func (b *backend) empty() bool {
	for _, tier := range b.tiers {
		for _, s := range tier {
			if s.asked() && len(s.endpoints) > 0 {
				return false
			}
		}
	}
	return true
}

// gateKey names a gate.
type gateKey struct{ backend, cluster string }

// compiler makes snapshots, and keeps what outlives them.
type compiler struct {
	place traffic.Place
	gates map[gateKey]*gate
}

// compile makes a snapshot of a document. Endpoints that the last one has, too,
// are the same ones.
func (c *compiler) compile(t *v1alpha1.Traffic, certificates map[string]*tls.Certificate, last *snapshot, now time.Time) *snapshot {
	s := &snapshot{
		document: t, table: traffic.NewTable(t), sources: traffic.NewSources(t.Clusters), certificates: certificates,
		backends: map[string]*backend{}, endpoints: map[endpointKey]*endpoint{}, of: map[*endpoint][]*shard{},
	}
	s.table.Servable = func(t v1alpha1.FrontendTLS) bool { return certificates[t.Secret] != nil }
	order := ranks(traffic.Tiers(c.place, t.Clusters))
	gates := map[gateKey]*gate{}
	for _, b := range t.Backends {
		fresh := last == nil || last.backends[b.Name] == nil || last.backends[b.Name].empty()
		s.backends[b.Name] = c.backend(s, b, order, gates, last, fresh, now)
	}
	c.gates = gates
	s.note(now)
	return s
}

// ranks turns tiers into a number for each cluster.
func ranks(tiers [][]string) map[string]int {
	ranks := map[string]int{}
	for i, tier := range tiers {
		for _, name := range tier {
			ranks[name] = i
		}
	}
	return ranks
}

func (c *compiler) backend(s *snapshot, b v1alpha1.Backend, order map[string]int, gates map[gateKey]*gate, last *snapshot, fresh bool, now time.Time) *backend {
	byRank := map[int][]*shard{}
	for _, bc := range b.Clusters {
		key := gateKey{b.Name, bc.Cluster}
		g := cmp.Or(c.gates[key], gates[key], &gate{})
		g.set(b.ReturnOver.Duration, bc.MaxRate, now)
		gates[key] = g
		sh := &shard{cluster: bc.Cluster, state: bc.State, weight: weight(bc.Weight), gate: g}
		for _, address := range bc.Endpoints {
			if e := s.endpoint(keyOf(b, address), last, fresh); e != nil {
				sh.endpoints = append(sh.endpoints, e)
				s.of[e] = append(s.of[e], sh)
			}
		}
		rank, ok := order[bc.Cluster]
		if !ok {
			rank = len(order) // a cluster that the document does not place is the last
		}
		byRank[rank] = append(byRank[rank], sh)
	}
	made := &backend{name: b.Name}
	for _, rank := range sorted(byRank) {
		made.tiers = append(made.tiers, byRank[rank])
	}
	return made
}

func sorted(byRank map[int][]*shard) []int {
	ranks := make([]int, 0, len(byRank))
	for rank := range byRank {
		ranks = append(ranks, rank)
	}
	slices.Sort(ranks)
	return ranks
}

// weight is a document's weight as a part of one.
func weight(percent int64) float64 {
	return float64(min(max(percent, 0), v1alpha1.FullWeight)) / v1alpha1.FullWeight
}

// endpoint takes over an endpoint or makes it; nil for one that is refused.
func (s *snapshot) endpoint(key endpointKey, last *snapshot, fresh bool) *endpoint {
	if e := s.endpoints[key]; e != nil {
		return e
	}
	if !dialable(key.address) || !spoken(key.protocol) || len(s.endpoints) >= traffic.MaxDocumentEndpoints {
		s.skipped++
		return nil
	}
	var e *endpoint
	if last != nil {
		e = last.endpoints[key]
	}
	if e == nil {
		e = newEndpoint(key, fresh)
	}
	s.endpoints[key] = e
	return e
}

// keyOf an endpoint. What the document says of the check is brought into bounds.
func keyOf(b v1alpha1.Backend, address string) endpointKey {
	check := b.Check
	check.Interval.Duration = within(check.Interval.Duration, defaultInterval, leastInterval, mostInterval)
	check.Timeout.Duration = within(check.Timeout.Duration, defaultInterval, leastInterval, mostInterval)
	check.HealthyAfter = min(max(check.HealthyAfter, 1), mostThreshold)
	check.UnhealthyAfter = min(max(check.UnhealthyAfter, 1), mostThreshold)
	if check.Path != "" && !strings.HasPrefix(check.Path, "/") {
		check.Path = "/" + check.Path
	}
	return endpointKey{
		address: address, protocol: cmp.Or(b.Protocol, v1alpha1.ProtocolHTTP), check: check,
		timeout: within(b.Timeout.Duration, defaultTimeout, leastInterval, mostTimeout),
	}
}

func within(d, otherwise, least, most time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return min(max(d, least), most)
}

// spoken says whether the edge speaks a protocol.
func spoken(p v1alpha1.BackendProtocol) bool {
	return p == v1alpha1.ProtocolHTTP || p == v1alpha1.ProtocolH2C || p == v1alpha1.ProtocolHTTPS
}

// dialable says whether an endpoint is host:port and nothing else: what would
// dial it knows sockets, ranges of ports and placeholders, too.
func dialable(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return open(ip)
	}
	return hostName.MatchString(host)
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?$`)

// note tells every gate whether its cluster is up.
func (s *snapshot) note(now time.Time) {
	for _, b := range s.backends {
		for _, tier := range b.tiers {
			for _, sh := range tier {
				sh.gate.note(sh.up(), now)
			}
		}
	}
}

// health of every cluster behind every backend, as this edge sees it.
func (s *snapshot) health() []v1alpha1.EdgeHealth {
	var all []v1alpha1.EdgeHealth
	for _, b := range s.backends {
		for _, tier := range b.tiers {
			for _, sh := range tier {
				good := sh.count(func(e *endpoint) bool { return health(e.now.Load()) == healthGood })
				all = append(all, v1alpha1.EdgeHealth{Backend: b.name, Cluster: sh.cluster, Healthy: int64(good), Total: int64(len(sh.endpoints))})
			}
		}
	}
	slices.SortFunc(all, func(a, b v1alpha1.EdgeHealth) int {
		return cmp.Or(strings.Compare(a.Backend, b.Backend), strings.Compare(a.Cluster, b.Cluster))
	})
	return all
}
