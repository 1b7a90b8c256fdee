package v1alpha1_test

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// spec reads a PlacementSpec; without objects, it is given some.
func spec(t *testing.T, text string) *v1alpha1.Placement {
	t.Helper()
	p := &v1alpha1.Placement{}
	if err := yaml.UnmarshalStrict([]byte(text), &p.Spec); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if p.Spec.Objects == nil {
		p.Spec.Objects = []v1alpha1.ObjectSelector{{Kind: "Deployment"}}
	}
	return p
}

func TestValidateAccepts(t *testing.T) {
	for _, text := range []string{
		"{}",
		"{objects: [{kind: Deployment, name: web}, {apiGroup: example.com, kind: Widget, labelSelector: {matchLabels: {a: b}}}]}",
		"{clusters: {names: [A, east-1], exclude: [b], regions: [eu], zones: [eu-1], labelSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}}",
		"{preferred: [{weight: 1, clusters: {}}, {weight: 100, clusters: {regions: [eu]}}]}",
		"{tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute}, {key: a, operator: Equal}]}",
		"{strategy: Divide, objects: [{kind: ConfigMap}, {kind: StatefulSet}]}",
		"{strategy: Divide, objects: [{apiGroup: example.com, kind: Widget}]}",
		"{strategy: One, replicas: {clusters: {'*': {minReplicas: 2, maxReplicas: 2, weight: 0}}}}",
		"{spread: [{topology: region, maxReplicas: 3}, {topology: example.com/rack, maxClusters: 1}]}",
		"{overrides: [{image: {registry: 'localhost:5000/mirror', repository: a/b-c, tag: v1}}, {image: {registry: r.example.com}}, {env: [{name: A, value: ''}]}]}",
		"{overrides: [{resources: {limits: {cpu: 500m, example.com/gpu: '1'}}}, {patch: [{op: add, path: /metadata/annotations/a~1b, value: null}, {op: move, from: /a, path: /b}]}]}",
		"{rollout: {waves: [{percentage: 1%}, {clusters: {}}, {percentage: 100%, approval: true}], onFailure: Undo, deadline: 5m}}",
		"{failover: {move: true, return: Never}, dependencies: Follow}",
	} {
		if errs := spec(t, text).Validate(); len(errs) > 0 {
			t.Errorf("%s: %v", text, errs.ToAggregate())
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{objects: []}":                                                                  "spec.objects: Required value",
		"{objects: [{kind: ''}]}":                                                        "spec.objects[0].kind: Required value",
		"{objects: [{kind: a/b}]}":                                                       "spec.objects[0].kind: Invalid value",
		"{objects: [{apiGroup: apps/v1, kind: Deployment}]}":                             "spec.objects[0].apiGroup: Invalid value: \"apps/v1\": want the group without its version",
		"{objects: [{apiGroup: kubectl-fed.io, kind: Placement}]}":                       "never placed in a member",
		"{objects: [{kind: A, name: a/b}]}":                                              "spec.objects[0].name: Invalid value",
		"{objects: [{kind: A, name: a, labelSelector: {}}]}":                             "spec.objects[0].labelSelector: Forbidden",
		"{objects: [{kind: A, labelSelector: {matchLabels: {'a b': c}}}]}":               "spec.objects[0].labelSelector.matchLabels: Invalid value",
		"{clusters: {names: [a_b]}}":                                                     "spec.clusters.names[0]: Invalid value",
		"{clusters: {exclude: ['']}}":                                                    "spec.clusters.exclude[0]: Invalid value",
		"{clusters: {regions: [' ']}}":                                                   "spec.clusters.regions[0]: Required value",
		"{clusters: {labelSelector: {matchExpressions: [{key: a, operator: Is}]}}}":      "spec.clusters.labelSelector.matchExpressions[0].operator: Invalid value",
		"{preferred: [{weight: 0, clusters: {}}]}":                                       "spec.preferred[0].weight: Invalid value: 0: must be from 1 to 100",
		"{preferred: [{weight: 101, clusters: {}}]}":                                     "spec.preferred[0].weight",
		"{tolerations: [{value: a}]}":                                                    "spec.tolerations[0].key: Required value",
		"{tolerations: [{key: a, operator: In}]}":                                        "spec.tolerations[0].operator: Unsupported value",
		"{tolerations: [{key: a, operator: Exists, value: b}]}":                          "spec.tolerations[0].value: Invalid value",
		"{tolerations: [{key: a, effect: PreferNoSchedule}]}":                            "spec.tolerations[0].effect: Unsupported value",
		"{strategy: Spread}":                                                             "spec.strategy: Unsupported value",
		"{strategy: Divide, objects: [{kind: ConfigMap}]}":                               "spec.strategy: Invalid value: \"Divide\": a ConfigMap has no replicas to divide",
		"{replicas: {clusters: {a: {minReplicas: -1}}}}":                                 "spec.replicas.clusters[a].minReplicas: Invalid value: -1",
		"{replicas: {clusters: {a: {minReplicas: 2, maxReplicas: 1}}}}":                  "spec.replicas.clusters[a].maxReplicas: Invalid value: 1",
		"{replicas: {clusters: {'a*': {}}}}":                                             "spec.replicas.clusters[a*]: Invalid value",
		"{spread: [{topology: '', maxReplicas: 1}]}":                                     "spec.spread[0].topology: Required value",
		"{spread: [{topology: a b, maxReplicas: 1}]}":                                    "spec.spread[0].topology: Invalid value",
		"{spread: [{topology: zone}]}":                                                   "spec.spread[0]: Required value",
		"{spread: [{topology: zone, maxReplicas: 0}]}":                                   "spec.spread[0].maxReplicas: Invalid value: 0",
		"{spread: [{topology: zone, maxClusters: 1}, {topology: zone, maxClusters: 2}]}": "spec.spread[1].topology: Duplicate value",
		"{overrides: [{clusters: {names: [a]}}]}":                                        "spec.overrides[0]: Required value",
		"{overrides: [{image: {container: a}}]}":                                         "spec.overrides[0].image: Required value",
		"{overrides: [{image: {registry: mirror}}]}":                                     "spec.overrides[0].image.registry: Invalid value",
		"{overrides: [{image: {repository: A}}]}":                                        "spec.overrides[0].image.repository: Invalid value",
		"{overrides: [{image: {tag: 'sha256:1'}}]}":                                      "spec.overrides[0].image.tag: Invalid value",
		"{overrides: [{env: [{name: '', value: a}]}]}":                                   "spec.overrides[0].env[0].name: Required value",
		"{overrides: [{env: [{name: 'a=b', value: a}]}]}":                                "spec.overrides[0].env[0].name: Invalid value",
		"{overrides: [{resources: {}}]}":                                                 "spec.overrides[0].resources: Required value",
		"{overrides: [{resources: {limits: {cpu: lots}}}]}":                              "spec.overrides[0].resources.limits[cpu]: Invalid value",
		"{overrides: [{resources: {requests: {cpu: '-1'}}}]}":                            "spec.overrides[0].resources.requests[cpu]: Invalid value",
		"{overrides: [{patch: [{op: '', path: /a}]}]}":                                   "spec.overrides[0].patch[0].op: Required value",
		"{overrides: [{patch: [{op: change, path: /a, value: 1}]}]}":                     "spec.overrides[0].patch[0].op: Unsupported value",
		"{overrides: [{patch: [{op: add, path: a, value: 1}]}]}":                         "spec.overrides[0].patch[0].path: Invalid value",
		"{overrides: [{patch: [{op: add, path: '', value: 1}]}]}":                        "spec.overrides[0].patch[0].path: Required value",
		"{overrides: [{patch: [{op: add, path: /a~2, value: 1}]}]}":                      "spec.overrides[0].patch[0].path: Invalid value",
		"{overrides: [{patch: [{op: add, path: /a}]}]}":                                  "spec.overrides[0].patch[0].value: Required value",
		"{overrides: [{patch: [{op: remove, path: /a, value: 1}]}]}":                     "spec.overrides[0].patch[0].value: Forbidden",
		"{overrides: [{patch: [{op: copy, path: /a}]}]}":                                 "spec.overrides[0].patch[0].from: Required value",
		"{overrides: [{patch: [{op: add, from: /b, path: /a, value: 1}]}]}":              "spec.overrides[0].patch[0].from: Forbidden",
		"{overrides: [{patch: [{op: replace, path: /metadata/name, value: a}]}]}":        "spec.overrides[0].patch[0].path: Forbidden",
		"{overrides: [{patch: [{op: move, from: /a, path: /a/b}]}]}":                     "is inside of from",
		"{rollout: {waves: []}}":                                                         "spec.rollout.waves: Required value",
		"{rollout: {waves: [{}]}}":                                                       "spec.rollout.waves[0]: Required value",
		"{rollout: {waves: [{percentage: 5%, clusters: {}}]}}":                           "spec.rollout.waves[0].percentage: Forbidden",
		"{rollout: {waves: [{percentage: 0%}]}}":                                         "spec.rollout.waves[0].percentage: Invalid value",
		"{rollout: {waves: [{percentage: 101%}]}}":                                       "spec.rollout.waves[0].percentage: Invalid value",
		"{rollout: {waves: [{percentage: +5%}]}}":                                        "spec.rollout.waves[0].percentage: Invalid value",
		"{rollout: {waves: [{percentage: 10}]}}":                                         "spec.rollout.waves[0].percentage: Invalid value",
		"{rollout: {waves: [{percentage: 10%}, {percentage: 10%}]}}":                     "spec.rollout.waves[1].percentage: Invalid value: \"10%\": includes the earlier waves",
		"{rollout: {waves: [{percentage: 10%, pause: -1s}]}}":                            "spec.rollout.waves[0].pause: Invalid value",
		"{rollout: {waves: [{percentage: 10%}], minHealthyTime: -1s}}":                   "spec.rollout.minHealthyTime: Invalid value",
		"{rollout: {waves: [{percentage: 10%}], deadline: -1s}}":                         "spec.rollout.deadline: Invalid value",
		"{rollout: {waves: [{percentage: 10%}], maxFailedClusters: -1}}":                 "spec.rollout.maxFailedClusters: Invalid value",
		"{rollout: {waves: [{percentage: 10%}], onFailure: Retry}}":                      "spec.rollout.onFailure: Unsupported value",
		"{failover: {return: Later}}":                                                    "spec.failover.return: Unsupported value",
		"{dependencies: Take}":                                                           "spec.dependencies: Unsupported value",
	} {
		errs := spec(t, text).Validate()
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%s: %v, want %q", text, errs, want)
		}
	}
}

