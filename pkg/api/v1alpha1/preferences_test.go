package v1alpha1_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func most(n int64) *int64 { return &n }

func TestParseReplicaPreferences(t *testing.T) {
	for text, want := range map[string]v1alpha1.ReplicaPreferences{
		`{}`: {},
		`{"rebalance": true, "clusters": {"*": {"weight": 1}}}`: {Rebalance: true,
			Clusters: map[string]v1alpha1.ClusterPreferences{"*": {Weight: 1}}},
		"{\"Rebalance\": false,\n \"CLUSTERS\": {\"east\": {\"MINreplicas\": 4, \"maxReplicas\": 10, \"weight\": 2}, \"A\": {}}}": {
			Clusters: map[string]v1alpha1.ClusterPreferences{"east": {MinReplicas: 4, MaxReplicas: most(10), Weight: 2}, "A": {}}},
		`{"clusters": {"*": {"maxReplicas": 0}}, "rebalance": null} `: {Clusters: map[string]v1alpha1.ClusterPreferences{"*": {MaxReplicas: most(0)}}},
	} {
		got, err := v1alpha1.ParseReplicaPreferences(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
}

func TestParseReplicaPreferencesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "line 1, column 1: it is empty",
		`[]`:                                   "line 1, column 1: want an object, not a list",
		`null`:                                 "line 1, column 1: want an object, not null",
		`{"rebalance": "yes"}`:                 `line 1, column 15: rebalance: want true or false, not "yes"`,
		"{\n  \"rebalanced\": true}":           `line 2, column 3: unknown field "rebalanced"; there are rebalance, clusters`,
		`{"clusters": {"*": {"weight": 1,}}}`:  "line 1, column 33: clusters[*]: not valid JSON: invalid character '}'",
		`{"clusters": {"*": {"weight": 1}}`:    "line 1, column 34: the JSON ends too early",
		`{"clusters": {"*": {"weight": 1}}} x`: "line 1, column 36: nothing may follow the JSON",
		`{"clusters": {"*": {"weight": 1.5}}}`: "line 1, column 31: clusters[*].weight: want a whole number, not 1.5",
		`{"clusters": {"*": {"weight": "1"}}}`: `clusters[*].weight: want a whole number, not "1"`,
		`{"clusters": {"*": {"weight": -1}}}`:  "line 1, column 15: clusters[*].weight: Invalid value: -1: must be from 0 to 2147483647",
		`{"clusters": {"*": {"minReplicas": 5, "maxReplicas": 4}}}`:     "line 1, column 15: clusters[*].maxReplicas: Invalid value: 4: must not be less than minReplicas, 5",
		`{"clusters": {"*": {"minReplicas": 1, "MinReplicas": 2}}}`:     "line 1, column 39: clusters[*]: minReplicas is there twice",
		`{"clusters": {"a": {}, "a": {}}}`:                              `line 1, column 24: clusters: "a" is there twice`,
		`{"clusters": {"a b": {}}}`:                                     `line 1, column 15: clusters[a b]: Invalid value: "a b": a lowercase RFC 1123 label`,
		`{"clusters": {"*": null}}`:                                     "line 1, column 20: clusters[*]: want an object, not null",
		`{"clusters": {"*": {"weight": 9223372036854775808}}}`:          "want a whole number",
		`{"clusters": {"*": {"maxReplicas": 2147483648, "weight": 1}}}`: "must be from 0 to 2147483647",
	} {
		if got, err := v1alpha1.ParseReplicaPreferences(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseClusterSelectorAnnotation(t *testing.T) {
	got, err := v1alpha1.ParseClusterSelectorAnnotation(`[{"key": "location", "operator": "in", "values": ["eu", "us"]}, {"Key": "size", "OPERATOR": "GT", "values": ["3"]}]`)
	want := v1alpha1.ClusterRequirements{{Key: "location", Operator: v1alpha1.RequirementIn, Values: []string{"eu", "us"}},
		{Key: "size", Operator: v1alpha1.RequirementGt, Values: []string{"3"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	for text, want := range map[string]string{
		`{}`:                               "line 1, column 1: want a list, not an object",
		``:                                 "it is empty",
		`[{"key": "a", "operator": "is"}]`: `line 1, column 27: [0].operator: unknown operator "is"`,
		`[{"operator": "exists"}]`:         "line 1, column 2: [0].key: ",
		`[{"key": "a"}]`:                   "[0].operator: is not set",
		`[{"key": "a", "operator": "in"}]`: "[0].values: at least one value is needed",
		`[{"key":"a","operator":"exists","values":["x"]}]`:                        "[0].values: must be empty where the operator is Exists",
		`[{"key":"a","operator":"lt","values":["x"]}]`:                            "Lt compares whole numbers",
		`[{"key":"a","operator":"exists"},{"key":"b","operator":"exists","x":1}]`: `line 1, column 65: [1]: unknown field "x"; there are key, operator, values`,
		`[{"key":"a","operator":"in","values":["a b"]}]`:                          `[0].values: "a b"`,
		`[{"key":"a","operator":"in","values":"x"}]`:                              "[0].values: want a list",
		`[`: "the JSON ends too early",
	} {
		if got, err := v1alpha1.ParseClusterSelectorAnnotation(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", text, got, err, want)
		}
	}
}

func TestClusterRequirementsMatch(t *testing.T) {
	labels := map[string]string{"tier": "gold", "size": "10"}
	for text, want := range map[string]string{
		`[]`: "",
		`[{"key":"tier","operator":"in","values":["gold","silver"]}]`:                        "",
		`[{"key":"tier","operator":"in","values":["silver","bronze"]}]`:                      "label tier is not silver or bronze",
		`[{"key":"tier","operator":"notin","values":["gold"]}]`:                              "label tier is gold",
		`[{"key":"none","operator":"notin","values":["gold"]}]`:                              "",
		`[{"key":"none","operator":"in","values":["gold"]}]`:                                 "label none is not gold",
		`[{"key":"tier","operator":"exists"}]`:                                               "",
		`[{"key":"none","operator":"exists"}]`:                                               "it has no label none",
		`[{"key":"tier","operator":"doesnotexist"}]`:                                         "it has a label tier",
		`[{"key":"size","operator":"gt","values":["9"]}]`:                                    "",
		`[{"key":"size","operator":"gt","values":["10"]}]`:                                   "label size is not a number above 10",
		`[{"key":"size","operator":"lt","values":["11"]}]`:                                   "",
		`[{"key":"tier","operator":"lt","values":["11"]}]`:                                   "label tier is not a number below 11",
		`[{"key":"none","operator":"lt","values":["11"]}]`:                                   "label none is not a number below 11",
		`[{"key":"tier","operator":"exists"},{"key":"size","operator":"lt","values":["1"]}]`: "label size is not a number below 1",
	} {
		rs, err := v1alpha1.ParseClusterSelectorAnnotation(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if ok, reason := rs.Matches(labels); reason != want || ok != (want == "") {
			t.Errorf("%s: %v, %q; want %q", text, ok, reason, want)
		}
	}
}

func TestValidateAnnotations(t *testing.T) {
	errs := v1alpha1.ValidateAnnotations(map[string]string{
		v1alpha1.AnnotationV1DeploymentPreferences: `{"clusters": 1}`,
		v1alpha1.AnnotationV1ReplicaSetPreferences: `{}`,
		v1alpha1.AnnotationV1ClusterSelector:       `x`,
		"other":                                    "x",
	})
	want := []string{
		"metadata.annotations[federation.alpha.kubernetes.io/cluster-selector]: Invalid value: line 1, column 1: not valid JSON: invalid character 'x' looking for beginning of value",
		"metadata.annotations[federation.kubernetes.io/deployment-preferences]: Invalid value: line 1, column 14: clusters: want an object, not 1",
	}
	var got []string
	for _, err := range errs {
		got = append(got, err.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzParseReplicaPreferences: what is accepted means the same to encoding/json.
func FuzzParseReplicaPreferences(f *testing.F) {
	f.Add(`{"rebalance": true, "clusters": {"*": {"minReplicas": 1, "maxReplicas": 4, "weight": 1}}}`)
	f.Add(`{"CLUSTERS": {"a": {}}, "rebalance": null}`)
	f.Add(`{"clusters": {"*": {"weight": 1,}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := v1alpha1.ParseReplicaPreferences(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("no position: %v", err)
			}
			return
		}
		want := v1alpha1.ReplicaPreferences{}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("accepted, but: %v", err)
		}
		if len(want.Clusters) == 0 && len(got.Clusters) == 0 {
			want.Clusters, got.Clusters = nil, nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if errs := got.Validate(nil); len(errs) > 0 {
			t.Fatalf("accepted, but: %v", errs.ToAggregate())
		}
	})
}

// FuzzParseClusterSelectorAnnotation: likewise; and matching never panics.
func FuzzParseClusterSelectorAnnotation(f *testing.F) {
	f.Add(`[{"key": "location", "operator": "in", "values": ["eu"]}, {"key": "size", "operator": "GT", "values": ["3"]}]`)
	f.Add(`[{"key": "a", "operator": "doesnotexist"}]`)
	f.Add(`[{`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := v1alpha1.ParseClusterSelectorAnnotation(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("no position: %v", err)
			}
			return
		}
		var want []struct {
			Key, Operator string
			Values        []string
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil || len(want) != len(got) {
			t.Fatalf("accepted %d, but: %d, %v", len(got), len(want), err)
		}
		for i := range got {
			if got[i].Key != want[i].Key || !strings.EqualFold(string(got[i].Operator), want[i].Operator) || len(got[i].Values) != len(want[i].Values) {
				t.Fatalf("%+v, want %+v", got[i], want[i])
			}
		}
		got.Matches(map[string]string{"location": "eu", "size": "4"})
	})
}
