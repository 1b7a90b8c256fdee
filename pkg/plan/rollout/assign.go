package rollout

import (
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Assign gives each cluster its wave. The names are in planner order. Clusters
// that no wave selects come in one after the policy's last, or in wave 0 where
// the policy has none. A percentage is rounded up, so that a wave of some
// percent is never nobody.
func Assign(policy v1alpha1.Rollout, names []string, matches func(sel v1alpha1.ClusterSelector, name string) bool) []int {
	assigned := make([]int, len(names))
	for i := range assigned {
		assigned[i] = len(policy.Waves)
	}
	taken := 0
	for w, wave := range policy.Waves {
		room := len(names)
		if wave.Clusters == nil {
			room = upTo(wave, len(names))
		}
		for i, name := range names {
			if assigned[i] != len(policy.Waves) || taken >= room {
				continue
			}
			if wave.Clusters == nil || matches(*wave.Clusters, name) {
				assigned[i] = w
				taken++
			}
		}
	}
	return assigned
}

// upTo is how many of all clusters have been reached with the wave.
func upTo(wave v1alpha1.Wave, all int) int {
	percent, err := wave.Percent()
	if err != nil { // refused when it was submitted
		return 0
	}
	const whole = 100
	return (percent*all + whole - 1) / whole
}
