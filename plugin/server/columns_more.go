package server

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func firstList(r row, paths ...[]string) []string {
	for _, p := range paths {
		if list, _, _ := unstructured.NestedStringSlice(r.Object, p...); len(list) > 0 {
			return list
		}
	}
	return nil
}

func networkColumns() map[string][]column {
	return map[string][]column{
		"services": {nameColumn(), named("Type", func(r row) any { return orDefault(r.text("spec", "type"), "ClusterIP") }),
			textAt("Cluster-IP", "spec", "clusterIP"), named("External-IP", serviceAddress), named("Port(s)", servicePorts), ageColumn(),
			selectorColumn()},
		"ingresses.networking.k8s.io": {nameColumn(), named("Hosts", ingressHosts), named("Address", func(r row) any { return strings.Join(balancers(r), ",") }),
			named("Ports", ingressPorts), ageColumn(), wide("Class", func(r row) any { return orNone(r.text("spec", "ingressClassName")) })},
		"ingressclasses.networking.k8s.io": {nameColumn(), textAt("Controller", "spec", "controller"),
			named("Parameters", func(r row) any { return orNone(reference(r, "spec", "parameters")) }), ageColumn()},
		"networkpolicies.networking.k8s.io": {nameColumn(), named("Pod-Selector", func(r row) any {
			return mapText(r, "spec", "podSelector", "matchLabels")
		}), ageColumn()},
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func reference(r row, path ...string) string {
	kind, name := r.text(append(path, "kind")...), r.text(append(path, "name")...)
	if kind == "" {
		return ""
	}
	return kind + "/" + name
}

func balancers(r row) []string {
	var list []string
	for _, i := range r.items("status", "loadBalancer", "ingress") {
		list = append(list, orDefault(i.text("ip"), i.text("hostname")))
	}
	return list
}

func serviceAddress(r row) any {
	external := firstList(r, []string{"spec", "externalIPs"})
	switch r.text("spec", "type") {
	case "ExternalName":
		return orNone(r.text("spec", "externalName"))
	case "LoadBalancer":
		if all := append(balancers(r), external...); len(all) > 0 {
			return joined(all)
		}
		return pending
	}
	return joined(external)
}

func servicePorts(r row) any {
	var list []string
	for _, p := range r.items("spec", "ports") {
		text := fmt.Sprint(p.num("port"))
		if n := p.num("nodePort"); n > 0 {
			text += fmt.Sprintf(":%d", n)
		}
		list = append(list, text+"/"+orDefault(p.text("protocol"), "TCP"))
	}
	return joined(list)
}

func ingressHosts(r row) any {
	const shown = 3
	var list []string
	rules := r.items("spec", "rules")
	for _, rule := range rules {
		if h := rule.text("host"); h != "" && len(list) < shown {
			list = append(list, h)
		}
	}
	switch {
	case len(list) == 0:
		return "*"
	case len(rules) > shown:
		return fmt.Sprintf("%s + %d more...", strings.Join(list, ","), len(rules)-shown)
	}
	return strings.Join(list, ",")
}

func ingressPorts(r row) any {
	if r.count("spec", "tls") > 0 {
		return "80, 443"
	}
	return "80"
}

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
