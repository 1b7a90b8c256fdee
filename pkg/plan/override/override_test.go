package override_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan/override"
)

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, labels: {app: web}}
spec:
  replicas: 9
  template:
    spec:
      initContainers:
      - {name: setup, image: "registry.example.com:5000/setup@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
      containers:
      - name: web
        image: nginx:1.27
        env: [{name: MODE, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
`

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(j, &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func overrides(t testing.TB, text string) []v1alpha1.Override {
	t.Helper()
	var list []v1alpha1.Override
	if err := yaml.UnmarshalStrict([]byte(text), &list); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

func get(o *unstructured.Unstructured, pointer string) string {
	var v any = o.Object
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[token]
		case []any:
			v = parent[token[0]-'0']
		default:
			v = nil
		}
	}
	b, _ := json.Marshal(v)
	return string(b)
}

const (
	inited    = "/spec/template/spec/initContainers/0"
	container = "/spec/template/spec/containers/0"
)

func TestApply(t *testing.T) {
	digest := "sha256:" + strings.Repeat("1", 64)
	for what, test := range map[string]struct {
		overrides string
		want      map[string]string
	}{
		"a registry for all": {"[{image: {registry: eu.example.com}}]", map[string]string{container + "/image": `"eu.example.com/nginx:1.27"`,
			inited + "/image": `"eu.example.com/setup@sha256:` + strings.Repeat("0", 64) + `"`}},
		"a tag replaces a digest": {"[{image: {tag: v2, container: setup}}]", map[string]string{container + "/image": `"nginx:1.27"`,
			inited + "/image": `"registry.example.com:5000/setup:v2"`}},
		"a digest replaces a tag": {"[{image: {tag: '" + digest + "', container: web, repository: library/nginx}}]",
			map[string]string{container + "/image": `"library/nginx@` + digest + `"`}},
		"env replaces and adds": {"[{env: [{name: MODE, value: slow, container: web}, {name: REGION, value: eu}]}]", map[string]string{
			container + "/env": `[{"name":"MODE","value":"slow"},{"name":"REGION","value":"eu"}]`, inited + "/env": `[{"name":"REGION","value":"eu"}]`}},
		"resources leave the others": {"[{resources: {container: web, limits: {cpu: '1'}, requests: {cpu: 200m}}}]", map[string]string{
			container + "/resources": `{"limits":{"cpu":"1","memory":"128Mi"},"requests":{"cpu":"200m","memory":"64Mi"}}`}},
		"a patch comes last, overrides in order": {`
- {image: {tag: a, container: web}, patch: [{op: test, path: ` + container + `/image, value: "nginx:a"}, {op: add, path: ` + container + `/args, value: [x]}]}
- {image: {tag: b, container: web}, patch: [{op: add, path: ` + container + `/args/-, value: "y"}, {op: remove, path: /metadata/labels/app}, {op: copy, from: /metadata/name, path: /metadata/labels/a~1b}]}`,
			map[string]string{container + "/image": `"nginx:b"`, container + "/args": `["x","y"]`, "/metadata/labels": `{"a/b":"web"}`, "/spec/replicas": "9"}},
		"null is a value":         {"[{patch: [{op: add, path: /spec/strategy, value: null}]}]", map[string]string{"/spec/strategy": "null"}},
		"replicas not divided":    {"[{patch: [{op: replace, path: /spec/replicas, value: 3}]}]", map[string]string{"/spec/replicas": "3"}},
		"spec with the same name": {"[{patch: [{op: replace, path: /metadata, value: {name: web, namespace: default}}]}]", map[string]string{"/metadata/labels": "null"}},
		"an empty override":       {"[{}]", map[string]string{"/spec/replicas": "9"}},
	} {
		o := object(t, web)
		if err := override.Apply(o, overrides(t, test.overrides)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for pointer, want := range test.want {
			if got := get(o, pointer); got != want {
				t.Errorf("%s: %s is %s, want %s", what, pointer, got, want)
			}
		}
	}
}

func TestApplyKinds(t *testing.T) {
	for _, text := range []string{
		"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: a}]}}",
		"{apiVersion: batch/v1, kind: CronJob, metadata: {name: p}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: a}]}}}}}}",
		"{apiVersion: batch/v1, kind: Job, metadata: {name: p}, spec: {template: {spec: {containers: [{name: c, image: a}]}}}}",
		"{apiVersion: example.com/v1, kind: Widget, metadata: {name: p}, spec: {template: {spec: {containers: [{name: c, image: a}]}}}}",
	} {
		o := object(t, text)
		if err := override.Apply(o, overrides(t, "[{image: {tag: b}}]")); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if b, _ := json.Marshal(o.Object); !strings.Contains(string(b), `"a:b"`) {
			t.Errorf("%s", b)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	secret := "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default}, data: {password: aHVudGVyMg==}}"
	for text, want := range map[string]string{
		"[{}, {patch: [{op: replace, path: /spec/template/spec/containers/3/image, value: x}]}]": `overrides[1].patch[0]: path "/spec/template/spec/containers/3/image" does not exist in Deployment default/web (it has 1 container)`,
		"[{patch: [{op: remove, path: /spec/template/spec/affinity}]}]":                          `overrides[0].patch[0]: path "/spec/template/spec/affinity" does not exist in Deployment default/web (there is no "affinity" in /spec/template/spec)`,
		"[{patch: [{op: add, path: /spec/a/b/c, value: 1}]}]":                                    `path "/spec/a/b/c" does not exist in Deployment default/web (there is no "a" in /spec)`,
		"[{patch: [{op: add, path: /spec/replicas/b, value: 1}]}]":                               `(/spec/replicas is neither a mapping nor a list)`,
		"[{patch: [{op: add, path: /spec/template/spec/containers/2, value: {}}]}]":              `(it has 1 container)`,
		"[{patch: [{op: remove, path: /spec/template/spec/containers/-1}]}]":                     `(it has 1 container)`,
		"[{patch: [{op: move, from: /spec/none, path: /spec/other}]}]":                           `from "/spec/none" does not exist in Deployment default/web`,
		"[{patch: [{op: test, path: /spec/replicas, value: 8}]}]":                                `test of path "/spec/replicas" failed: Deployment default/web has 9, not 8`,
		"[{patch: [{op: test, path: /spec/none, value: null}]}]":                                 `path "/spec/none" does not exist`,
		"[{patch: [{op: replace, path: /spec/replicas, value: 8}]}]":                             `spec.replicas of Deployment default/web is divided over the clusters`,
		"[{patch: [{op: replace, path: /spec, value: {}}]}]":                                     `spec.replicas of Deployment default/web is divided over the clusters`,
		"[{patch: [{op: move, from: /spec/replicas, path: /spec/x}]}]":                           `spec.replicas of Deployment default/web is divided over the clusters`,
		"[{patch: [{op: replace, path: /metadata/name, value: x}]}]":                             `an override cannot change metadata.name of Deployment default/web`,
		"[{patch: [{op: add, path: /status, value: x}]}]":                                        `an override cannot change status`,
		"[{patch: [{op: replace, path: '', value: {}}]}]":                                        `path "": want a JSON pointer`,
		"[{patch: [{op: frobnicate, path: /spec}]}]":                                             `frobnicate of path "/spec" does not fit`,
		"[{image: {container: sidecar, tag: x}}]":                                                `overrides[0].image: container "sidecar" does not exist in Deployment default/web (it has "web" and "setup")`,
		"[{env: [{name: A, value: b}, {container: x, name: A, value: b}]}]":                      `overrides[0].env[1]: container "x" does not exist`,
		"[{resources: {container: web, requests: {memory: 1Gi}}}]":                               `overrides[0].resources: container "web" of Deployment default/web would request more memory than its limit`,
	} {
		refused(t, object(t, web), overrides(t, text), want, "/spec/replicas")
	}
	for text, want := range map[string]string{
		"[{image: {tag: x}}]": "overrides[0].image: Secret default/s has no pod template",
		"[{patch: [{op: test, path: /data/password, value: x}]}]": "Secret default/s has another value",
	} {
		refused(t, object(t, secret), overrides(t, text), want)
	}
}

func refused(t *testing.T, o *unstructured.Unstructured, list []v1alpha1.Override, want string, divided ...string) {
	t.Helper()
	before := o.DeepCopy()
	err := override.Apply(o, list, divided...)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if !reflect.DeepEqual(before.Object, o.Object) {
		t.Errorf("%v: changed all the same", err)
	}
	if err != nil && strings.Contains(err.Error(), "aHVudGVy") {
		t.Errorf("tells a Secret's value: %v", err)
	}
}

func TestMatchingKeepsPositions(t *testing.T) {
	list := overrides(t, "[{clusters: {names: [a]}, image: {tag: a}}, {clusters: {names: [b]}, image: {tag: b, container: x}}, {image: {tag: c}}]")
	named := func(name string) func(v1alpha1.ClusterSelector) bool {
		return func(s v1alpha1.ClusterSelector) bool { return s.Names[0] == name }
	}
	if got := override.Matching(list[:2], named("c")); got != nil {
		t.Errorf("%+v, want none", got)
	}
	matching := override.Matching(list, named("b"))
	refused(t, object(t, web), matching, `overrides[1].image: container "x" does not exist`)
}

// FuzzApply: no input makes it panic, and what is refused is left as it was.
func FuzzApply(f *testing.F) {
	seed := func(o, list string) {
		j, err := yaml.YAMLToJSON([]byte(o))
		if err != nil {
			f.Fatal(err)
		}
		l, err := yaml.YAMLToJSON([]byte(list))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(j), string(l))
	}
	seed(web, "[{image: {registry: r.example.com, tag: a}, env: [{name: A, value: b}], resources: {limits: {cpu: '1'}}}]")
	seed(web, "[{patch: [{op: add, path: /spec/x, value: null}, {op: copy, from: /spec, path: /spec/y}, {op: move, from: /spec/y, path: /metadata/z}]}]")
	seed("{a: [1, [2]]}", "[{patch: [{op: test, path: /a/1/0, value: 2}, {op: replace, path: /a/1, value: {}}, {op: remove, path: /a/0}]}]")
	f.Fuzz(func(t *testing.T, text, list string) {
		o := &unstructured.Unstructured{}
		var all []v1alpha1.Override
		if utiljson.Unmarshal([]byte(text), &o.Object) != nil || o.Object == nil || json.Unmarshal([]byte(list), &all) != nil {
			return
		}
		before, _ := json.Marshal(o.Object)
		err := override.Apply(o, all, "/spec/replicas")
		after, encodeErr := json.Marshal(o.Object)
		if encodeErr != nil {
			t.Fatalf("what came out has no encoding: %v", encodeErr)
		}
		if err != nil && string(before) != string(after) {
			t.Fatalf("%v: but %s became %s", err, before, after)
		}
	})
}
