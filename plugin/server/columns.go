package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// columns are those kubectl shows for the kind; NAME and AGE where it has
// none, and a definition's own for a custom resource.
func (s *Server) columns(req *request) ([]column, error) {
	if cols, ok := builtinColumns()[req.kind.GR().String()]; ok {
		return cols, nil
	}
	return s.printerColumns(req)
}

func builtinColumns() map[string][]column {
	all := map[string][]column{}
	for _, set := range []map[string][]column{ownColumns(), placementColumns(), workloadColumns(), networkColumns(), configColumns(), policyColumns()} {
		for gr, cols := range set {
			all[gr] = cols
		}
	}
	return all
}

func ownColumns() map[string][]column {
	return map[string][]column{
		clustersResource + "." + v1alpha1.Group: {
			nameColumn(), textAt("Status", "status", "state"), ageColumn(),
			wide("Region", func(r row) any { return orNone(firstText(r, []string{"spec", "region"}, []string{"status", "region"})) }),
			wide("Zones", func(r row) any { return joined(firstList(r, []string{"spec", "zones"}, []string{"status", "zones"})) }),
			wide("Leader", leaderCell),
			wide("Revision", func(r row) any { return r.num("status", "revision") }),
			wide("Applied", func(r row) any { return r.num("status", "applied") }),
			wide("Objects", func(r row) any { return r.num("status", "objects") }),
			wide("Unhealthy", func(r row) any { return r.num("status", "unhealthy") }),
			wide("Heartbeat", heartbeatCell),
			wide("Agent", func(r row) any { return orNone(r.text("status", "agentVersion")) }),
			wide("Version", func(r row) any { return orNone(r.text("status", "kubernetesVersion")) }),
		},
		federationsResource + "." + v1alpha1.Group: {
			nameColumn(), textAt("DNS-Zone", "spec", "dnsZone"), textAt("Secrets", "spec", "secrets"), ageColumn(),
			wide("Layout", func(r row) any { return r.num("spec", "layoutVersion") }),
			wide("UID", func(r row) any { return string(r.GetUID()) }),
		},
	}
}

func firstText(r row, paths ...[]string) string {
	for _, p := range paths {
		if s := r.text(p...); s != "" {
			return s
		}
	}
	return ""
}

func leaderCell(r row) any {
	if v, ok := r.Object["spec"].(map[string]any); ok && v["leaderEligible"] == true {
		return "eligible"
	}
	return none
}

func heartbeatCell(r row) any {
	t := r.time("status", "lastHeartbeat")
	if t.IsZero() {
		return none
	}
	return r.since(t) + " ago"
}

func workloadColumns() map[string][]column {
	pods := append(podColumns("spec", "template"), selectorColumn())
	replicas := func() []column {
		return slices.Concat([]column{nameColumn(),
			named("Desired", func(r row) any { return r.wanted() }),
			numAt("Current", "status", "replicas"), numAt("Ready", "status", "readyReplicas"), ageColumn()}, pods)
	}
	ready := named("Ready", func(r row) any {
		return fmt.Sprintf("%d/%d", r.num("status", "readyReplicas"), r.wanted())
	})
	return map[string][]column{
		"pods": {nameColumn(), named("Status", podStatus), ageColumn()},
		"deployments.apps": slices.Concat([]column{nameColumn(), ready, numAt("Up-to-date", "status", "updatedReplicas"),
			numAt("Available", "status", "availableReplicas"), ageColumn()}, pods),
		"replicasets.apps":       replicas(),
		"replicationcontrollers": replicas(),
		"statefulsets.apps":      slices.Concat([]column{nameColumn(), ready, ageColumn()}, podColumns("spec", "template")),
		"daemonsets.apps": slices.Concat([]column{nameColumn(), numAt("Desired", "status", "desiredNumberScheduled"),
			numAt("Current", "status", "currentNumberScheduled"), numAt("Ready", "status", "numberReady"),
			numAt("Up-to-date", "status", "updatedNumberScheduled"), numAt("Available", "status", "numberAvailable"),
			named("Node Selector", func(r row) any { return mapText(r, "spec", "template", "spec", "nodeSelector") }), ageColumn()}, pods),
		"jobs.batch": slices.Concat([]column{nameColumn(), named("Status", jobStatus), named("Completions", jobCompletions), ageColumn()}, pods),
		"cronjobs.batch": slices.Concat([]column{nameColumn(), textAt("Schedule", "spec", "schedule"), textAt("Timezone", "spec", "timeZone"),
			boolAt("Suspend", "spec", "suspend"), ageColumn()}, podColumns("spec", "jobTemplate", "spec", "template")),
		"horizontalpodautoscalers.autoscaling": {nameColumn(), named("Reference", func(r row) any {
			return r.text("spec", "scaleTargetRef", "kind") + "/" + r.text("spec", "scaleTargetRef", "name")
		}), anyAt("MinPods", unset, "spec", "minReplicas"), numAt("MaxPods", "spec", "maxReplicas"),
			numAt("Replicas", "status", "currentReplicas"), ageColumn()},
	}
}

func podStatus(r row) any {
	if r.GetDeletionTimestamp() != nil {
		return "Terminating"
	}
	return orNone(r.text("status", "phase"))
}

func jobStatus(r row) any {
	for _, c := range r.items("status", "conditions") {
		if kind := c.text("type"); c.text("status") == "True" && slices.Contains([]string{"Complete", "Failed", "Suspended"}, kind) {
			return kind
		}
	}
	if done, wanted := r.num("status", "succeeded"), completions(r); done >= wanted && wanted > 0 {
		return "Complete"
	}
	if r.GetDeletionTimestamp() != nil {
		return "Terminating"
	}
	return "Running"
}

// completions and wanted are sums over the clusters, as the counts are.
func completions(r row) int64 { return r.copies * max(1, r.num("spec", "completions")) }

func (r row) wanted() int64 { return r.copies * wantedReplicas(r.Unstructured) }

func jobCompletions(r row) any {
	return fmt.Sprintf("%d/%d", r.num("status", "succeeded"), completions(r))
}

func accessModes(r row, path ...string) string {
	short := map[string]string{"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
	var list []string
	for _, m := range firstList(r, path) {
		list = append(list, short[m])
	}
	return strings.Join(list, ",")
}
