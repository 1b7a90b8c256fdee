package plan

import (
	"fmt"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/rollout"
)

// advance decides which members may have the newest content.
func (p *planner) advance(it *item) {
	it.rollout, it.undone, it.stranded, it.again = nil, false, false, time.Time{}
	pol := it.intent.policy
	if pol.rollout == nil {
		for c := range it.cells {
			it.cells[c].may = true
		}
		return
	}
	members := p.rolling(it)
	names := make([]string, len(members))
	for i, c := range members {
		names[i] = p.names[c]
	}
	waves := rollout.Assign(*pol.rollout, names, func(sel v1alpha1.ClusterSelector, name string) bool {
		m := p.member(name)
		ok, _ := sel.Matches(&m.Cluster.Cluster, m.region, m.zones)
		return ok
	})
	in := rollout.Input{Policy: *pol.rollout, Generation: it.spec.Generation, Hash: it.intent.hash, Paused: it.intent.paused,
		Approved: it.intent.approved, Previous: it.record.Rollout, CanUndo: it.canUndo(), Now: p.in.Now}
	for i, c := range members {
		in.Clusters = append(in.Clusters, p.rollingCluster(it, c, waves[i]))
	}
	step := rollout.Step(in)
	it.rollout, it.undone, it.again = &step.Status, step.Undo, step.Again
	it.stranded = p.strands(it)
	for c := range it.cells {
		it.cells[c].may = it.single() && !step.Undo // whoever takes it over
	}
	for i, c := range members {
		cell := &it.cells[c]
		cell.may, cell.wave = step.May[i], waves[i]
		p.noteWave(it, c, step)
	}
	it.waits = it.waits || step.Status.Phase != v1alpha1.RolloutComplete || len(step.Status.Skipped) > 0
}

// canUndo says whether the old content is at hand and differs: it does not
// where the Placement's overrides are what has changed.
func (it *item) canUndo() bool {
	return it.spec.Base != nil && rollout.Hash(it.spec.Base, it.intent.policy.overrides...) != it.intent.hash
}

// noteWave says what a member waits for.
func (p *planner) noteWave(it *item, c int, step rollout.Output) {
	cell := &it.cells[c]
	switch {
	case cell.may:
	case step.Undo:
		cell.note = cell.noteFirst("taken back to the last good version")
	case step.Status.Phase == v1alpha1.RolloutPaused:
		cell.note = cell.noteFirst("the rollout is paused")
	case step.Status.Phase == v1alpha1.RolloutStopped, step.Status.Phase == v1alpha1.RolloutUndone:
		cell.note = cell.noteFirst("the rollout has stopped")
	default:
		cell.note = cell.noteFirst(fmt.Sprintf("waits for wave %d of %d", min(int64(cell.wave), step.Status.Waves-1)+1, step.Status.Waves))
	}
}

// rolling are the members that the rollout is about, in planner order: where
// one member is to have the object, that one.
func (p *planner) rolling(it *item) []int {
	var members, holders []int
	for c := range it.cells {
		switch it.cells[c].stand {
		case keeps, quiet, open, frozen, fixed, drained:
			members = append(members, c)
			if p.has(it, c) {
				holders = append(holders, c)
			}
		}
	}
	if it.single() && len(holders) > 0 {
		members = holders
	}
	p.order(it, members)
	return members
}

// single says whether one member is to have the object.
func (it *item) single() bool {
	return it.intent.policy.strategy == v1alpha1.StrategyOne && it.scaler == nil
}

func (p *planner) rollingCluster(it *item, c, wave int) rollout.Cluster {
	m, prev := &p.members[c], it.prev[c]
	k := rollout.Cluster{Name: m.Name, Wave: wave, Has: p.has(it, c), Silent: m.silent()}
	if !k.Has {
		return k
	}
	k.Current = p.hasNewest(it, c)
	if r := m.Reports[it.key]; r != nil && r.UID == prev.UID {
		k.Synced, k.Health = r.Generation == prev.Generation, r.Health
	}
	return k
}

// hasNewest says whether the member has the newest content, whatever the
// number of replicas.
func (p *planner) hasNewest(it *item, c int) bool {
	prev := it.prev[c]
	if prev.UID != it.uid {
		return false
	}
	a := whole
	switch {
	case len(prev.Manifest) == 0:
		return true
	case it.scaler != nil:
		a.n = bare
	case it.intent.divided:
		a = storedAmount(&prev.ShardObject)
	}
	o, err := p.manifest(it, c, a, 0)
	return err == nil && same(prev, o)
}

// member by name.
func (p *planner) member(name string) *member {
	for c := range p.members {
		if p.names[c] == name {
			return &p.members[c]
		}
	}
	return nil
}

// gives says whether a member that has nothing of the item may be given it.
func (it *item) gives(c int) bool { return it.cells[c].may || it.undone || it.stranded }

// strands says whether only members taken for dead have the item: it is to run
// elsewhere whichever wave is under way.
func (p *planner) strands(it *item) bool {
	dead := false
	for c := range it.cells {
		if p.has(it, c) && it.cells[c].stand != frozen {
			return false
		}
		dead = dead || it.cells[c].stand == frozen
	}
	return dead && it.intent.policy.move
}

// baseFor is the generation whose content a member is given that is not to have
// the newest, or not yet: 0 where there is no other.
func (it *item) baseFor(c int) int64 {
	may := it.cells[c].may
	switch {
	case it.rollout == nil:
	case it.undone && !may, it.stranded && it.spec.Base != nil && (it.single() || !may):
		return it.rollout.Base
	}
	return 0
}
