package v1alpha1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Everything that carries the project's name is declared here once.
const (
	// Group is the API group of our own kinds.
	Group = "kubectl-fed.io"
	// Version is the version of Group that this package holds.
	Version = "v1alpha1"
	// APIVersion is what manifests of our own kinds say.
	APIVersion = Group + "/" + Version

	// LabelFederation marks an object in a member cluster as ours; its value
	// is the federation's UID. It filters the agents' watches.
	LabelFederation = Group + "/federation"
	// AnnotationSpecUID names the spec an object in a member stems from.
	AnnotationSpecUID = Group + "/spec-uid"
	// AnnotationAdopted is "true" on objects that existed before the
	// federation took over the fields its spec sets.
	AnnotationAdopted = Group + "/adopted"
	// AnnotationForce on a spec makes agents take back fields that another
	// manager keeps changing, instead of reporting the conflict.
	AnnotationForce = Group + "/force"
	// AnnotationPropagation on a spec with a deletionTimestamp says how its
	// members' objects are deleted: Background, Foreground or Orphan.
	AnnotationPropagation = Group + "/propagation-policy"

	// AnnotationRolloutPaused on a spec, "true", pauses its rollout.
	AnnotationRolloutPaused = Group + "/rollout-paused"
	// AnnotationRolloutApproved on a spec names the wave, from 0, up to which its
	// rollout may go on: "<wave>@<hash of the content it is for>".
	AnnotationRolloutApproved = Group + "/rollout-approved"

	// Annotations of Federation v1.
	AnnotationV1DeploymentPreferences = "federation.kubernetes.io/deployment-preferences"
	AnnotationV1ReplicaSetPreferences = "federation.kubernetes.io/replica-set-preferences"
	AnnotationV1ClusterSelector       = "federation.alpha.kubernetes.io/cluster-selector"

	// AgentNamespace is where the chart installs the agent by default.
	AgentNamespace = "kubectl-fed-system"
	// KubeconfigExtension names the extension of a kubeconfig cluster that
	// holds the URL of a federation's bucket.
	KubeconfigExtension = Group + "/bucket"

	fieldManagerPrefix = "kubectl-fed-"
)

// GroupVersion is the API group and version of our own kinds.
var GroupVersion = schema.GroupVersion{Group: Group, Version: Version}

// FieldManager is the server-side-apply manager of one federation: two
// federations on one cluster never share one.
func FieldManager(federation types.UID) string {
	const keep = 8
	s := string(federation)
	if len(s) > keep {
		s = s[:keep]
	}
	return fieldManagerPrefix + s
}
