package lead

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// intake turns a snapshot's specs into what can be planned. It keeps what it
// decoded, by generation.
type intake struct {
	decode  func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error)
	nursery *nursery
	decoded map[v1alpha1.Key]decoded
}

type decoded struct {
	spec plan.Spec
	err  error
}

func newIntake(decode func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error)) *intake {
	return &intake{decode: decode, nursery: newNursery(), decoded: map[v1alpha1.Key]decoded{}}
}

// take fills the input's specs. It returns when to look again for the sake of
// specs that are too young; 0 for none.
func (t *intake) take(snap *v1alpha1.Snapshot, records map[v1alpha1.Key]plan.Record, in *plan.Input) time.Duration {
	var again time.Duration
	next := make(map[v1alpha1.Key]decoded, len(snap.Specs))
	for _, s := range snap.Specs {
		d, known := t.decoded[s.Key]
		// What could not be decoded is tried again: the definition of its kind
		// may have come since.
		if !known || d.spec.Generation != s.Generation || d.err != nil {
			if wait := t.youth(s, records, in.Now); wait > 0 {
				again = sooner(again, wait)
			} else {
				d, known = t.open(s), true
			}
		}
		if !known { // new and young: it is there, but says nothing yet
			d = decoded{spec: plan.Spec{Key: s.Key, Generation: s.Generation}, err: errYoung}
		} else {
			next[s.Key] = d
		}
		d.put(in)
	}
	t.unread(snap, next, in)
	t.decoded = next
	t.nursery.passed()
	return again
}

// errYoung stands for a spec that is not looked at yet.
var errYoung = errors.New("")

// put hands a spec to the planner, or what is wrong with it.
func (d decoded) put(in *plan.Input) {
	if d.err == nil {
		in.Specs = append(in.Specs, d.spec)
		return
	}
	in.Broken = append(in.Broken, plan.Broken{Key: d.spec.Key, Generation: d.spec.Generation, Message: d.err.Error()})
}

// sooner is the shorter of two waits, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// until is how long it is to a moment that may be past, or none.
func until(at, now time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(at.Sub(now), bellEvery)
}

// youth is how long a spec has to wait still. One that an earlier leader
// followed at this generation does not.
func (t *intake) youth(s v1alpha1.SpecRecord, records map[v1alpha1.Key]plan.Record, now time.Time) time.Duration {
	if records[s.Key].SpecGeneration == s.Generation {
		return 0
	}
	return t.nursery.wait(s, now)
}

func (t *intake) open(s v1alpha1.SpecRecord) decoded {
	o, err := t.decode(s)
	if err == nil && o == nil {
		err = errors.New("the spec is empty")
	}
	return decoded{spec: plan.Spec{Key: s.Key, Generation: s.Generation, Updated: s.Updated, Object: o}, err: err}
}

// unread tells the planner of specs that are there but could not be read. What
// was decoded of them stays, for when they can be again.
func (t *intake) unread(snap *v1alpha1.Snapshot, next map[v1alpha1.Key]decoded, in *plan.Input) {
	in.Invalid = snap.Invalid
	for k, err := range snap.Unread {
		b := plan.Broken{Key: k}
		if v1alpha1.Unusable(err) {
			b.Message = err.Error()
		}
		if d, ok := t.decoded[k]; ok {
			next[k] = d
		}
		in.Broken = append(in.Broken, b)
	}
}
