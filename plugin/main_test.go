package plugin

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

var _ Hub = (*memory.Hub)(nil)

// ran is what one command line did.
type ran struct {
	out, err string
	code     int
}

// command runs one over a hub; the bucket is named by the environment.
func command(t *testing.T, hub *memory.Hub, stdin string, args ...string) ran {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "config"))
	t.Setenv(envBucket, "memory:")
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &errOut}
	connect := func(context.Context, string) (Hub, error) { return hub, nil }
	code := Main(t.Context(), "kubectl fed", connect, streams, args)
	return ran{out.String(), errOut.String(), code}
}

// file writes a manifest and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func key(text string) v1alpha1.Key {
	k, err := v1alpha1.ParseKey(text)
	if err != nil {
		panic(err) // a test's own mistake
	}
	return k
}

const twoMaps = `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
`

func TestCreateRingsOnce(t *testing.T) {
	hub := memory.New()
	got := command(t, hub, "", "create", "-f", file(t, "maps", twoMaps))
	if got.code != 0 || got.out != "configmap/a created\nconfigmap/b created\n" || got.err != "" {
		t.Fatalf("%+v", got)
	}
	if len(hub.Rings) != 1 || len(hub.Rings[0]) != 2 || hub.Rings[0]["specs/default/configmaps/b.yaml"] != 102 {
		t.Errorf("rings %v", hub.Rings)
	}
}

func TestCreateFromStdin(t *testing.T) {
	hub := memory.New()
	got := command(t, hub, twoMaps, "create", "-f", "-")
	if got.code != 0 || got.out != "configmap/a created\nconfigmap/b created\n" {
		t.Fatalf("%+v", got)
	}
	got = command(t, hub, twoMaps, "create", "-f", "-")
	if got.code != 1 || !strings.Contains(got.err, `error when creating "STDIN": configmaps "a" already exists`) {
		t.Errorf("again: %+v", got)
	}
}

func TestPartialFailureRings(t *testing.T) {
	hub := memory.New()
	hub.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	path := file(t, "maps.yaml", twoMaps)
	got := command(t, hub, "", "create", "-f", path)
	if got.code != 1 || got.out != "configmap/b created\n" || !strings.Contains(got.err, `error when creating "`+path+`": configmaps "a" already exists`) {
		t.Fatalf("%+v", got)
	}
	if len(hub.Rings) != 1 || len(hub.Rings[0]) != 1 {
		t.Errorf("rings %v", hub.Rings)
	}
}

func TestBellThatDoesNotRingIsAWarning(t *testing.T) {
	hub := memory.New()
	hub.RingError = errors.New("too many requests")
	got := command(t, hub, "", "create", "configmap", "a")
	if got.code != 0 || !strings.Contains(got.err, "Warning: what was written is safe") {
		t.Errorf("%+v", got)
	}
}

func TestReadingRingsNothing(t *testing.T) {
	hub := memory.New()
	if got := command(t, hub, "", "get", "configmaps"); got.code != 0 || !strings.Contains(got.err, "No resources found") {
		t.Errorf("%+v", got)
	}
	if len(hub.Rings) > 0 {
		t.Errorf("rings %v", hub.Rings)
	}
}

func TestBadInputWritesNothing(t *testing.T) {
	good := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\n"
	tests := []struct{ name, text, says string }{
		{"unknown kind", good + "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n", `:5: no matches for kind "Widget"`},
		{"unknown field", good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndada: {}\n", ":8: dada: unknown field"},
		{"wrong type", good + "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: many}\n", ":8: spec.replicas: wrong type"},
		{"duplicate key", good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, name: b}\n", `key "name" already set`},
		{"no name", good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "metadata.name: Required value"},
		{"not YAML", good + "a: b: c\n", ":5: not valid YAML"},
		{"a path for a name", good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../../x}\n", "metadata.name: Invalid value"},
		{"a secret", good + "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: hush}\n", ":5: secrets \"a\" is forbidden"},
		{"a node", good + "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", ":5: nodes \"a\" is forbidden"},
		{"no namespace", good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}\n", ":5: namespaces \"nowhere\" not found"},
		{"too much", good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: " + strings.Repeat("x", 10<<20) + "}\n", "larger than 1048576 bytes"},
	}
	for _, verb := range []string{"create", "apply"} {
		for _, tt := range tests {
			hub := memory.New()
			path := file(t, "in", tt.text)
			got := command(t, hub, "", verb, "-f", path)
			if got.code != 1 || got.out != "" || !strings.Contains(got.err, tt.says) || !strings.HasPrefix(got.err, "error: "+path) || strings.Contains(got.err, "hush") {
				t.Errorf("%s of %s: code %d, out %q, err %.300q", verb, tt.name, got.code, got.out, got.err)
			}
			if len(hub.Specs) > 0 || len(hub.Rings) > 0 {
				t.Errorf("%s of %s wrote %v", verb, tt.name, hub.Specs)
			}
		}
	}
}

