package apply

import "k8s.io/apimachinery/pkg/runtime/schema"

// Phase is a step of the dependency order in which a shard is applied.
// Everything of one phase is attempted before the next begins.
type Phase int

// The phases, first to last.
const (
	PhaseNamespaces Phase = iota
	PhaseDefinitions
	PhaseAccess
	PhaseConfiguration
	PhaseServices
	PhaseWorkloads
	PhaseOthers
	PhaseScaling
	PhaseRouting

	phases = int(PhaseRouting) + 1
)

// PhaseOf is the phase that objects of a kind belong to. Kinds nobody knows
// here (custom resources) come after the workloads, whose pods may serve the
// webhooks that admit them.
func PhaseOf(gk schema.GroupKind) Phase {
	switch gk.Group {
	case "":
		return corePhase(gk.Kind)
	case "apiextensions.k8s.io":
		return PhaseDefinitions
	case "rbac.authorization.k8s.io":
		return PhaseAccess
	case "storage.k8s.io", "scheduling.k8s.io", "node.k8s.io":
		return PhaseConfiguration
	case "apps", "batch":
		return PhaseWorkloads
	case "autoscaling", "policy":
		return PhaseScaling
	case "networking.k8s.io":
		return networkingPhase(gk.Kind)
	}
	return PhaseOthers
}

func corePhase(kind string) Phase {
	switch kind {
	case "Namespace":
		return PhaseNamespaces
	case "ServiceAccount":
		return PhaseAccess
	case "ConfigMap", "Secret", "ResourceQuota", "LimitRange", "PersistentVolume", "PersistentVolumeClaim":
		return PhaseConfiguration
	case "Service", "Endpoints":
		return PhaseServices
	case "Pod", "ReplicationController", "PodTemplate":
		return PhaseWorkloads
	}
	return PhaseOthers
}

func networkingPhase(kind string) Phase {
	switch kind {
	case "Ingress":
		return PhaseRouting
	case "NetworkPolicy", "IngressClass":
		// A policy must stand before the pods it shields.
		return PhaseConfiguration
	}
	return PhaseOthers
}