func TestClusterSelectorMatches(t *testing.T) {
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "east", Labels: map[string]string{"tier": "gold"}}}
	for text, want := range map[string]string{
		"{}":                             "",
		"{names: [west, east]}":          "",
		"{names: [west]}":                "it is not named",
		"{exclude: [east]}":              "it is excluded by name",
		"{regions: [eu]}":                "",
		"{regions: [us]}":                "region eu is not us",
		"{zones: [eu-2, eu-3]}":          "",
		"{zones: [us-1, us-2]}":          "zone eu-1, eu-2 is not us-1 or us-2",
		"{names: [east], zones: [us-1]}": "zone eu-1, eu-2 is not us-1",
		"{labelSelector: {matchLabels: {tier: gold}}}":                                        "",
		"{labelSelector: {matchLabels: {tier: silver, a: b}}}":                                "label a is not b",
		"{labelSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [gold]}]}}": "label tier is gold",
		"{labelSelector: {matchExpressions: [{key: a, operator: NotIn, values: [gold]}]}}":    "",
		"{labelSelector: {matchExpressions: [{key: a, operator: Exists}]}}":                   "it has no label a",
		"{labelSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}":          "it has a label tier",
		"{labelSelector: {matchExpressions: [{key: tier, operator: In, values: [a, b, c]}]}}": "label tier is not a, b or c",
	} {
		s := &v1alpha1.ClusterSelector{}
		if err := yaml.UnmarshalStrict([]byte(text), s); err != nil {
			t.Fatal(err)
		}
		if ok, reason := s.Matches(c, "eu", []string{"eu-1", "eu-2"}); reason != want || ok != (want == "") {
			t.Errorf("%s: %v, %q; want %q", text, ok, reason, want)
		}
	}
	var all *v1alpha1.ClusterSelector
	if ok, _ := all.Matches(c, "", nil); !ok {
		t.Error("no selector must match")
	}
}

