package kinds

import "github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"

// placement is the one kind of the federation's own that is kept beside the
// members' objects: whoever knows those knows it, too.
func placement() Kind {
	return Kind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.KindPlacement,
		Resource: v1alpha1.ResourcePlacements, Singular: "placement", Namespaced: true, ShortNames: []string{"pl"},
		Verbs: []string{"create", "delete", "get", "list", "patch", "update", "watch"}}
}
