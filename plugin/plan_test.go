package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-fed/kubectl-fed/plugin/internal/forecast"
)

// The shares of Federation v1's cases depend on the hash of cluster and object;
// they are stated for an object without a name. One of this name sorts the
// clusters A to D in the same order.
const sameOrder = "w"

// cases are those of Federation v1 with the results that its users expected.
var cases = []struct {
	wanted      int64
	preferences string // the map of clusters; empty: all alike
	clusters    string
	current     map[string]int64
	capacity    map[string]int64
	rebalance   bool
	want        []int64 // in the order of clusters
	unplaced    int64
}{
	{wanted: 50, clusters: "ABC", want: []int64{16, 17, 17}},
	{wanted: 1, clusters: "AB", want: []int64{0, 1}},
	{wanted: 1, clusters: "ABCD", want: []int64{0, 0, 0, 1}},
	{wanted: 50, clusters: "ABC", current: map[string]int64{"C": 30}, want: []int64{10, 10, 30}},
	{wanted: 50, clusters: "AB", current: map[string]int64{"A": 30}, want: []int64{30, 20}},
	{wanted: 15, clusters: "AB", current: map[string]int64{"A": 0, "B": 8}, want: []int64{7, 8}},
	{wanted: 15, clusters: "AB", current: map[string]int64{"A": 3, "B": 8}, want: []int64{7, 8}},
	{wanted: 15, clusters: "AB", current: map[string]int64{"A": 7, "B": 8}, want: []int64{7, 8}},
	{wanted: 50, clusters: "AB", current: map[string]int64{"A": 10, "B": 20}, want: []int64{25, 25}},
	{wanted: 50, clusters: "AB", current: map[string]int64{"A": 10, "B": 70}, want: []int64{10, 40}},
	{wanted: 9, clusters: "ABC", current: map[string]int64{"A": 5, "B": 4, "C": 3}, want: []int64{3, 3, 3}},
	{wanted: 50, clusters: "ABC", capacity: map[string]int64{"C": 10}, rebalance: true, want: []int64{20, 20, 10}},
	{wanted: 60, preferences: `{"A":{"weight":1},"B":{"weight":2}}`, clusters: "ABC", capacity: map[string]int64{"B": 10}, rebalance: true, want: []int64{50, 10, 0}},
	{wanted: 60, preferences: `{"A":{"weight":1},"B":{"weight":1}}`, clusters: "ABC", capacity: map[string]int64{"A": 10, "B": 10}, want: []int64{10, 10, 0}, unplaced: 40},
	{wanted: 50, preferences: `{"*":{"minReplicas":20,"weight":0}}`, clusters: "ABC", want: []int64{10, 20, 20}},
	{wanted: 50, preferences: `{"*":{"minReplicas":20,"weight":0},"A":{"minReplicas":100,"weight":1}}`, clusters: "ABC", want: []int64{50, 0, 0}},
	{wanted: 50, preferences: `{"*":{"minReplicas":10,"maxReplicas":12,"weight":1}}`, clusters: "ABC", want: []int64{12, 12, 12}, unplaced: 14},
	{wanted: 50, preferences: `{"A":{"weight":10000,"maxReplicas":10},"B":{"weight":1},"C":{"weight":1}}`, clusters: "ABC", want: []int64{10, 20, 20}},
	{wanted: 71, preferences: `{"A":{"weight":10000,"maxReplicas":10},"B":{"weight":1},"C":{"weight":1,"maxReplicas":21},"D":{"weight":1,"maxReplicas":10}}`,
		clusters: "ABCD", want: []int64{10, 30, 21, 10}},
}

