package lead

import (
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// specAge is how old a spec must be before it is followed, unless a bell names
// it: a plain copy of a directory is not to be planned half.
const specAge = 2 * time.Second

// nursery holds specs back while they are young.
type nursery struct {
	// named by a bell since the last pass: bucket paths and generations.
	named map[string]int64
	// seen is when a waiting generation was first seen here. The bucket's
	// clock may be ahead of this one; no spec waits longer than specAge for
	// that.
	seen, next map[v1alpha1.Key]sighting
}

type sighting struct {
	generation int64
	at         time.Time
}

func newNursery() *nursery {
	return &nursery{named: map[string]int64{}, seen: map[v1alpha1.Key]sighting{}, next: map[v1alpha1.Key]sighting{}}
}

// rang remembers what a bell names until the next pass has seen it.
func (n *nursery) rang(bell *v1alpha1.Bell) {
	for path, generation := range bell.Changed {
		n.named[path] = generation
	}
}

// wait is how long a spec is to be held back still; 0 or less when it may be
// followed.
func (n *nursery) wait(s v1alpha1.SpecRecord, now time.Time) time.Duration {
	if n.named[s.Key.SpecPath()] == s.Generation {
		return 0
	}
	first, ok := n.seen[s.Key]
	if !ok || first.generation != s.Generation {
		first = sighting{s.Generation, now}
	}
	n.next[s.Key] = first
	return min(specAge-now.Sub(s.Updated), specAge-now.Sub(first.at))
}

// passed forgets what no longer waits. Bells that rang before the pass's
// snapshot have done their work.
func (n *nursery) passed() {
	n.seen, n.next = n.next, map[v1alpha1.Key]sighting{}
	clear(n.named)
}
