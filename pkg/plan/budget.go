package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// budgetWindow is how long a removal counts.
	budgetWindow = 10 * time.Minute
	// budgetFree is how many removals from one cluster are never held for
	// their number.
	budgetFree = 3
	// budgetShare: one in so many of a cluster's objects may go.
	budgetShare = 4
)

// Budget limits removals that no user's delete explains: what a wrong
// selector, taint or verdict would take away.
type Budget struct {
	// Objects counts, per cluster, what it has now.
	Objects map[string]int
	// Clusters counts, per object, the clusters that have it now.
	Clusters map[v1alpha1.Key]int
	// History of removals within the window.
	History []v1alpha1.Removal
}

// Held returns those of the wanted removals that wait for a user's word: all
// of a cluster's when they would be, with the window's, more than three and
// more than a quarter of its objects; all of an object's when it would leave
// more than half of its clusters and at least two.
func (b Budget) Held(wanted []v1alpha1.Removal) []v1alpha1.Removal {
	perCluster, perKey := map[string]int{}, map[v1alpha1.Key]int{}
	pastCluster, pastKey := map[string]int{}, map[v1alpha1.Key]int{}
	for _, r := range b.History {
		pastCluster[r.Cluster]++
		pastKey[r.Key]++
	}
	for _, r := range wanted {
		perCluster[r.Cluster]++
		perKey[r.Key]++
	}
	var held []v1alpha1.Removal
	for _, r := range wanted {
		gone, had := perCluster[r.Cluster]+pastCluster[r.Cluster], b.Objects[r.Cluster]+pastCluster[r.Cluster]
		left, everywhere := perKey[r.Key]+pastKey[r.Key], b.Clusters[r.Key]+pastKey[r.Key]
		tooMany := gone > budgetFree && gone*budgetShare > had
		tooWide := left >= 2 && left*2 > everywhere
		if tooMany || tooWide {
			held = append(held, r)
		}
	}
	return held
}

// spend finds the removals that no user asked for, holds what is beyond the
// budget and records the rest.
func (p *planner) spend() {
	history := recent(p.in.Removals, p.in.Now)
	wanted := p.unasked()
	unapproved := slices.DeleteFunc(slices.Clone(wanted), func(r v1alpha1.Removal) bool { return p.approved(r) })
	held := Budget{Objects: p.objects(), Clusters: p.spread(unapproved), History: history}.Held(unapproved)
	p.withhold(held)
	for _, r := range unapproved {
		if !slices.Contains(held, r) {
			history = append(history, r)
		}
	}
	p.removals = history
}

// unasked lists what would leave a member, or be scaled to nothing there,
// without a user having asked for it.
func (p *planner) unasked() []v1alpha1.Removal {
	var found []v1alpha1.Removal
	for i := range p.items {
		it := &p.items[i]
		if it.state != follow {
			continue
		}
		for c, m := range p.members {
			if m.leaving() || m.Unknown || !p.has(it, c) {
				continue
			}
			if !p.eligible(it, c) || p.emptied(it, c) {
				found = append(found, v1alpha1.Removal{Time: p.in.Now, Cluster: m.Name, Key: it.key})
			}
		}
	}
	return found
}

// emptied says whether the member loses its last replica although the user
// wants no fewer than run.
func (p *planner) emptied(it *item, c int) bool {
	if it.shares == nil || it.shares[c] > 0 || p.current(it, c) == 0 {
		return false
	}
	var running int64
	for o, m := range p.members {
		if !m.leaving() {
			running += p.current(it, o)
		}
	}
	return it.rendered.total >= running
}

func (p *planner) objects() map[string]int {
	n := map[string]int{}
	for _, m := range p.members {
		n[m.Name] = len(m.prev.Objects)
	}
	return n
}

func (p *planner) spread(removals []v1alpha1.Removal) map[v1alpha1.Key]int {
	n := map[v1alpha1.Key]int{}
	for _, r := range removals {
		if _, done := n[r.Key]; done {
			continue
		}
		it := p.item(r.Key)
		for c, m := range p.members {
			if !m.leaving() && p.has(it, c) {
				n[r.Key]++
			}
		}
	}
	return n
}

func (p *planner) item(k v1alpha1.Key) *item {
	i, ok := slices.BinarySearchFunc(p.items, k, func(it item, k v1alpha1.Key) int { return it.key.Compare(k) })
	if !ok {
		return nil
	}
	return &p.items[i]
}

// withhold keeps held objects where they are; their users' changes go on.
func (p *planner) withhold(held []v1alpha1.Removal) {
	perItem := map[v1alpha1.Key]map[int]bool{}
	for _, r := range held {
		c := slices.Index(p.names, r.Cluster)
		p.held[place{c, r.Key}] = true
		if perItem[r.Key] == nil {
			perItem[r.Key] = map[int]bool{}
		}
		perItem[r.Key][c] = true
	}
	for k, members := range perItem {
		it := p.item(k)
		p.share(it, members)
		it.held = v1alpha1.HeldBudget
		it.message = fmt.Sprintf("removal from %s waits for `kubectl fed approve`", p.nameAll(members))
	}
}

func (p *planner) nameAll(members map[int]bool) string {
	var names []string
	for c, name := range p.names {
		if members[c] {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// recent drops what the window has left behind, oldest first.
func recent(removals []v1alpha1.Removal, now time.Time) []v1alpha1.Removal {
	var kept []v1alpha1.Removal
	for _, r := range removals {
		if now.Sub(r.Time) < budgetWindow {
			kept = append(kept, r)
		}
	}
	slices.SortFunc(kept, func(a, b v1alpha1.Removal) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Cluster, b.Cluster), a.Key.Compare(b.Key))
	})
	return kept
}
