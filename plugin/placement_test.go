package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

const gold = `apiVersion: kubectl-fed.io/v1alpha1
kind: Placement
metadata: {name: gold}
spec:
  objects: [{kind: Deployment, name: web}, {kind: ConfigMap}]
  clusters: {labelSelector: {matchLabels: {tier: gold}}, exclude: [c9]}
  preferred: [{weight: 10, clusters: {regions: [eu]}}]
  tolerations: [{key: maintenance, operator: Exists, effect: NoSchedule}]
  strategy: Divide
  replicas: {rebalance: true, clusters: {"*": {weight: 1}, c1: {weight: 2, minReplicas: 1, maxReplicas: 7}}}
  spread: [{topology: region, maxReplicas: 5}]
  overrides:
  - clusters: {names: [c2]}
    image: {registry: eu.example.com, container: CONTAINER}
  rollout: {waves: [{percentage: 10%, pause: 1m}, {clusters: {names: [c1]}, approval: true}], maxFailedClusters: 1}
  failover: {move: false, return: Gradual}
  dependencies: Follow
`

const webDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
`

func files(t *testing.T, named map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range named {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// In one go and in either order: all of it, or nothing.
func TestPlacementWithWhatItDecides(t *testing.T) {
	overridden := strings.Replace(gold, "{kind: ConfigMap}", "{kind: Service}", 1)
	good := strings.Replace(overridden, "CONTAINER", "web", 1)
	bad := strings.Replace(overridden, "CONTAINER", "main", 1)
	for _, names := range [][2]string{{"1.yaml", "2.yaml"}, {"2.yaml", "1.yaml"}} {
		hub := memory.New()
		dir := files(t, map[string]string{names[0]: bad, names[1]: webDeployment})
		got := command(t, hub, "", "create", "-f", dir)
		if got.code != 1 || len(hub.Specs) > 0 || !strings.Contains(got.err, `container "main" does not exist in Deployment default/web (it has "web")`) ||
			!strings.Contains(got.err, "Placement gold does not fit it") {
			t.Errorf("%v: %+v", names, got)
		}
		dir = files(t, map[string]string{names[0]: good, names[1]: webDeployment})
		if got := command(t, hub, "", "create", "-f", dir); got.code != 0 || len(hub.Specs) != 2 || !strings.Contains(got.out, "placement.kubectl-fed.io/gold created") {
			t.Errorf("%v: %+v", names, got)
		}
		dir = files(t, map[string]string{names[0]: bad})
		if got := command(t, hub, "", "apply", "-f", dir); got.code != 1 || !strings.Contains(got.err, "spec.overrides[0].image") {
			t.Errorf("%v: %+v", names, got)
		}
	}
}

func TestPlacementNamesLineAndField(t *testing.T) {
	hub := memory.New()
	for from, want := range map[string][2]string{
		"strategy: Divide":  {"strategy: Spread", `p.yaml:9: spec.strategy: Unsupported value: "Spread"`},
		"maxReplicas: 5":    {"mostReplicas: 5", "p.yaml:11: spec.spread[0].mostReplicas: unknown field"},
		"maxReplicas: 7":    {"maxReplicas: 0", "p.yaml:10: spec.replicas.clusters[c1].maxReplicas: Invalid value: 0: must not be less than minReplicas, 1"},
		"pause: 1m":         {"pause: 1", "p.yaml:15: spec.rollout.waves[0].pause: Invalid value"},
		"objects: [{kind":   {"objects: [{kid", "p.yaml:5: spec.objects[0].kid: unknown field"},
		"{matchLabels: {ti": {"{matchLabels: {-ti", "p.yaml:6: spec.clusters.labelSelector.matchLabels: Invalid value"},
	} {
		bad := strings.Replace(gold, from, want[0], 1)
		if bad == gold {
			t.Fatal(from)
		}
		t.Chdir(files(t, map[string]string{"p.yaml": bad}))
		if got := command(t, hub, "", "create", "-f", "p.yaml"); got.code != 1 || !strings.Contains(got.err, want[1]) || len(hub.Specs) > 0 {
			t.Errorf("%q is missing in %+v", want[1], got)
		}
	}
}

func TestDescribePlacement(t *testing.T) {
	hub := memory.New()
	hub.Put(key("default/placements.kubectl-fed.io/gold"), strings.Replace(gold, "CONTAINER", "web", 1))
	hub.Put(key("default/deployments.apps/web"), webDeployment)
	hub.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	hub.ObjectStates[key("default/deployments.apps/web")] = v1alpha1.ObjectStatus{UID: "u",
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionPlaced, Status: "True"}},
		Clusters:   []v1alpha1.ObjectClusterStatus{{Cluster: "c1"}, {Cluster: "c2"}}}
	got := command(t, hub, "", "describe", "pl", "gold")
	for _, says := range []string{
		"Objects:      Deployment/web, ConfigMap\n", "Clusters:     tier=gold, except c9\n", "region eu (weight 10)", "maintenance:NoSchedule",
		"Rebalance:  yes", "c1       2       1    7", "region    5             -", "Registry:   eu.example.com",
		"1     10%       1m0s   no", "2     c1        0s     yes", "1 at most, then Stop", "10m0s per cluster", "move no, return Gradual",
		"Deployment  web   Divide    True    c1, c2", "ConfigMap   a     Copy      -       -"} {
		if !strings.Contains(got.out, says) {
			t.Errorf("%q is missing", says)
		}
	}
	if got.code != 0 || t.Failed() {
		t.Errorf("%s%s", got.out, got.err)
	}
	if got := command(t, hub, "", "get", "pl"); got.code != 0 || !strings.Contains(got.out, "gold   Deployment/web,ConfigMap   tier=gold, except c9   Divide") {
		t.Errorf("%+v", got)
	}
}
