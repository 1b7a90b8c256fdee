package apply

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Live is whose an existing object is, and whether it is on its way out.
type Live struct {
	UID             types.UID
	ResourceVersion string
	// Federation and SpecUID are our marks; empty when there are none.
	Federation string
	SpecUID    types.UID
	Adopted    bool
	// Deleting is when its deletion began; zero when it did not.
	Deleting   time.Time
	Finalizers []string
}

// LiveOf reads the marks of an object's metadata.
func LiveOf(m metav1.Object) *Live {
	l := &Live{
		UID:             m.GetUID(),
		ResourceVersion: m.GetResourceVersion(),
		Federation:      m.GetLabels()[v1alpha1.LabelFederation],
		SpecUID:         types.UID(m.GetAnnotations()[v1alpha1.AnnotationSpecUID]),
		Adopted:         m.GetAnnotations()[v1alpha1.AnnotationAdopted] == "true",
		Finalizers:      m.GetFinalizers(),
	}
	if at := m.GetDeletionTimestamp(); at != nil {
		l.Deleting = at.Time
	}
	return l
}

// Verb is what is to be done about one key.
type Verb string

// The verbs.
const (
	// DoNothing: there is nothing to do, or nothing that may be done.
	DoNothing Verb = "Nothing"
	// DoApply creates or updates what is ours.
	DoApply Verb = "Apply"
	// DoAdopt applies over an object that existed before us.
	DoAdopt Verb = "Adopt"
	// DoRefuse leaves an object of another federation alone.
	DoRefuse Verb = "Refuse"
	// DoDelete deletes on a tombstone's word.
	DoDelete Verb = "Delete"
	// DoOrphan takes our marks off on a tombstone's word.
	DoOrphan Verb = "Orphan"
	// DoAwait: the deletion is under way.
	DoAwait Verb = "Await"
)

// Verdict is Decide's answer.
type Verdict struct {
	Do Verb
	// Tombstone that DoDelete, DoOrphan and DoAwait act on.
	Tombstone v1alpha1.Tombstone
	// Gone are the tombstones whose objects exist no longer.
	Gone []types.UID
}

// Decide says what to do about one key, given what the shard wants of it (nil:
// nothing), its tombstones, and the live object (nil: there is none).
//
// A tombstone and a want with the same UID contradict each other; the object
// is kept, for a delete can be said again and a loss cannot be undone.
func Decide(federation types.UID, want *Want, tombs []v1alpha1.Tombstone, live *Live) Verdict {
	ours := live != nil && live.Federation == string(federation)
	var v Verdict
	var due *v1alpha1.Tombstone
	for i, t := range tombs {
		switch {
		case want != nil && t.UID == want.UID:
		case ours && t.UID == live.SpecUID:
			due = &tombs[i]
		default:
			v.Gone = append(v.Gone, t.UID)
		}
	}
	if due != nil {
		v.Tombstone = *due
		v.Do = bury(*due, live)
		return v
	}
	v.Do = claim(federation, want, live)
	return v
}

func bury(t v1alpha1.Tombstone, live *Live) Verb {
	switch {
	case t.Propagation == v1alpha1.PropagationOrphan, precedesUs(t, live):
		return DoOrphan
	case !live.Deleting.IsZero():
		return DoAwait
	}
	return DoDelete
}

// precedesUs says that the object was the cluster's own before it was adopted,
// and stays that: a cluster that leaves keeps what it came with, and a
// Namespace takes what nobody named down with it, so only its owner deletes it.
func precedesUs(t v1alpha1.Tombstone, live *Live) bool {
	return live.Adopted && (t.Cause == v1alpha1.CauseLeaving || isNamespace(t.Key))
}

func isNamespace(k v1alpha1.Key) bool { return k.Group == "" && k.Resource == "namespaces" }

func claim(federation types.UID, want *Want, live *Live) Verb {
	switch {
	case want == nil:
		return DoNothing
	case live == nil:
		return DoApply
	case live.Federation != "" && live.Federation != string(federation):
		return DoRefuse
	case live.SpecUID != want.UID:
		// Nobody's, or an earlier life of this key that no tombstone names
		// (the leader lost its memory of UIDs): taking it over harms nothing.
		return DoAdopt
	}
	return DoApply
}
