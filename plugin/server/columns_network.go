package server

import (
	"fmt"
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
