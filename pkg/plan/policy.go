package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/divide"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/override"
)

// policyKey is what a policy is made of. Objects with the same share one.
type policyKey struct {
	placement             *v1alpha1.Placement
	group, kind           string
	selector, preferences string
	// target is the kind that an autoscaler inherits from.
	target string
	// clusterScoped objects are no load, and no taint keeps them away: a Namespace
	// must be where objects that tolerate the taint may go.
	clusterScoped bool
}

// policy is how objects are to be spread, and what comes of it with the
// clusters there are.
type policy struct {
	policyKey
	strategy    v1alpha1.Strategy
	clusters    *v1alpha1.ClusterSelector
	labels      v1alpha1.ClusterRequirements
	preferred   []v1alpha1.ClusterPreferenceTerm
	tolerations []v1alpha1.Toleration
	replicas    v1alpha1.ReplicaPreferences
	spread      []v1alpha1.SpreadConstraint
	overrides   []v1alpha1.Override
	rollout     *v1alpha1.Rollout
	move        bool
	back        v1alpha1.ReturnPolicy
	follow      bool

	// roster for which what follows was found.
	roster int64
	fits   []fit // per member
	// domains that limit replicas.
	domains []divide.Domain
	// fault is why it cannot be followed.
	fault string
}

// fit is how a policy goes together with one member.
type fit struct {
	// selected, or the reason why not.
	selected bool
	reason   string
	// untolerated taint that keeps away what is not there yet.
	taint string
	// named in the replica preferences.
	named    bool
	weight   int64
	min, max int64
	affinity int64
	domain   int
	// values of the spread constraints.
	values []string
	// overrides that are for it, and their name.
	overrides []v1alpha1.Override
	group     string
}

// newPolicy reads what a Placement, or Federation v1's annotations, say.
func newPolicy(k policyKey) *policy {
	moved := cmp.Or(k.target, k.kind)
	p := &policy{policyKey: k, strategy: k.placement.StrategyFor(k.group, k.kind), back: v1alpha1.ReturnImmediate, roster: -1,
		move: moved != "StatefulSet" && moved != "Job"}
	if pl := k.placement; pl != nil {
		s := &pl.Spec
		p.clusters, p.preferred, p.tolerations, p.spread = s.Clusters, s.Preferred, s.Tolerations, s.Spread
		if k.target == "" { // what is inherited is where and how many, not what
			p.overrides, p.rollout, p.follow = s.Overrides, s.Rollout, s.Dependencies == v1alpha1.DependenciesFollow
		}
		if f := s.Failover; f != nil {
			p.back = cmp.Or(f.Return, v1alpha1.ReturnImmediate)
			if f.Move != nil {
				p.move = *f.Move
			}
		}
		if s.Replicas != nil {
			p.replicas = *s.Replicas
		}
	}
	p.readAnnotations()
	if len(p.replicas.Clusters) == 0 {
		p.replicas.Clusters = map[string]v1alpha1.ClusterPreferences{v1alpha1.AnyCluster: {Weight: 1}}
	}
	return p
}

// readAnnotations fills in what the Placement says nothing about.
func (p *policy) readAnnotations() {
	if p.clusters == nil && p.selector != "" {
		var err error
		if p.labels, err = v1alpha1.ParseClusterSelectorAnnotation(p.selector); err != nil {
			p.fault = fmt.Sprintf("annotation %s: %v", v1alpha1.AnnotationV1ClusterSelector, err)
		}
	}
	if (p.placement == nil || p.placement.Spec.Replicas == nil) && p.preferences != "" {
		var err error
		if p.replicas, err = v1alpha1.ParseReplicaPreferences(p.preferences); err != nil {
			p.fault = fmt.Sprintf("annotation %s: %v", v1alpha1.PreferencesAnnotation(p.group, p.kind), err)
		}
	}
}

func (p *policy) name() string {
	if p.placement == nil {
		return ""
	}
	return p.placement.Name
}

// evaluate finds what the policy means for the members, once per roster.
func (p *policy) evaluate(members []member, roster int64) {
	if p.roster == roster {
		return
	}
	p.roster, p.fits = roster, make([]fit, len(members))
	for c := range members {
		p.fits[c] = p.fit(&members[c])
	}
	p.domains = nil
	if err := p.nest(); err != "" {
		p.fault = err
	}
}

