package plan

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 names SHA-1 for version 5
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// newUID is the uid of a key first seen at a bucket generation: a version 5
// UUID in the federation's name space. Two leaders that first see the same
// spec give it the same uid without talking to each other.
// Turn tells apart the uids of one generation: a spec whose namespace was
// deleted and put back is another object, though nobody wrote it again.
func newUID(federation types.UID, k v1alpha1.Key, generation int64, turn int) types.UID {
	h := sha1.Sum(fmt.Appendf(nil, "%s\n%s\n%d\n%d", federation, k, generation, turn)) //nolint:gosec // a name, not a signature
	const version, variant = 0x50, 0x80
	h[6] = h[6]&0x0f | version
	h[8] = h[8]&0x3f | variant
	return types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// identify finds the uid of an item. What a shard already says comes first,
// then what was kept of the key, then a new one. A uid that a user has
// deleted is burnt: who creates the key again gets another.
func (p *planner) identify(it *item) types.UID {
	burnt := func(uid types.UID) bool { return it.state == follow && p.burnt(it.key, uid) }
	for _, o := range it.prev {
		if o != nil && !burnt(o.UID) {
			return o.UID
		}
	}
	if uid := it.record.UID; uid != "" && !burnt(uid) {
		return uid
	}
	if it.state == remove {
		for _, t := range p.tombstones[it.key] {
			if t.Cause == v1alpha1.CauseDeleted {
				return t.UID
			}
		}
	}
	for turn := 0; ; turn++ {
		if uid := newUID(p.in.Federation.UID, it.key, it.generation(), turn); !burnt(uid) {
			return uid
		}
	}
}

// burnt says whether a user's delete of that uid is on its way.
func (p *planner) burnt(k v1alpha1.Key, uid types.UID) bool {
	for _, t := range p.tombstones[k] {
		if t.UID == uid && t.Cause == v1alpha1.CauseDeleted {
			return true
		}
	}
	return false
}