func TestPlanOnPaper(t *testing.T) {
	for i, c := range cases {
		preferences := fmt.Sprintf(`{"rebalance":%v,"clusters":%s}`, c.rebalance, orElse(c.preferences, `{"*":{"weight":1}}`))
		for _, form := range []struct{ name, kind, annotation, placement string }{
			{"annotation", "Deployment", "federation.kubernetes.io/deployment-preferences", ""},
			{"annotation of a ReplicaSet", "ReplicaSet", "federation.kubernetes.io/replica-set-preferences", ""},
			{"placement", "Deployment", "", "replicas: " + preferences},
		} {
			t.Run(fmt.Sprintf("%d %s", i, form.name), func(t *testing.T) {
				dir := t.TempDir()
				manifest := workload(form.kind, c.wanted, form.annotation, preferences)
				if form.placement != "" {
					manifest += "---\n" + placement(form.kind, form.placement)
				}
				put(t, filepath.Join(dir, "web.yaml"), manifest)
				put(t, filepath.Join(dir, "roster.yaml"), roster(form.kind, c.clusters, c.current, c.capacity))
				one := planned(t, dir)
				got := make([]int64, len(c.clusters))
				for _, p := range one.Clusters {
					if p.Replicas != nil {
						got[strings.Index(c.clusters, p.Cluster)] = *p.Replicas
					}
				}
				if !slices.Equal(got, c.want) || one.Unplaced != c.unplaced {
					t.Errorf("got %v, %d unplaced; want %v, %d\n%+v", got, one.Unplaced, c.want, c.unplaced, one)
				}
			})
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func workload(kind string, replicas int64, annotation, value string) string {
	annotations := ""
	if annotation != "" {
		annotations = fmt.Sprintf("  annotations:\n    %s: '%s'\n", annotation, value)
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: %s
metadata:
  name: %s
%sspec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
`, kind, sameOrder, annotations, replicas)
}

func placement(kind, spec string) string {
	return fmt.Sprintf(`apiVersion: kubectl-fed.io/v1alpha1
kind: Placement
metadata: {name: web}
spec:
  objects: [{apiGroup: apps, kind: %s, name: %s}]
  %s
`, kind, sameOrder, spec)
}

func roster(kind, clusters string, current, capacity map[string]int64) string {
	text := "apiVersion: kubectl-fed.io/v1alpha1\nkind: Assumption\nclusters:\n"
	for _, r := range clusters {
		name := string(r)
		text += "- name: " + name + "\n"
		n, runs := current[name]
		most, limited := capacity[name]
		if !runs && !limited {
			continue
		}
		text += fmt.Sprintf("  workloads: [{kind: %s, namespace: default, name: %s, replicas: %d", kind, sameOrder, n)
		if limited {
			text += fmt.Sprintf(", capacity: %d", most)
		}
		text += "}]\n"
	}
	return text
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// planned runs the command without a federation and returns the workload.
func planned(t *testing.T, dir string) forecast.Object {
	t.Helper()
	out, errOut, code := onPaper(t, "plan", "-f", filepath.Join(dir, "web.yaml"), "--assume", filepath.Join(dir, "roster.yaml"), "-o", "json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	r := forecast.Result{}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, o := range r.Objects {
		if o.Name == sameOrder && o.Kind != "Placement" {
			return o
		}
	}
	t.Fatalf("the workload is missing in %s", out)
	return forecast.Object{}
}

// onPaper runs a command that must not ask for a federation.
func onPaper(t *testing.T, args ...string) (out, errOut string, code int) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr}
	code = Main(t.Context(), "kubectl fed", func(context.Context, string) (Hub, error) {
		return nil, errors.New("a bucket was asked for")
	}, streams, args)
	return stdout.String(), stderr.String(), code
}

func TestPlanExitCodes(t *testing.T) {
	dir := t.TempDir()
	web, steady, bad := filepath.Join(dir, "web.yaml"), filepath.Join(dir, "steady.yaml"), filepath.Join(dir, "bad.yaml")
	put(t, web, workload("Deployment", 4, "", ""))
	put(t, steady, roster("Deployment", "AB", map[string]int64{"A": 2, "B": 2}, nil))
	put(t, bad, "apiVersion: kubectl-fed.io/v1alpha1\nkind: Assumption\nclusters:\n- {name: A, regoin: r1}\n")
	fresh := filepath.Join(dir, "fresh.yaml")
	put(t, fresh, roster("Deployment", "AB", nil, nil))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-f", web, "--assume", fresh}, 0, ""},
		{[]string{"-f", web, "--assume", fresh, "--exit-code"}, 1, ""},
		{[]string{"-f", web, "--assume", steady, "--exit-code"}, 0, ""},
		{[]string{"-f", web, "--assume", bad, "--exit-code"}, 2, "regoin"},
		{[]string{"-f", filepath.Join(dir, "none.yaml"), "--assume", fresh, "--exit-code"}, 2, "none.yaml"},
		{[]string{"--assume", fresh}, 2, "-f"},
		{[]string{"-f", web, "--assume", fresh, "--without-cluster", "X"}, 2, `"X"`},
		{[]string{"-f", web, "--assume", fresh, "--nonsense"}, 2, "nonsense"},
		{[]string{"-f", web, "--assume", fresh, "-o", "xml"}, 2, "xml"},
	} {
		out, errOut, code := onPaper(t, append([]string{"plan"}, c.args...)...)
		if c.code == 2 && code > 1 {
			code = 2
		}
		if code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%v: exit %d, want %d, saying %q:\n%s%s", c.args, code, c.code, c.says, out, errOut)
		}
	}
}

func TestPlanWithoutCluster(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "web.yaml"), workload("Deployment", 30, "", ""))
	put(t, filepath.Join(dir, "roster.yaml"), roster("Deployment", "ABC", map[string]int64{"A": 10, "B": 10, "C": 10}, nil))
	out, errOut, code := onPaper(t, "plan", "-f", filepath.Join(dir, "web.yaml"), "--assume", filepath.Join(dir, "roster.yaml"),
		"--without-cluster", "B", "-o", "json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	r := forecast.Result{}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, c := range r.Objects[0].Clusters {
		got[c.Cluster] = *c.Replicas
	}
	if got["A"] != 15 || got["C"] != 15 {
		t.Errorf("the others do not take over: %s", out)
	}
}
