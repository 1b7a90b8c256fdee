package manifest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

func decode(t *testing.T, text string) ([]*manifest.Object, []string, error) {
	t.Helper()
	docs, err := manifest.Documents("f.yaml", strings.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	var objects []*manifest.Object
	var warnings []string
	var errs []error
	for _, d := range docs {
		o, w, err := manifest.Decode(d, kinds.Builtin())
		objects, warnings, errs = append(objects, o...), append(warnings, w...), append(errs, err)
	}
	return objects, warnings, errors.Join(errs...)
}

func TestDecodeRefuses(t *testing.T) {
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n"
	for name, tc := range map[string]struct{ text, want string }{
		"not YAML":            {"a: b: c\n", "f.yaml:1: not valid YAML or JSON"},
		"not a mapping":       {"- a\n- b\n", "f.yaml:1: not a Kubernetes object"},
		"no kind":             {"apiVersion: v1\nmetadata: {name: a}\n", "f.yaml:1: kind is not set"},
		"no apiVersion":       {"kind: ConfigMap\n", "apiVersion is not set"},
		"unknown kind":        {"apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n", `no matches for kind "Widget" in version "example.com/v1"`},
		"unknown field":       {deployment + "  replicaz: 3\n", "f.yaml:6: spec.replicaz: unknown field"},
		"unknown field, deep": {deployment + "  template:\n    spec:\n      containers:\n      - name: a\n        imag: b\n", "f.yaml:10: spec.template.spec.containers[0].imag: unknown field"},
		"wrong type":          {deployment + "  replicas: many\n", "f.yaml:6: spec.replicas: wrong type: got string, want int32"},
		"duplicate key":       {"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\n", `f.yaml:5: not valid YAML or JSON: yaml: unmarshal errors: line 5: key "name" already set in map`},
		"no name":             {"apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "f.yaml:3: metadata.name: Required value: name is required"},
		"generateName":        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n", "needs a name"},
		"name is a path":      {"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ../../etc/passwd\n", `f.yaml:4: metadata.name: Invalid value: "../../etc/passwd"`},
		"cluster scope":       {"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  namespace: b\n", "metadata.namespace: Forbidden: Namespace is cluster-scoped"},
		"bad namespace":       {"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: A_B\n", "metadata.namespace: Invalid value"},
		"bad label":           {"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {\"a b\": c}\n", "metadata.labels: Invalid value"},
		"second document":     {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\n# note\napiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "f.yaml:9: metadata.name: Required value"},
		"inside a List":       {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n", "f.yaml:4: metadata.name: Required value"},
		"too large":           {"a: " + strings.Repeat("x", manifest.MaxDocument) + "\n", "the object is larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode(t, tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestDecodeConverts(t *testing.T) {
	for name, tc := range map[string]struct {
		text     string
		key      string
		path     []string
		want     any
		warnings int
	}{
		"the seed's Ingress": {
			"apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n name: k8shserver\nspec:\n backend:\n   serviceName: k8shserver\n   servicePort: 80\n",
			"_cluster/ingresses.networking.k8s.io/k8shserver", []string{"spec", "defaultBackend"},
			map[string]any{"service": map[string]any{"name": "k8shserver", "port": map[string]any{"number": int64(80)}}}, 1,
		},
		"Ingress paths": {
			"apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\nspec:\n  rules:\n  - http:\n      paths:\n      - path: /x\n        backend: {serviceName: s, servicePort: web}\n",
			"_cluster/ingresses.networking.k8s.io/a", []string{"spec", "rules"},
			[]any{map[string]any{"http": map[string]any{"paths": []any{map[string]any{"path": "/x", "pathType": "ImplementationSpecific",
				"backend": map[string]any{"service": map[string]any{"name": "s", "port": map[string]any{"name": "web"}}}}}}}}, 1,
		},
		"selector from labels": {
			"apiVersion: extensions/v1beta1\nkind: ReplicaSet\nmetadata: {name: a}\nspec:\n  template:\n    metadata: {labels: {app: a}}\n    spec: {containers: [{name: c, image: i}]}\n",
			"_cluster/replicasets.apps/a", []string{"spec", "selector"}, map[string]any{"matchLabels": map[string]any{"app": "a"}}, 1,
		},
		"dropped field": {
			"apiVersion: extensions/v1beta1\nkind: DaemonSet\nmetadata: {name: a}\nspec:\n  templateGeneration: 3\n  selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    spec: {containers: [{name: c, image: i}]}\n",
			"_cluster/daemonsets.apps/a", []string{"spec", "templateGeneration"}, nil, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects, warnings, err := decode(t, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			got := any(objects[0].Object.Object)
			for _, f := range tc.path {
				got = got.(map[string]any)[f]
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", tc.path, diff)
			}
			if got := objects[0].Key().String(); got != tc.key {
				t.Errorf("key %s, want %s", got, tc.key)
			}
			if len(warnings) != tc.warnings {
				t.Errorf("warnings %q, want %d", warnings, tc.warnings)
			}
		})
	}
}

func TestDecodeSpec(t *testing.T) {
	key := v1alpha1.Key{Namespace: "shop", Resource: "configmaps", Name: "a"}
	for name, tc := range map[string]struct{ body, want string }{
		"namespace from the path": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", ""},
		"all said":                {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n", ""},
		"another name":            {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n", "the content is shop/configmaps/b"},
		"another namespace":       {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}\n", "the content is other/configmaps/a"},
		"another kind":            {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "the content is shop/services/a"},
		"two documents":           {"a: 1\n---\nb: 1\n", "holds 2 documents, want one"},
		"empty":                   {"", "holds 0 documents, want one"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := manifest.DecodeSpec(v1alpha1.SpecRecord{Key: key, Body: []byte(tc.body)}, kinds.Builtin())
			if tc.want == "" {
				if err != nil || o.Key() != key {
					t.Errorf("got %v, %v", o, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestCustomResources(t *testing.T) {
	objects, _, err := decode(t, `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - {name: v1alpha1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := kinds.FromDefinition(objects[0].Object)
	if err != nil {
		t.Fatal(err)
	}
	table := kinds.Builtin().With(found...)
	docs, _ := manifest.Documents("w.yaml", strings.NewReader("apiVersion: example.com/v1alpha1\nkind: Widget\nmetadata: {name: a, namespace: default}\nspec: {any: thing}\n"))
	got, _, err := manifest.Decode(docs[0], table)
	if err != nil {
		t.Fatal(err)
	}
	if k := got[0].Key().String(); k != "default/widgets.example.com/a" {
		t.Errorf("key %s", k)
	}
	if preferred, _ := table.ForResource(got[0].Kind.GR()); preferred.Version != "v1" {
		t.Errorf("preferred version %s, want the storage version v1", preferred.Version)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n---\n{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[]}\n",
		"apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\nspec: {backend: {serviceName: s, servicePort: 80}, rules: [{http: {paths: [{backend: {}}]}}]}\n",
		"apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, err := manifest.Documents("fuzz", strings.NewReader(string(text)))
		if err != nil {
			return
		}
		for _, d := range docs {
			objects, _, err := manifest.Decode(d, kinds.Builtin())
			if err != nil {
				continue
			}
			for _, o := range objects {
				checkRoundTrip(t, o)
			}
		}
	})
}

// checkRoundTrip: whatever Decode accepts can be stored and read back the same.
func checkRoundTrip(t *testing.T, o *manifest.Object) {
	if o.Kind.Namespaced && o.Object.GetNamespace() == "" {
		o.Object.SetNamespace("default")
	}
	key := o.Key()
	if err := key.Validate(); err != nil {
		t.Fatalf("accepted object has a bad key: %v", err)
	}
	body, err := manifest.Encode(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	again, err := manifest.DecodeSpec(v1alpha1.SpecRecord{Key: key, Body: body}, kinds.Builtin())
	if err != nil {
		t.Fatalf("stored object cannot be read back: %v\n%s", err, body)
	}
	if again.Key() != key {
		t.Fatalf("key %s became %s", key, again.Key())
	}
}

func TestExamplesDecode(t *testing.T) {
	const dir = "../../docs/examples/ingress/k8shserver.yaml"
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	docs, err := manifest.Documents(dir, f)
	if err != nil {
		t.Fatal(err)
	}
	if _, warnings, err := manifest.Decode(docs[0], kinds.Builtin()); err != nil || len(warnings) != 1 {
		t.Errorf("the seed's Ingress: %v, warnings %q", err, warnings)
	}
}

func TestDecodeIntent(t *testing.T) {
	placement := "apiVersion: kubectl-fed.io/v1alpha1\nkind: Placement\nmetadata: {name: a}\nspec:\n  objects: [{kind: Deployment}]\n"
	for name, tc := range map[string]struct{ body, want string }{
		"a placement":        {placement, ""},
		"null is a value":    {placement + "  overrides: [{patch: [{op: add, path: /spec/a, value: null}]}]\n", ""},
		"an unknown field":   {placement + "  strategie: Copy\n", ":6: spec.strategie: unknown field"},
		"a wrong type":       {placement + "  preferred: [{weight: much, clusters: {}}]\n", ":6: spec.preferred.weight: wrong type: got string, want int64"},
		"what no type tells": {placement + "  spread:\n  - {topology: zone, maxReplicas: 1}\n  - {topology: rack}\n", ":8: spec.spread[1]: Required value: maxReplicas or maxClusters"},
		"no duration":        {placement + "  rollout:\n    waves: [{percentage: 10%}]\n    minHealthyTime: 5\n", `:8: spec.rollout.minHealthyTime: Invalid value: "5": want a duration`},
		"an annotation": {"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  annotations:\n    b: c\n    federation.alpha.kubernetes.io/cluster-selector: '[{]'\n",
			":7: metadata.annotations[federation.alpha.kubernetes.io/cluster-selector]: Invalid value: line 1, column 3: [0]: not valid JSON"},
	} {
		docs, err := manifest.Documents("x.yaml", strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = manifest.Decode(docs[0], kinds.Builtin())
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "x.yaml"+tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
