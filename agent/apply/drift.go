package apply

import (
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// Difference is how a member's object stands to what was last applied.
type Difference string

// The differences.
const (
	// Same: nothing to do, no API call.
	Same Difference = "Same"
	// Pending: what is wanted now was never applied.
	Pending Difference = "Pending"
	// Changed: somebody changed a field that the spec sets.
	Changed Difference = "Changed"
	// Missing: it was deleted, or our label was taken off.
	Missing Difference = "Missing"
)

// Applied is what the last successful apply left behind.
type Applied struct {
	Digest          string
	Fingerprint     string
	ResourceVersion string
}

// Drift compares. An event older than our last apply says nothing, nor does
// one whose fingerprint was taken for another manifest.
func Drift(want *Want, applied Applied, seen *Seen) Difference {
	switch {
	case applied.Digest != want.Digest:
		return Pending
	case seen == nil:
		return Missing
	case seen.Digest != want.Digest || seen.Fingerprint == applied.Fingerprint:
		return Same
	case !newer(seen.ResourceVersion, applied.ResourceVersion):
		return Same
	}
	return Changed
}

// newer says that a is a later resource version than b. Versions that cannot
// be compared count as newer: one apply too many does no harm.
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil || order > 0
}

const (
	// contestWindow and contestLimit: so many repairs within so long, and the
	// next change is another manager's insistence, not drift.
	contestWindow = 5 * time.Minute
	contestLimit  = 3
	// contestPause is how long a contested object is left alone.
	contestPause = 10 * time.Minute
)

// Contested says that somebody keeps undoing our repairs.
func Contested(repairs []time.Time, now time.Time) bool {
	return len(recent(repairs, now)) >= contestLimit
}

// recent drops the repairs that are too old to count.
func recent(repairs []time.Time, now time.Time) []time.Time {
	for len(repairs) > 0 && now.Sub(repairs[0]) > contestWindow {
		repairs = repairs[1:]
	}
	return repairs
}
