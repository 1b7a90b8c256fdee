package apply

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// unplaced acknowledges the tombstones of what never came to be here, when the
// API server does not let the agent look whether it is gone: an object that was
// refused all its life leaves nothing behind. It is true when nothing else is
// to be done about the key. Whatever may have been applied once is waited for.
func (e *Engine) unplaced(j job) bool {
	e.mu.Lock()
	var gone []types.UID
	r := e.records[j.key]
	if r != nil {
		for _, t := range j.tombs {
			if t.UID == r.never {
				gone = append(gone, t.UID)
			}
		}
		if r.sameWant(j.want) && r.want != nil && r.untried() {
			r.never = r.want.UID
		}
	}
	e.mu.Unlock()
	e.acknowledge(j.key, gone)
	return j.want == nil && len(gone) == len(j.tombs)
}

// untried: neither this process nor the one before it, as far as its report
// tells, can have applied what is wanted.
func (r *record) untried() bool {
	before := r.recalled != nil && r.recalled.UID == r.want.UID && r.recalled.Generation > 0
	return !before && r.generation == 0 && r.tried != r.want.UID
}

// tried notes a write that may have come through.
func (e *Engine) tried(key v1alpha1.Key, uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.records[key]
	if r == nil {
		return
	}
	r.tried = uid
	if r.never == uid {
		r.never = ""
	}
}

// remember keeps, when a refusal outdates the last process's report, that the
// object was applied then.
func (r *record) remember() {
	if r.want != nil && r.recalled != nil && r.recalled.UID == r.want.UID && r.generation == 0 {
		r.generation, r.adopted = r.recalled.Generation, r.recalled.Adopted
	}
	r.recalled = nil
}
