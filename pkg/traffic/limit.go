package traffic

import (
	"cmp"
	"hash/fnv"
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
	rank := make(map[string]uint64, len(list))
	for _, s := range list {
		h := fnv.New64a()
		_, _ = h.Write([]byte(s + "\n" + name)) // a hash takes everything
		rank[s] = h.Sum64()
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a, b)) })
	list = slices.Clip(list[:most])
	slices.Sort(list)
	return list
}
