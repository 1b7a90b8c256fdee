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
	unapproved := slices.DeleteFunc(p.unasked(), func(r v1alpha1.Removal) bool { return p.approved(r) })
	held := Budget{Objects: p.objects(), Clusters: p.spread(unapproved), History: history}.Held(unapproved)
	if len(held) > 0 {
		p.withhold(held)
	}
	for _, r := range unapproved {
		if it := p.item(r.Key); p.went(it, slices.Index(p.names, r.Cluster)) {
			history = append(history, r)
		}
	}
	p.removals = history
}

// unasked lists what is to leave a member, or to be scaled to nothing there,
// without a user having asked for it.
func (p *planner) unasked() []v1alpha1.Removal {
	var found []v1alpha1.Removal
	for _, it := range p.items {
		if !it.dirty || it.state != follow || isPlacement(it.key) {
			continue
		}
		for c := range it.cells {
			m := &p.members[c]
			if m.leaving() || m.Unknown || !p.has(it, c) || !p.retreatsFrom(it, c) && !p.emptied(it, c) {
				continue
			}
			r := v1alpha1.Removal{Time: p.in.Now, Cluster: m.Name, Key: it.key}
			if p.approved(r) {
				p.approving[place{c, it.key}] = !p.went(it, c)
			}
			found = append(found, r)
		}
	}
	return found
}

// retreatsFrom says whether the item is to leave a member in the end. It does
// not count where a user drains the member, where it follows what has been
// judged itself, and where it is but one too many of what is to run once.
func (p *planner) retreatsFrom(it *item, c int) bool {
	cell := &it.cells[c]
	switch cell.stand {
	case out:
		return cell.why != whyScaler && !(cell.why == whyTaker && p.members[c].Spec.Drained)
	case drained, frozen, fixed, unread:
		return false
	}
	return !cell.there && !(it.single() && (len(it.record.Away) > 0 || p.holders(it) <= 2))
}

// holders are the members that have the item and may run it.
func (p *planner) holders(it *item) (n int) {
	for c := range it.cells {
		if it.cells[c].stand != frozen && p.has(it, c) {
			n++
		}
	}
	return n
}

// went says whether a member has less than it had, with this plan.
func (p *planner) went(it *item, c int) bool {
	cell := &it.cells[c]
	return cell.next == nil || it.divides && cell.given == 0 && p.current(it, c) > 0
}

// emptied says whether the member is to lose its last replica although the user
// wants no fewer than run.
func (p *planner) emptied(it *item, c int) bool {
	cell := &it.cells[c]
	if !it.divides || cell.target > 0 || p.current(it, c) == 0 || p.rebalances(it) || p.gaveUp(it, c) || p.full(it, c) ||
		cell.stand == drained || cell.stand == frozen {
		return false
	}
	var running int64
	for o := range p.members {
		if !p.members[o].leaving() {
			running += p.current(it, o)
		}
	}
	return it.wanted >= running
}

// full says that the member was found to have no room for any replica: none
// runs there that could be lost.
func (p *planner) full(it *item, c int) bool {
	room, limited := p.members[c].Capacity[it.key]
	return limited && room == 0
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
		for c := range p.members {
			if !p.members[c].leaving() && p.has(it, c) {
				n[r.Key]++
			}
		}
	}
	return n
}

// withhold keeps held objects where they are; their users' changes go on. What
// goes along with them is placed again.
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
	p.lingering = map[string]map[int]bool{}
	p.placeAll()
	for k, members := range perItem {
		it := p.item(k)
		it.held, it.waits = v1alpha1.HeldBudget, true
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
