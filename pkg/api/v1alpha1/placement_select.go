package v1alpha1

import (
	"slices"
	"strings"
)

// Matches says whether the selector matches a cluster and, if not, why in one
// line. Region and zones are those in force: what join was told, else what the
// cluster reported. A nil selector matches every cluster.
func (s *ClusterSelector) Matches(c *Cluster, region string, zones []string) (matches bool, reason string) {
	switch {
	case s == nil:
		return true, ""
	case slices.Contains(s.Exclude, c.Name):
		return false, "it is excluded by name"
	case len(s.Names) > 0 && !slices.Contains(s.Names, c.Name):
		return false, "it is not named"
	case len(s.Regions) > 0 && !slices.Contains(s.Regions, region):
		return false, "region " + orNone(region) + " is not " + oneOf(s.Regions)
	case len(s.Zones) > 0 && !slices.ContainsFunc(zones, func(z string) bool { return slices.Contains(s.Zones, z) }):
		return false, "zone " + orNone(strings.Join(zones, ", ")) + " is not " + oneOf(s.Zones)
	}
	reason = mismatch(s.LabelSelector, c.Labels).String()
	return reason == "", reason
}

func orNone(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

// Operators of a Toleration.
const (
	TolerationEqual  = "Equal"
	TolerationExists = "Exists"
)

// Tolerates says whether the toleration is for the taint, as in Kubernetes: an
// empty effect is for any, an empty key with Exists for every taint.
func (t *Toleration) Tolerates(taint *Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect {
		return false
	}
	if t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case TolerationExists:
		return true
	case "", TolerationEqual:
		return t.Key != "" && t.Value == taint.Value
	}
	return false
}

// Untolerated is the first of the taints that none of the tolerations is for,
// or nil.
func Untolerated(taints []Taint, tolerations []Toleration) *Taint {
	for i := range taints {
		if !slices.ContainsFunc(tolerations, func(t Toleration) bool { return t.Tolerates(&taints[i]) }) {
			return &taints[i]
		}
	}
	return nil
}

// String is the taint as kubectl writes it: key=value:Effect.
func (t Taint) String() string {
	if t.Value == "" {
		return t.Key + ":" + t.Effect
	}
	return t.Key + "=" + t.Value + ":" + t.Effect
}
