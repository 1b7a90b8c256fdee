package plan

import (
	"bytes"
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// NoReplicas is Placed.Replicas of what has none.
const NoReplicas = -1

// Shard is what one cluster is to run, as the planner reads and writes it.
// Once built it is never changed: plans share what did not change.
type Shard struct {
	ClusterUID types.UID
	Objects    []*Placed            // by key
	Tombstones []v1alpha1.Tombstone // by key, then uid
	Probes     []v1alpha1.ProbeTarget
	Addresses  []v1alpha1.ObjectAddresses // by key
	Leaving    v1alpha1.LeavingMode
}

// Placed is one object of a shard. Shards share those that are the same.
type Placed struct {
	v1alpha1.ShardObject
	// Replicas that its manifest asks for: a Job's parallelism, an autoscaler's
	// maximum; NoReplicas where it names none. Whether they are this cluster's
	// share or all of them is the object's strategy to say.
	Replicas int64
	// served: it is an Ingress that the federation serves.
	served bool
}

// newPlaced reads from a manifest what the planner asks of it.
func newPlaced(o v1alpha1.ShardObject) *Placed {
	return &Placed{ShardObject: o, Replicas: storedAmount(&o).n, served: serves(&o)}
}

// Revision turns the shard into the stored form. Number, epoch and origin are
// the writer's to fill.
func (s Shard) Revision() *v1alpha1.Shard {
	objects := make([]v1alpha1.ShardObject, len(s.Objects))
	for i := range s.Objects {
		objects[i] = s.Objects[i].ShardObject
	}
	return &v1alpha1.Shard{ClusterUID: s.ClusterUID, Objects: objects, Tombstones: slices.Clone(s.Tombstones),
		Probes: slices.Clone(s.Probes), Addresses: slices.Clone(s.Addresses), Leaving: s.Leaving}
}

// FromRevision reads a stored revision back. Manifests come out in the form
// that Plan renders, so that equal ones compare equal.
func FromRevision(r *v1alpha1.Shard) Shard {
	s := Shard{ClusterUID: r.ClusterUID, Leaving: r.Leaving, Objects: make([]*Placed, len(r.Objects)),
		Tombstones: slices.Clone(r.Tombstones), Probes: slices.Clone(r.Probes), Addresses: slices.Clone(r.Addresses)}
	for i, o := range r.Objects {
		o.Manifest, o.Body = canonical(o.Manifest), ""
		s.Objects[i] = newPlaced(o)
	}
	slices.SortFunc(s.Objects, func(a, b *Placed) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(s.Tombstones, compareTombstones)
	slices.SortFunc(s.Addresses, func(a, b v1alpha1.ObjectAddresses) int { return a.Key.Compare(b.Key) })
	return s
}

// Object finds what the shard says of a key.
func (s Shard) Object(k v1alpha1.Key) (Placed, bool) {
	o := find(s.Objects, k)
	if o == nil {
		return Placed{}, false
	}
	return *o, true
}

// find is what objects, which are by key, have of one; nil for nothing.
func find(objects []*Placed, k v1alpha1.Key) *Placed {
	i, ok := slices.BinarySearchFunc(objects, k, func(p *Placed, k v1alpha1.Key) int { return p.Key.Compare(k) })
	if !ok {
		return nil
	}
	return objects[i]
}

// canonical undoes whatever a store did to white space and escapes on the way.
func canonical(manifest json.RawMessage) json.RawMessage {
	var compact, escaped bytes.Buffer
	if json.Compact(&compact, manifest) != nil {
		return manifest
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	return escaped.Bytes()
}

func compareTombstones(a, b v1alpha1.Tombstone) int {
	if c := a.Key.Compare(b.Key); c != 0 {
		return c
	}
	return bytes.Compare([]byte(a.UID), []byte(b.UID))
}
