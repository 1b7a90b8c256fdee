package traffic

import (
	"cmp"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// limitEndpoints leaves each backend in each cluster so many endpoints that a
// carrier can check all there are. The bound is the same for every one: a
// cluster that names many takes nothing from others.
func limitEndpoints(backends []v1alpha1.Backend) {
	most := MaxEndpoints
	for most > 1 && countEndpoints(backends, most) > MaxDocumentEndpoints {
		most /= 2
	}
	for i := range backends {
		for j := range backends[i].Clusters {
			c := &backends[i].Clusters[j]
			c.Endpoints = some(c.Endpoints, most, backends[i].Name)
		}
	}
}

// countEndpoints is how many there would be with at most so many for each.
func countEndpoints(backends []v1alpha1.Backend, most int) (n int) {
	for i := range backends {
		for j := range backends[i].Clusters {
			n += min(len(backends[i].Clusters[j].Endpoints), most)
		}
	}
	return n
}

// some of a list, sorted: other ones for each name, so that not every backend
// has the same nodes, and the same ones while they are there.
func some(list []string, most int, name string) []string {
	if len(list) <= most {
		return list
	}
	all := make([]ranked, len(list))
	for i, s := range list {
		all[i] = ranked{rank(name, s), s}
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.endpoint, b.endpoint)) })
	list = make([]string, most)
	for i := range list {
		list[i] = all[i].endpoint
	}
	slices.Sort(list)
	return list
}

type ranked struct {
	rank     uint64
	endpoint string
}

// rank is FNV-1a of a name and an endpoint: as good as drawn by lot, and always
// the same.
func rank(name, endpoint string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, text := range [...]string{name, endpoint} {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * prime
		}
	}
	return h
}
