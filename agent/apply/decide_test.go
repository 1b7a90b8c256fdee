package apply

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestDecide(t *testing.T) {
	want := &Want{UID: "new"}
	old := v1alpha1.Tombstone{UID: "old", Propagation: v1alpha1.PropagationBackground}
	older := v1alpha1.Tombstone{UID: "older", Propagation: v1alpha1.PropagationForeground}
	orphan := v1alpha1.Tombstone{UID: "old", Propagation: v1alpha1.PropagationOrphan}
	ours := func(spec types.UID) *Live { return &Live{Federation: "fed", SpecUID: spec} }
	adopted := &Live{Federation: "fed", SpecUID: "old", Adopted: true}
	adoptedDying := &Live{Federation: "fed", SpecUID: "old", Adopted: true, Deleting: time.Unix(1, 0)}
	leaving := v1alpha1.Tombstone{UID: "old", Propagation: v1alpha1.PropagationBackground, Cause: v1alpha1.CauseLeaving}
	unplaced := v1alpha1.Tombstone{UID: "old", Propagation: v1alpha1.PropagationBackground, Cause: v1alpha1.CauseUnplaced}
	namespace := func(t v1alpha1.Tombstone) []v1alpha1.Tombstone {
		t.Key = v1alpha1.Key{Resource: "namespaces", Name: "n"}
		return []v1alpha1.Tombstone{t}
	}
	dying := &Live{Federation: "fed", SpecUID: "old", Deleting: time.Unix(1, 0)}
	for name, tc := range map[string]struct {
		want  *Want
		tombs []v1alpha1.Tombstone
		live  *Live
		do    Verb
		gone  []types.UID
	}{
		"create":                                {want, nil, nil, DoApply, nil},
		"update":                                {want, nil, ours("new"), DoApply, nil},
		"adopt nobody's":                        {want, nil, &Live{}, DoAdopt, nil},
		"ours, but for the label":               {want, nil, &Live{SpecUID: "new"}, DoApply, nil},
		"another federation's":                  {want, nil, &Live{Federation: "x", SpecUID: "new"}, DoRefuse, nil},
		"an earlier life without tombstone":     {want, nil, ours("old"), DoAdopt, nil},
		"an earlier life first":                 {want, []v1alpha1.Tombstone{old}, ours("old"), DoDelete, nil},
		"two earlier lives":                     {want, []v1alpha1.Tombstone{older, old}, ours("old"), DoDelete, []types.UID{"older"}},
		"create when the earlier life is gone":  {want, []v1alpha1.Tombstone{old}, nil, DoApply, []types.UID{"old"}},
		"deletion under way":                    {nil, []v1alpha1.Tombstone{old}, dying, DoAwait, nil},
		"orphan":                                {nil, []v1alpha1.Tombstone{orphan}, ours("old"), DoOrphan, nil},
		"orphan while it is deleted":            {nil, []v1alpha1.Tombstone{orphan}, dying, DoOrphan, nil},
		"tombstone and want contradict":         {want, []v1alpha1.Tombstone{{UID: "new"}}, ours("new"), DoApply, nil},
		"gone already":                          {nil, []v1alpha1.Tombstone{old}, nil, DoNothing, []types.UID{"old"}},
		"unmarked counts as gone":               {nil, []v1alpha1.Tombstone{old}, &Live{SpecUID: "old"}, DoNothing, []types.UID{"old"}},
		"another life is not ours to delete":    {nil, []v1alpha1.Tombstone{old}, ours("new"), DoNothing, []types.UID{"old"}},
		"another federation's is not either":    {nil, []v1alpha1.Tombstone{old}, &Live{Federation: "x", SpecUID: "old"}, DoNothing, []types.UID{"old"}},
		"adopted, deleted by a user":            {nil, []v1alpha1.Tombstone{old}, adopted, DoDelete, nil},
		"adopted, no longer for this cluster":   {nil, []v1alpha1.Tombstone{unplaced}, adopted, DoDelete, nil},
		"adopted, the cluster leaves":           {nil, []v1alpha1.Tombstone{leaving}, adopted, DoOrphan, nil},
		"ours, the cluster leaves":              {nil, []v1alpha1.Tombstone{leaving}, ours("old"), DoDelete, nil},
		"adopted Namespace, deleted by a user":  {nil, namespace(old), adopted, DoOrphan, nil},
		"adopted Namespace, unplaced":           {nil, namespace(unplaced), adopted, DoOrphan, nil},
		"adopted Namespace, the cluster leaves": {nil, namespace(leaving), adopted, DoOrphan, nil},
		"adopted Namespace on its way out":      {nil, namespace(old), adoptedDying, DoOrphan, nil},
		"our own Namespace":                     {nil, namespace(old), ours("old"), DoDelete, nil},
		"not wanted, no tombstone":              {nil, nil, ours("old"), DoNothing, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := Decide("fed", tc.want, tc.tombs, tc.live)
			if v.Do != tc.do || !slices.Equal(v.Gone, tc.gone) {
				t.Errorf("got %s, gone %v; want %s, gone %v", v.Do, v.Gone, tc.do, tc.gone)
			}
		})
	}
}

func TestDrift(t *testing.T) {
	want := &Want{Digest: "d"}
	done := Applied{Digest: "d", Fingerprint: "f", ResourceVersion: "10"}
	seen := func(digest, fingerprint, version string) *Seen {
		s := &Seen{Digest: digest, Fingerprint: fingerprint}
		s.ResourceVersion = version
		return s
	}
	for name, tc := range map[string]struct {
		applied Applied
		seen    *Seen
		want    Difference
	}{
		"never applied":                        {Applied{}, nil, Pending},
		"applied for an older spec":            {Applied{Digest: "c"}, seen("d", "f", "9"), Pending},
		"as applied":                           {done, seen("d", "f", "12"), Same},
		"not there":                            {done, nil, Missing},
		"changed":                              {done, seen("d", "g", "11"), Changed},
		"an event older than the apply":        {done, seen("d", "g", "9"), Same},
		"taken for another manifest":           {done, seen("c", "g", "11"), Same},
		"versions that cannot be compared":     {done, seen("d", "g", "x"), Changed},
		"as many digits but greater is newer":  {Applied{"d", "f", "99"}, seen("d", "g", "100"), Changed},
		"the very version that apply answered": {done, seen("d", "g", "10"), Same},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Drift(want, tc.applied, tc.seen); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestContested(t *testing.T) {
	now := time.Unix(10000, 0)
	ago := func(ds ...time.Duration) (out []time.Time) {
		for _, d := range ds {
			out = append(out, now.Add(-d))
		}
		return out
	}
	for name, tc := range map[string]struct {
		repairs []time.Time
		want    bool
	}{
		"none":             {nil, false},
		"two lately":       {ago(2*time.Minute, time.Minute), false},
		"three lately":     {ago(4*time.Minute, 2*time.Minute, time.Minute), true},
		"one of three old": {ago(6*time.Minute, 2*time.Minute, time.Minute), false},
	} {
		if got := Contested(tc.repairs, now); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
