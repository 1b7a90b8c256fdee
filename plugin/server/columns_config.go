package server

import (
	"slices"
	"strings"
)

func configColumns() map[string][]column {
	data := named("Data", func(r row) any { return r.count("data") + r.count("binaryData") })
	return map[string][]column{
		"configmaps": {nameColumn(), data, ageColumn()},
		"secrets": {nameColumn(), named("Type", func(r row) any { return orDefault(r.text("type"), "Opaque") }),
			named("Data", func(r row) any { return r.count("data") + r.count("stringData") }), ageColumn()},
		"namespaces": {nameColumn(), textAt("Status", "status", "phase"), ageColumn()},
		"persistentvolumeclaims": {nameColumn(), textAt("Status", "status", "phase"), textAt("Volume", "spec", "volumeName"),
			textAt("Capacity", "spec", "resources", "requests", "storage"),
			named("Access Modes", func(r row) any { return accessModes(r, "spec", "accessModes") }),
			named("StorageClass", func(r row) any { return r.text("spec", "storageClassName") }), ageColumn(),
			wide("VolumeMode", func(r row) any { return orDefault(r.text("spec", "volumeMode"), "Filesystem") })},
		"persistentvolumes": {nameColumn(), textAt("Capacity", "spec", "capacity", "storage"),
			named("Access Modes", func(r row) any { return accessModes(r, "spec", "accessModes") }),
			textAt("Reclaim Policy", "spec", "persistentVolumeReclaimPolicy"), textAt("StorageClass", "spec", "storageClassName"), ageColumn()},
		"storageclasses.storage.k8s.io": {nameColumn(), textAt("Provisioner", "provisioner"),
			named("ReclaimPolicy", func(r row) any { return orDefault(r.text("reclaimPolicy"), "Delete") }),
			named("VolumeBindingMode", func(r row) any { return orDefault(r.text("volumeBindingMode"), "Immediate") }),
			boolAt("AllowVolumeExpansion", "allowVolumeExpansion"), ageColumn()},
		"customresourcedefinitions.apiextensions.k8s.io": {nameColumn(), named("Created At", func(r row) any {
			return r.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z")
		})},
	}
}

func policyColumns() map[string][]column {
	role := named("Role", func(r row) any { return orNone(reference(r, "roleRef")) })
	subjects := func(kind string) func(row) any {
		return func(r row) any {
			var list []string
			for _, s := range r.items("subjects") {
				switch {
				case s.text("kind") != kind:
				case kind == "ServiceAccount":
					list = append(list, s.text("namespace")+"/"+s.text("name"))
				default:
					list = append(list, s.text("name"))
				}
			}
			return strings.Join(list, ", ")
		}
	}
	created := named("Created At", func(r row) any { return r.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z") })
	bindings := []column{nameColumn(), role, ageColumn(), wide("Users", subjects("User")),
		wide("Groups", subjects("Group")), wide("ServiceAccounts", subjects("ServiceAccount"))}
	webhooks := []column{nameColumn(), named("Webhooks", func(r row) any { return r.count("webhooks") }), ageColumn()}
	return map[string][]column{
		"roles.rbac.authorization.k8s.io":               {nameColumn(), created},
		"clusterroles.rbac.authorization.k8s.io":        {nameColumn(), created},
		"rolebindings.rbac.authorization.k8s.io":        slices.Clone(bindings),
		"clusterrolebindings.rbac.authorization.k8s.io": slices.Clone(bindings),
		"poddisruptionbudgets.policy": {nameColumn(), anyAt("Min Available", "N/A", "spec", "minAvailable"),
			anyAt("Max Unavailable", "N/A", "spec", "maxUnavailable"),
			numAt("Allowed Disruptions", "status", "disruptionsAllowed"), ageColumn()},
		"priorityclasses.scheduling.k8s.io": {nameColumn(), numAt("Value", "value"), boolAt("Global-Default", "globalDefault"), ageColumn(),
			named("PreemptionPolicy", func(r row) any { return orDefault(r.text("preemptionPolicy"), "PreemptLowerPriority") })},
		"runtimeclasses.node.k8s.io":                                   {nameColumn(), textAt("Handler", "handler"), ageColumn()},
		"validatingwebhookconfigurations.admissionregistration.k8s.io": webhooks,
		"mutatingwebhookconfigurations.admissionregistration.k8s.io":   webhooks,
	}
}
