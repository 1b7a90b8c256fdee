package plan

import (
	"cmp"
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// probes tells every member whom to look at: each that publishes an address is
// looked at by the next few in a ring by name. States of health move nobody in
// the ring, so that a silent cluster does not change everybody's shard.
func (p *planner) probes() [][]v1alpha1.ProbeTarget {
	var ring []int
	for c := range p.members {
		if !p.members[c].leaving() {
			ring = append(ring, c)
		}
	}
	targets := make([][]v1alpha1.ProbeTarget, len(p.members))
	for at, c := range ring {
		m := &p.members[c]
		if len(m.Published) == 0 {
			continue
		}
		t := v1alpha1.ProbeTarget{Cluster: m.Name, Addresses: m.Published[:min(len(m.Published), v1alpha1.MaxProbeAddresses)]}
		for step := 1; step <= v1alpha1.MaxProbeTargets && step < len(ring); step++ {
			prober := ring[(at+step)%len(ring)]
			targets[prober] = append(targets[prober], t)
		}
	}
	for c := range targets {
		slices.SortFunc(targets[c], func(a, b v1alpha1.ProbeTarget) int { return cmp.Compare(a.Cluster, b.Cluster) })
	}
	return targets
}

func sameProbes(a, b []v1alpha1.ProbeTarget) bool {
	return slices.EqualFunc(a, b, func(x, y v1alpha1.ProbeTarget) bool {
		return x.Cluster == y.Cluster && slices.Equal(x.Addresses, y.Addresses)
	})
}
