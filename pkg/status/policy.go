package status

import (
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Defaults and bounds of a federation's failover policy.
const (
	defaultAfter      = 2 * time.Minute
	defaultStable     = time.Minute
	defaultStableMost = 10 * time.Minute
	minAfter          = 5 * time.Second
)

// policy is a FailoverPolicy made whole.
type policy struct{ after, stable, stableMost time.Duration }

// policyOf fills in defaults and keeps what was said within bounds.
func policyOf(p v1alpha1.FailoverPolicy) policy {
	or := func(d, otherwise time.Duration) time.Duration {
		if d <= 0 {
			return otherwise
		}
		return d
	}
	w := policy{after: or(p.After.Duration, defaultAfter), stable: or(p.Stable.Duration, defaultStable),
		stableMost: or(p.StableMost.Duration, defaultStableMost)}
	w.after, w.stableMost = max(w.after, minAfter), max(w.stableMost, w.stable)
	return w
}

// hold is how long a cluster that is back after so many flaps must go on
// beating: doubled with each, from the first.
func (p policy) hold(flaps int64) time.Duration {
	d := p.stable
	for ; flaps > 1 && d < p.stableMost; flaps-- {
		d *= 2
	}
	return min(d, p.stableMost)
}

// settling is how long a stale cluster is only looked at: clusters that die
// together fall silent up to one interval apart, and are to be seen together.
func settling(beat v1alpha1.Heartbeat) time.Duration { return interval(beat) * 3 / 2 }
