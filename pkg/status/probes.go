package status

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// failuresInARow that a prober must have met before its word counts.
	failuresInARow = 2
	// deathQuorum of probers must be able to tell before a cluster is dead.
	deathQuorum = 2
)

// poll is what the probers say of one cluster.
type poll struct {
	verdict v1alpha1.ProbeVerdict
	// reach it of those who could tell.
	reach, of int
}

// poll asks the probers of a cluster: the others that beat, of this
// federation, as far as their shard asked them. Anybody who reaches it shows
// that it lives. That it is dead, a majority must say of those who once
// reached it and are trusted themselves, and at least two; one is enough
// against a stale cluster in a federation of two.
func (d *decider) poll(target v1alpha1.Cluster, stale bool) poll {
	var p poll
	dead, others := 0, 0
	for _, c := range d.in.Clusters {
		if c.Name == target.Name || c.Spec.Lost {
			continue
		}
		if d.in.Verdicts[c.Name].Reported && c.Spec.Leaving == "" {
			others++
		}
		r, ok := d.word(c.Name, target.Name)
		if !ok {
			continue
		}
		p.of++
		if r.Alive {
			p.reach++
		} else if r.Failures >= failuresInARow {
			dead++
		}
	}
	quorum := deathQuorum
	if others == 1 && stale {
		quorum = 1
	}
	switch {
	case p.reach > 0:
		p.verdict = v1alpha1.ProbeAlive
	case p.of >= quorum && dead*2 > p.of && len(d.in.Published[target.Name]) > 0:
		p.verdict = v1alpha1.ProbeDead
	}
	return p
}

// word is what one prober says of one cluster, if it may speak and can tell.
func (d *decider) word(prober, target string) (v1alpha1.ProbeResult, bool) {
	seen := d.in.Seen[prober]
	if !seen.fresh || seen.beat.FederationUID != d.in.Federation {
		return v1alpha1.ProbeResult{}, false
	}
	if asked, known := d.in.Asked[prober]; known && !slices.Contains(asked, target) {
		return v1alpha1.ProbeResult{}, false
	}
	results := seen.beat.Probes[:min(len(seen.beat.Probes), v1alpha1.MaxProbeTargets)]
	i := slices.IndexFunc(results, func(r v1alpha1.ProbeResult) bool { return r.Cluster == target })
	if i < 0 || !results[i].Alive && (!results[i].Ever || d.in.Verdicts[prober].Holding) {
		return v1alpha1.ProbeResult{}, false
	}
	return results[i], true
}
