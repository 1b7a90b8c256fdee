package plan

import (
	"slices"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// confirmed maps the keys of DeleteMissing requests to the request. One
// without keys confirms nothing: no word is ever taken to mean "everything".
func confirmed(requests []v1alpha1.Request) map[v1alpha1.Key]v1alpha1.Request {
	found := map[v1alpha1.Key]v1alpha1.Request{}
	for _, r := range requests {
		if r.Type != v1alpha1.RequestDeleteMissing {
			continue
		}
		for _, k := range r.Keys {
			if old, ok := found[k]; !ok || r.ID < old.ID {
				found[k] = r
			}
		}
	}
	return found
}

// confirms says whether the request means this object: where the user knew a
// uid, it is the one that is placed, or was recorded.
func (p *planner) confirms(r v1alpha1.Request, it *item) bool {
	i := slices.Index(r.Keys, it.key)
	if i < 0 || i >= len(r.UIDs) || r.UIDs[i] == "" {
		return i >= 0
	}
	return it.record.UID == r.UIDs[i] && isPlacement(it.key) ||
		slices.ContainsFunc(it.prev, func(o *Placed) bool { return o != nil && o.UID == r.UIDs[i] })
}

// approved says whether a request lets the removal pass.
func (p *planner) approved(r v1alpha1.Removal) bool {
	return slices.ContainsFunc(p.in.Requests, func(q v1alpha1.Request) bool {
		return q.Type == v1alpha1.RequestApprove &&
			(q.Cluster == "" || q.Cluster == r.Cluster) &&
			(len(q.Keys) == 0 || slices.Contains(q.Keys, r.Key))
	})
}

// approvedNowhere says whether a user approved that the item leaves a member,
// though nothing takes its place.
func (p *planner) approvedNowhere(it *item) bool {
	for c := range it.cells {
		if it.cells[c].stand == out && p.has(it, c) && p.approved(v1alpha1.Removal{Cluster: p.names[c], Key: it.key}) {
			return true
		}
	}
	return false
}

// answered lists the requests that are done with once this plan is written.
func (p *planner) answered() []string {
	var ids []string
	for _, r := range p.in.Requests {
		done := false
		switch r.Type {
		case v1alpha1.RequestApprove:
			done = !p.approves(r)
		case v1alpha1.RequestDeleteMissing:
			done = !slices.ContainsFunc(r.Keys, p.missingPending)
		case v1alpha1.RequestRebalance:
			done = !slices.ContainsFunc(r.Keys, p.moving)
		}
		if done {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// approves says whether removals that the request approves are still to come:
// they wait for their replacement.
func (p *planner) approves(r v1alpha1.Request) bool {
	for at, waits := range p.approving {
		if waits && (r.Cluster == "" || r.Cluster == p.names[at.member]) && (len(r.Keys) == 0 || slices.Contains(r.Keys, at.key)) {
			return true
		}
	}
	return false
}

// moving says whether the key is on its way to its shares.
func (p *planner) moving(k v1alpha1.Key) bool {
	it := p.item(k)
	return it != nil && it.state == follow && it.held == "" && it.divides && !p.atRest(it)
}

// missingPending says whether a confirmed key still has something to delete.
// A spec that is back is not missing, and the request about it is void.
func (p *planner) missingPending(k v1alpha1.Key) bool {
	if it := p.item(k); it != nil && (it.spec != nil || it.broken != nil) {
		return false
	}
	return p.waits(k)
}

// waits says whether a member that is awaited has not acknowledged the delete
// of the key, or may have it unknown to us.
func (p *planner) waits(k v1alpha1.Key) bool {
	for _, c := range p.pending[k] {
		if p.members[c].awaited() {
			return true
		}
	}
	for c := range p.members {
		if p.members[c].Unknown && p.members[c].awaited() {
			return true
		}
	}
	return false
}
