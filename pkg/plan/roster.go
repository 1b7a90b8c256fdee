package plan

import (
	"cmp"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// member is one cluster in this plan.
type member struct {
	*Cluster
	prev Shard
	// joined: what it had belongs to a former member of the same name, or there is
	// nothing yet.
	joined bool
	region string
	zones  []string
}

func (m *member) leaving() bool  { return m.Spec.Leaving != "" }
func (m *member) cordoned() bool { return m.Spec.Cordoned || m.Spec.Drained || m.Spec.Lost }

// dead says that nothing in it is counted on.
func (m *member) dead() bool { return m.Failed || m.Spec.Lost }

// silent says that it is not to be relied on just now.
func (m *member) silent() bool { return m.Stale || m.Holding || m.dead() }

// awaited says whether a delete waits for the member's word.
func (m *member) awaited() bool {
	return !m.Stale && !m.Failed && m.Reported && !m.Spec.Lost && !m.leaving()
}

// roster lists the members by name.
func roster(in Input) []member {
	list := make([]member, 0, len(in.Clusters))
	for i := range in.Clusters {
		c := &in.Clusters[i]
		m := member{Cluster: c, prev: c.Previous, joined: c.Previous.ClusterUID != c.UID, region: c.Spec.Region, zones: c.Spec.Zones}
		if m.joined {
			m.prev = Shard{}
		}
		if c.Status != nil && m.region == "" {
			m.region = c.Status.Region
		}
		if c.Status != nil && len(m.zones) == 0 {
			m.zones = c.Status.Zones
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b member) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// view is what decisions about all objects depend on.
type view struct {
	federation types.UID
	secrets    v1alpha1.SecretPolicy
	members    []memberView
}

type memberView struct {
	name                                      string
	uid                                       types.UID
	labels                                    map[string]string
	spec                                      v1alpha1.ClusterSpec
	region                                    string
	zones                                     []string
	stale, reported, failed, holding, unknown bool
}

func viewOf(fed *v1alpha1.Federation, members []member) view {
	v := view{federation: fed.UID, secrets: fed.Spec.Secrets, members: make([]memberView, len(members))}
	for i := range members {
		m := &members[i]
		v.members[i] = memberView{name: m.Name, uid: m.UID, labels: m.Labels, spec: m.Spec, region: m.region, zones: m.zones,
			stale: m.Stale, reported: m.Reported, failed: m.Failed, holding: m.Holding, unknown: m.Unknown}
	}
	return v
}

func (v view) equal(o view) bool { return reflect.DeepEqual(v, o) }

// sameMembers says whether the same clusters are in both, whatever their state.
func (v view) sameMembers(o view) bool {
	return slices.EqualFunc(v.members, o.members, func(a, b memberView) bool { return a.name == b.name && a.uid == b.uid })
}