func (p *policy) fit(m *member) fit {
	f := fit{selected: true, domain: divide.None, max: divide.NoLimit}
	if ok, why := p.clusters.Matches(&m.Cluster.Cluster, m.region, m.zones); !ok {
		f.selected, f.reason = false, "not selected: "+why
	} else if ok, why := p.labels.Matches(m.Labels); !ok {
		f.selected, f.reason = false, "not selected: "+why
	}
	if !p.clusterScoped {
		f.tolerate(m.Spec.Taints, p.tolerations)
	}
	pref, named := p.replicas.Clusters[m.Name]
	if !named {
		pref, named = p.replicas.Clusters[v1alpha1.AnyCluster]
	}
	f.named, f.weight, f.min = named, pref.Weight, pref.MinReplicas
	if pref.MaxReplicas != nil {
		f.max = *pref.MaxReplicas
	}
	if !named {
		f.max = 0
	}
	for i := range p.preferred {
		if ok, _ := p.preferred[i].Clusters.Matches(&m.Cluster.Cluster, m.region, m.zones); ok {
			f.affinity += p.preferred[i].Weight
		}
	}
	for _, s := range p.spread {
		f.values = append(f.values, topology(s.Topology, m))
	}
	f.override(p, m)
	return f
}

// tolerate finds the first taint of each effect that is in the way.
func (f *fit) tolerate(taints []v1alpha1.Taint, tolerations []v1alpha1.Toleration) {
	for i := range taints {
		t := v1alpha1.Untolerated(taints[i:i+1], tolerations)
		switch {
		case t == nil:
		case t.Effect == v1alpha1.TaintNoExecute && f.selected:
			f.selected, f.reason = false, fmt.Sprintf("taint %s is not tolerated", t)
		case f.taint == "":
			f.taint = fmt.Sprintf("taint %s is not tolerated", t)
		}
	}
}

// override picks the overrides for a member and names the set of them.
func (f *fit) override(p *policy, m *member) {
	matches := func(s v1alpha1.ClusterSelector) bool {
		ok, _ := s.Matches(&m.Cluster.Cluster, m.region, m.zones)
		return ok
	}
	f.overrides = override.Matching(p.overrides, matches)
	var names []string
	for i := range p.overrides {
		if s := p.overrides[i].Clusters; s == nil || matches(*s) {
			names = append(names, strconv.Itoa(i))
		}
	}
	f.group = strings.Join(names, ",")
}

// topology is the member's domain; one without a value is in its own.
func topology(key string, m *member) string {
	var v string
	switch key {
	case v1alpha1.TopologyRegion:
		v = m.region
	case v1alpha1.TopologyZone:
		v = strings.Join(m.zones, ",")
	default:
		v = m.Labels[key]
	}
	if v == "" {
		return "cluster " + m.Name
	}
	return key + " " + v
}

// nest turns the limits on replicas into domains, each within the one before:
// regions first, then zones, then labels.
func (p *policy) nest() (fault string) {
	var levels []int
	for i, s := range p.spread {
		if s.MaxReplicas != nil {
			levels = append(levels, i)
		}
	}
	rank := map[string]int{v1alpha1.TopologyRegion: -2, v1alpha1.TopologyZone: -1}
	slices.SortStableFunc(levels, func(a, b int) int { return cmp.Compare(rank[p.spread[a].Topology], rank[p.spread[b].Topology]) })
	for at, level := range levels {
		ids := map[string]int{}
		for c := range p.fits {
			f := &p.fits[c]
			value := f.values[level]
			id, ok := ids[value]
			if !ok {
				id = len(p.domains)
				ids[value] = id
				p.domains = append(p.domains, divide.Domain{Parent: f.domain, Max: *p.spread[level].MaxReplicas})
			}
			if p.domains[id].Parent != f.domain {
				return fmt.Sprintf("spread: %s lies in more than one %s; give maxReplicas to one of the two", value, p.spread[levels[at-1]].Topology)
			}
			f.domain = id
		}
	}
	return ""
}
