package plan

import (
	"cmp"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// fnv1 is the 32-bit FNV-1 hash (not 1a) of the two strings put together, as
// Federation v1's planner took it.
func fnv1(a, b string) uint32 {
	h := uint32(fnvOffset)
	for _, s := range [...]string{a, b} {
		for i := range len(s) {
			h = h*fnvPrime ^ uint32(s[i])
		}
	}
	return h
}

// replicaKey is what the planner order of an object depends on beside the
// cluster.
func replicaKey(k v1alpha1.Key) string { return k.Namespace + "/" + k.Name }

// order sorts members as they are served: by weight, preference, hash, name.
// The hash differs from object to object, so that the odd replicas do not all
// land in one cluster.
func (p *planner) order(it *item, members []int) {
	fits, key := it.intent.policy.fits, replicaKey(it.key)
	p.sharing.hashes = slices.Grow(p.sharing.hashes[:0], len(p.names))[:len(p.names)]
	hashes := p.sharing.hashes
	for _, c := range members {
		hashes[c] = fnv1(p.names[c], key)
	}
	slices.SortFunc(members, func(a, b int) int {
		x, y := &fits[a], &fits[b]
		return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(y.affinity, x.affinity), cmp.Compare(hashes[a], hashes[b]),
			cmp.Compare(a, b)) // members are by name
	})
}