func TestUntolerated(t *testing.T) {
	taints := []v1alpha1.Taint{{Key: "a", Value: "b", Effect: v1alpha1.TaintNoSchedule}, {Key: "c", Effect: v1alpha1.TaintNoExecute}}
	for text, want := range map[string]string{
		"[]":                                     "a=b:NoSchedule",
		"[{key: a, value: b}]":                   "c:NoExecute",
		"[{key: a, value: x}]":                   "a=b:NoSchedule",
		"[{key: a, operator: Exists}, {key: c}]": "",
		"[{operator: Exists, effect: NoSchedule}]": "c:NoExecute",
		"[{operator: Exists}]":                     "",
		"[{}]":                                     "a=b:NoSchedule",
	} {
		var tolerations []v1alpha1.Toleration
		if err := yaml.UnmarshalStrict([]byte(text), &tolerations); err != nil {
			t.Fatal(err)
		}
		got := ""
		if taint := v1alpha1.Untolerated(taints, tolerations); taint != nil {
			got = taint.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestStrategyFor(t *testing.T) {
	divide := &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Strategy: v1alpha1.StrategyDivide}}
	for _, test := range []struct {
		p           *v1alpha1.Placement
		group, kind string
		want        v1alpha1.Strategy
	}{
		{nil, "apps", "Deployment", v1alpha1.StrategyDivide},
		{nil, "apps", "StatefulSet", v1alpha1.StrategyCopy},
		{nil, "batch", "CronJob", v1alpha1.StrategyOne},
		{nil, "", "ConfigMap", v1alpha1.StrategyCopy},
		{nil, "example.com", "Deployment", v1alpha1.StrategyCopy},
		{divide, "apps", "StatefulSet", v1alpha1.StrategyDivide},
		{divide, "", "ConfigMap", v1alpha1.StrategyCopy},
		{divide, "example.com", "Widget", v1alpha1.StrategyDivide},
		{&v1alpha1.Placement{}, "batch", "Job", v1alpha1.StrategyDivide},
	} {
		if got := test.p.StrategyFor(test.group, test.kind); got != test.want {
			t.Errorf("%s/%s: %s, want %s", test.group, test.kind, got, test.want)
		}
	}
}

func TestParseAssumption(t *testing.T) {
	a, err := v1alpha1.ParseAssumption([]byte(`
apiVersion: kubectl-fed.io/v1alpha1
kind: Assumption
clusters:
- {name: A, region: r1, zones: [z1], labels: {tier: gold}, taints: [], ready: true,
   workloads: [{kind: ReplicaSet, namespace: default, name: web, replicas: 30, capacity: 10}]}
- {name: B, ready: false, taints: [{key: k, effect: NoExecute}]}
`))
	if err != nil || len(a.Clusters) != 2 || *a.Clusters[0].Workloads[0].Capacity != 10 || *a.Clusters[1].Ready {
		t.Fatalf("%+v, %v", a, err)
	}
	const head = "apiVersion: kubectl-fed.io/v1alpha1\nkind: Assumption\n"
	for text, want := range map[string]string{
		"":                      "is empty",
		"clusters: []\na: b: c": "line 2",
		"{kind: Assumption}":    `want apiVersion: kubectl-fed.io/v1alpha1 and kind: Assumption, not "" and "Assumption"`,
		head:                    "clusters: Required value",
		head + "cluster: []":    `unknown field "cluster"`,
		head + "kind: A":        `key "kind" already set`,
		head + "clusters: [{name: A}, {name: A}]":                                                                                             `clusters[1].name: Duplicate value: "A"`,
		head + "clusters: [{name: A_}]":                                                                                                       "clusters[0].name: Invalid value",
		head + "clusters: [{name: A, ready: maybe}]":                                                                                          "clusters.ready",
		head + "clusters: [{name: A, taints: [{key: a}]}]":                                                                                    "clusters[0].taints[0].effect: Required value",
		head + "clusters: [{name: A, taints: [{key: a, effect: Never}]}]":                                                                     "clusters[0].taints[0].effect: Unsupported value",
		head + "clusters: [{name: A, workloads: [{kind: Job, name: a, replicas: -1}]}]":                                                       "clusters[0].workloads[0].replicas: Invalid value: -1",
		head + "clusters: [{name: A, workloads: [{kind: Job, name: a, replicas: 1, capacity: -1}]}]":                                          "clusters[0].workloads[0].capacity: Invalid value: -1",
		head + "clusters: [{name: A, workloads: [{name: a, replicas: 1}]}]":                                                                   "clusters[0].workloads[0].kind: Required value",
		head + "clusters: [{name: A, workloads: [{kind: Job, name: a, replicas: 1}, {kind: Job, namespace: default, name: a, replicas: 2}]}]": "clusters[0].workloads[1]: Duplicate value",
	} {
		if a, err := v1alpha1.ParseAssumption([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", text, a, err, want)
		}
	}
}

// FuzzParseAssumption: what is accepted is valid, and nothing panics.
func FuzzParseAssumption(f *testing.F) {
	f.Add([]byte("{apiVersion: kubectl-fed.io/v1alpha1, kind: Assumption, clusters: [{name: A, workloads: [{kind: Job, name: a, replicas: 1}]}]}"))
	f.Add([]byte("apiVersion: a\nclusters:\n- name: A"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := v1alpha1.ParseAssumption(text)
		if err != nil {
			return
		}
		if errs := a.Validate(); len(errs) > 0 || !slices.ContainsFunc(a.Clusters, func(c v1alpha1.AssumedCluster) bool { return c.Name != "" }) {
			t.Fatalf("accepted %+v", a)
		}
	})
}
