package plan

import (
	"fmt"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// places tells, of every member in planner order, what it is to have and why.
func (p *planner) places(it *item) []Place {
	if isPlacement(it.key) {
		return nil
	}
	order := make([]int, 0, len(p.members))
	for c := range p.members {
		if !p.members[c].leaving() || it.prev[c] != nil {
			order = append(order, c)
		}
	}
	if it.state == follow {
		p.order(it, order)
	}
	list := make([]Place, 0, len(order))
	for _, c := range order {
		pl := Place{Cluster: p.names[c], Action: p.action(it, c), Replicas: NoReplicas, Current: NoReplicas, Reason: p.reason(it, c)}
		if it.divides {
			pl.Replicas, pl.Current = it.cells[c].target, p.current(it, c)
		}
		list = append(list, pl)
	}
	return list
}

func (p *planner) action(it *item, c int) Action {
	cell, prev := &it.cells[c], it.prev[c]
	next := cell.next
	if p.members[c].Unknown {
		return ActionHold
	}
	switch {
	case prev == nil && next != nil:
		return ActionCreate
	case next == nil && prev != nil:
		return ActionDelete
	case next != prev:
		return ActionUpdate
	case prev != nil && p.withheld(it, c):
		return ActionHold
	}
	return ActionNone
}

// withheld says that something is wanted of a member that is not done.
func (p *planner) withheld(it *item, c int) bool {
	cell := &it.cells[c]
	if it.state != follow {
		return it.held != ""
	}
	switch cell.stand {
	case out, drained, fixed:
		return true
	case frozen:
		return false
	}
	return it.divides && cell.given != cell.target || !cell.may && !it.undone
}

// reason is why a member has what it has, in one line.
func (p *planner) reason(it *item, c int) string {
	m := &p.members[c]
	switch {
	case m.leaving():
		return "leaves the federation"
	case it.state == remove:
		return "deleted by a user"
	case it.state == keep && it.message != "":
		return "held: " + it.message
	case it.state == keep:
		return "left as it is until the spec can be read"
	}
	cell := &it.cells[c]
	if cell.why == whyUnnamed {
		return cell.note
	}
	if it.divides {
		return p.reasonOfShare(it, c)
	}
	return p.reasonOfWhole(it, c)
}

// reasonOfWhole is for what is not divided.
func (p *planner) reasonOfWhole(it *item, c int) string {
	cell := &it.cells[c]
	switch cell.stand {
	case frozen:
		return p.deadWord(c) + ": left as it is" + p.elsewhere(it)
	case keeps:
		return cell.note + ": keeps what it has"
	case open, quiet:
	default:
		return cell.note
	}
	if it.intent.policy.strategy == v1alpha1.StrategyOne && it.scaler == nil {
		return cell.reasonOfOne()
	}
	text := "a copy in every selected cluster"
	switch {
	case it.scaler != nil:
		text = fmt.Sprintf("scaled by HorizontalPodAutoscaler %s, which runs there", it.scaler.key.Name)
	case len(p.taken(it)) > 0:
		text = "goes along with " + p.takerIn(it, c)
	}
	if it.exposed && it.spec != nil && exposable(it.spec.Object) {
		text += "; of type NodePort, so that the Ingress that names it is served from outside"
	}
	if cell.note != "" {
		text += "; " + cell.note
	}
	return text
}

func (c *cell) reasonOfOne() string {
	switch {
	case !c.there:
		return "another cluster runs it"
	case c.note == "":
		return "the one cluster that runs it"
	}
	return c.note
}

func (p *planner) takerIn(it *item, c int) string {
	for _, t := range p.taken(it) {
		if t.runs(c) {
			return t.intent.policy.kind + " " + t.key.Name
		}
	}
	return "what names it"
}

func (p *planner) deadWord(c int) string {
	switch m := &p.members[c]; {
	case m.Spec.Lost:
		return "lost"
	case m.Holding:
		return "back from being taken for dead, but not trusted yet"
	}
	return "taken for dead"
}

func (p *planner) elsewhere(it *item) string {
	if it.intent.policy.move {
		return ", run elsewhere"
	}
	return ", not moved"
}

// reasonOfShare is for what is divided.
func (p *planner) reasonOfShare(it *item, c int) string {
	cell, f := &it.cells[c], &it.intent.policy.fits[c]
	now := p.current(it, c)
	switch cell.stand {
	case frozen:
		return fmt.Sprintf("%s: keeps %d%s", p.deadWord(c), now, p.elsewhere(it))
	case keeps:
		return fmt.Sprintf("%s: keeps %d", cell.note, cell.given)
	case quiet:
		if cell.target > now {
			return fmt.Sprintf("%s: given %d as no other cluster has room", cell.note, cell.target)
		}
		return fmt.Sprintf("%s: keeps %d", cell.note, cell.given)
	case open:
	default:
		return cell.note
	}
	if p.gaveUp(it, c) {
		return "back: its share stays where it runs now"
	}
	text := fmt.Sprintf("weight %d of %d", f.weight, it.weights) + p.bound(it, c)
	if cell.note != "" {
		text += "; " + cell.note
	}
	return text
}

// bound is what limits a share.
func (p *planner) bound(it *item, c int) string {
	cell, f := &it.cells[c], &it.intent.policy.fits[c]
	capacity, limited := p.members[c].Capacity[it.key]
	switch {
	case limited && cell.target >= capacity:
		return fmt.Sprintf(", room for %d", capacity)
	case cell.target >= f.max:
		return fmt.Sprintf(", at most %d", f.max)
	case f.min > 0 && cell.target <= f.min:
		return fmt.Sprintf(", at least %d", f.min)
	case cell.target > 0 && cell.target == p.current(it, c) && !p.rebalances(it):
		return fmt.Sprintf(", keeps %d", cell.target)
	}
	return ""
}