func TestNamespaceAndContentTogether(t *testing.T) {
	hub := memory.New()
	path := file(t, "shop.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n")
	if got := command(t, hub, "", "create", "-f", path); got.code != 0 || len(hub.Specs) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestAllFaultsAreTold(t *testing.T) {
	one := file(t, "one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n")
	two := file(t, "two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndada: {}\n")
	got := command(t, memory.New(), "", "create", "-f", one, "-f", two, "-f", "nowhere.yaml")
	for _, says := range []string{"3 faults", "one.yaml:3: metadata.name", "two.yaml:4: dada", `the path "nowhere.yaml" does not exist`} {
		if !strings.Contains(got.err, says) {
			t.Errorf("%q is missing in\n%s", says, got.err)
		}
	}
}

func TestOldVersions(t *testing.T) {
	hub := memory.New()
	ing := file(t, "i.yaml", "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: k8shserver}\nspec: {backend: {serviceName: k8shserver, servicePort: 80}}\n")
	for _, want := range []string{"created", "unchanged"} {
		got := command(t, hub, "", "apply", "-f", ing)
		if got.code != 0 || got.out != "ingress.networking.k8s.io/k8shserver "+want+"\n" || strings.Count(got.err, "Warning:") != 1 {
			t.Errorf("%+v", got)
		}
	}
	got := command(t, hub, "", "get", "ingress")
	if !strings.HasPrefix(got.out, "NAME         HOSTS   ADDRESS   PORTS   AGE\nk8shserver   *                 80      ") {
		t.Errorf("%+v", got)
	}
	if got := command(t, hub, "", "delete", "-f", ing, "--wait=false"); got.out != "ingress.networking.k8s.io \"k8shserver\" deleted from default namespace\n" || !strings.Contains(hub.Body(key("default/ingresses.networking.k8s.io/k8shserver")), "deletionTimestamp") {
		t.Errorf("%+v", got)
	}
}

func TestDefinitionAndResourceTogether(t *testing.T) {
	hub := memory.New()
	path := file(t, "both.yaml", `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, kind: Widget}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: a}
`)
	if got := command(t, hub, "", "apply", "-f", path); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := command(t, hub, "", "get", "widget", "a", "-o", "name"); got.out != "widget.example.com/a\n" {
		t.Errorf("%+v", got)
	}
}

func TestUnknownThings(t *testing.T) {
	tests := []struct {
		args []string
		says string
	}{
		{[]string{"frobnicate"}, "unknown command frobnicate"},
		{[]string{"diff", "-f", "x.yaml"}, "unknown command diff"},
		{[]string{"aply", "-f", "x.yaml"}, "did you mean apply"},
		{[]string{"--frob"}, "unknown flag: --frob"},
		{[]string{"get", "--frob"}, "unknown flag: --frob"},
		{[]string{"get", "frobs"}, `the server doesn't have a resource type "frobs"`},
		{[]string{"get", "nodes"}, "kubectl --context <member> get nodes"},
		{[]string{"join", "Bad_Name"}, `cluster name "Bad_Name"`},
		{[]string{"unjoin", "c1"}, `"c1" not found`},
		{[]string{"init"}, "exactly one NAME is required"},
		{[]string{"init", "x", "--secrets", "maybe"}, `--secrets "maybe"`},
		{[]string{"version", "-o", "xml"}, "--output must be"},
		{[]string{"destroy"}, "say --yes"},
		{[]string{"completion", "tcsh"}, `unsupported shell type "tcsh"`},
	}
	for _, tt := range tests {
		got := command(t, memory.New(), "", tt.args...)
		if got.code != 1 || !strings.Contains(got.err, tt.says) || got.out != "" {
			t.Errorf("%v: %+v", tt.args, got)
		}
	}
}

func TestEdit(t *testing.T) {
	hub := memory.New()
	hub.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: before}}")
	t.Setenv("KUBE_EDITOR", "sed -i s/before/after/")
	got := command(t, hub, "", "edit", "configmap", "a")
	if got.code != 0 || got.out != "configmap/a edited\n" || !strings.Contains(hub.Body(key("default/configmaps/a")), "k: after") {
		t.Errorf("%+v", got)
	}
}

func TestInterruptedCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errOut bytes.Buffer
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "config"))
	t.Setenv(envBucket, "memory:")
	code := Main(ctx, "kubectl fed", func(context.Context, string) (Hub, error) { return memory.New(), nil },
		genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, []string{"get", "cm"})
	if code != interrupted || errOut.String() != "interrupted\n" {
		t.Errorf("code %d, err %q", code, errOut.String())
	}
}

// TestInterruptedWatch: kubectl takes the end of a watch for success.
func TestInterruptedWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hub := memory.New()
	hub.Put(key("default/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	var errOut bytes.Buffer
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "config"))
	t.Setenv(envBucket, "memory:")
	code := Main(ctx, "kubectl fed", func(context.Context, string) (Hub, error) { return hub, nil },
		genericiooptions.IOStreams{In: strings.NewReader(""), Out: cancelling{cancel}, ErrOut: &errOut}, []string{"get", "cm", "-w"})
	if code != interrupted || errOut.String() != "interrupted\n" {
		t.Errorf("code %d, err %q", code, errOut.String())
	}
}

// cancelling is an output at whose first line the user has seen enough.
type cancelling struct{ cancel context.CancelFunc }

func (c cancelling) Write(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}
