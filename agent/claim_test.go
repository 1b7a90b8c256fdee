package agent

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// onlyCluster is a roster of one, or of none.
type onlyCluster struct{ c *v1alpha1.Cluster }

func (o onlyCluster) Federation(context.Context) (*v1alpha1.Federation, error) { return nil, errAway }

func (o onlyCluster) Cluster(_ context.Context, name string) (*v1alpha1.Cluster, error) {
	if o.c == nil || o.c.Name != name {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "clusters"}, name)
	}
	return o.c, nil
}

// fixedMemory remembers what it was told once.
type fixedMemory struct {
	mark follow.Mark
	err  error
}

func (m fixedMemory) Recall(context.Context) (follow.Mark, error) { return m.mark, m.err }
func (m fixedMemory) Store(context.Context, follow.Mark) error    { return errAway }

func TestMemberMayWorkUnderOneNameOnly(t *testing.T) {
	old := func(spec v1alpha1.ClusterSpec) *v1alpha1.Cluster {
		return &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "old", UID: "old-uid"}, Spec: spec}
	}
	wasOld := fixedMemory{mark: follow.Mark{Cluster: "old", ClusterUID: "old-uid", Revision: 3}}
	const here, unbound = "m1", ""
	for name, tc := range map[string]struct {
		roster *v1alpha1.Cluster
		memory follow.Memory
		bound  string // what the roster says of the new name
		want   error
	}{
		"nothing remembered":           {nil, fixedMemory{}, unbound, nil},
		"no memory":                    {nil, nil, unbound, nil},
		"memory out of reach":          {nil, fixedMemory{err: errAway}, unbound, errAway},
		"memory forbidden":             {nil, fixedMemory{err: apierrors.NewForbidden(schema.GroupResource{}, "x", nil)}, unbound, nil},
		"the same name":                {nil, fixedMemory{mark: follow.Mark{Cluster: "new", ClusterUID: "new-uid"}}, unbound, nil},
		"another name":                 {old(v1alpha1.ClusterSpec{}), wasOld, unbound, follow.ErrBoundElsewhere},
		"another name, both bound":     {old(v1alpha1.ClusterSpec{MemberUID: here, Lost: true}), wasOld, here, follow.ErrBoundElsewhere},
		"another name, only the new":   {old(v1alpha1.ClusterSpec{}), wasOld, here, follow.ErrBoundElsewhere},
		"another name, taken over":     {old(v1alpha1.ClusterSpec{Lost: true}), wasOld, here, nil},
		"another name that has left":   {nil, wasOld, unbound, nil},
		"the name is another member's": {nil, fixedMemory{}, "m2", follow.ErrNameTaken},
	} {
		t.Run(name, func(t *testing.T) {
			a := &agent{Config: Config{Cluster: "new", Roster: onlyCluster{tc.roster}}}
			id := follow.Identity{Cluster: "new", ClusterUID: "new-uid", MemberUID: here, Bound: tc.bound == here}
			err := a.mayWork(t.Context(), membership{memberUID: tc.bound}, id, tc.memory)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if errors.Is(err, follow.ErrBoundElsewhere) && !strings.Contains(err.Error(), "kubectl fed recover cluster new --rebind") {
				t.Errorf("no way out in %q", err)
			}
		})
	}
}
