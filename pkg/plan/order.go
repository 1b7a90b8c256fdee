package plan

import "github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"

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
