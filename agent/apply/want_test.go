package apply

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestManifestMustBeWhatItsKeySays(t *testing.T) {
	key := v1alpha1.Key{Namespace: "ns", Resource: "configmaps", Name: "c"}
	for name, tc := range map[string]struct{ manifest, problem string }{
		"agrees":                {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"ns"}}`, ""},
		"namespace left out":    {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}`, ""},
		"another name":          {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"}}`, "names"},
		"another namespace":     {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"kube-system"}}`, "namespace"},
		"another group":         {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"c"}}`, "group"},
		"no kind":               {`{"apiVersion":"v1","metadata":{"name":"c"}}`, "no kind"},
		"not an object":         {`[]`, "no JSON object"},
		"a version out of form": {`{"apiVersion":"a/b/c","kind":"X","metadata":{"name":"c"}}`, "a/b/c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWant(v1alpha1.ShardObject{Key: key, Manifest: []byte(tc.manifest)})
			if (tc.problem == "") != (w.Problem == "") || !strings.Contains(w.Problem, tc.problem) {
				t.Errorf("problem %q, want %q", w.Problem, tc.problem)
			}
		})
	}
}

func TestObjectIsStrippedAndMarked(t *testing.T) {
	w := NewWant(v1alpha1.ShardObject{
		Key: v1alpha1.Key{Namespace: "ns", Resource: "secrets", Name: "s"}, UID: "u",
		Manifest: []byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","uid":"x","resourceVersion":"5","ownerReferences":[{}],
			"creationTimestamp":null,"labels":{"a":"b"},"finalizers":["f"]},"stringData":{"p":"word"},"data":{"q":"eA=="},"status":{"x":1}}`),
	})
	o, err := w.Object("fed", true)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"v1","data":{"p":"d29yZA==","q":"eA=="},"kind":"Secret","metadata":{"annotations":{"kubectl-fed.io/adopted":"true","kubectl-fed.io/spec-uid":"u"},` +
		`"finalizers":["f"],"labels":{"a":"b","kubectl-fed.io/federation":"fed"},"name":"s","namespace":"ns"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFingerprintSeesOnlyWhatTheSpecSets(t *testing.T) {
	parse := func(s string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(s), &u.Object); err != nil {
			t.Fatal(err)
		}
		return u
	}
	want := parse(`{"metadata":{"labels":{"a":"1"}},"spec":{"replicas":3,"ports":[{"port":80}]}}`)
	base := Fingerprint(want, parse(`{"metadata":{"labels":{"a":"1"}},"spec":{"replicas":3,"ports":[{"port":80,"nodePort":31000}]}}`))
	for name, tc := range map[string]struct {
		live string
		same bool
	}{
		"others' fields":        {`{"metadata":{"labels":{"a":"1","b":"2"},"uid":"x"},"spec":{"replicas":3,"clusterIP":"1.2.3.4","ports":[{"port":80,"nodePort":31000}]},"status":{"x":1}}`, true},
		"a value of the spec":   {`{"metadata":{"labels":{"a":"1"}},"spec":{"replicas":4,"ports":[{"port":80,"nodePort":31000}]}}`, false},
		"a field taken away":    {`{"metadata":{"labels":{}},"spec":{"replicas":3,"ports":[{"port":80,"nodePort":31000}]}}`, false},
		"an item of a list":     {`{"metadata":{"labels":{"a":"1"}},"spec":{"replicas":3,"ports":[{"port":81,"nodePort":31000}]}}`, false},
		"an item more":          {`{"metadata":{"labels":{"a":"1"}},"spec":{"replicas":3,"ports":[{"port":80,"nodePort":31000},{"port":1}]}}`, false},
		"an object made scalar": {`{"metadata":{"labels":"x"},"spec":{"replicas":3,"ports":[{"port":80,"nodePort":31000}]}}`, false},
	} {
		if got := Fingerprint(want, parse(tc.live)) == base; got != tc.same {
			t.Errorf("%s: same = %v, want %v", name, got, tc.same)
		}
	}
}

func TestPhases(t *testing.T) {
	order := []schema.GroupKind{
		{Kind: "Namespace"}, {Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, {Kind: "ServiceAccount"}, {Kind: "ConfigMap"},
		{Kind: "Service"}, {Group: "apps", Kind: "Deployment"}, {Group: "example.com", Kind: "Widget"},
		{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}, {Group: "networking.k8s.io", Kind: "Ingress"},
	}
	for i := range order[1:] {
		if PhaseOf(order[i]) >= PhaseOf(order[i+1]) {
			t.Errorf("%v is not before %v", order[i], order[i+1])
		}
	}
	if PhaseOf(schema.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}) >= PhaseOf(schema.GroupKind{Kind: "Pod"}) {
		t.Error("a NetworkPolicy must stand before the pods")
	}
}

func TestClassify(t *testing.T) {
	gr := schema.GroupResource{Resource: "things"}
	for name, tc := range map[string]struct {
		err  error
		want Failure
	}{
		"forbidden":       {apierrors.NewForbidden(gr, "x", nil), Refused},
		"invalid":         {apierrors.NewInvalid(schema.GroupKind{Kind: "Thing"}, "x", nil), Refused},
		"not found":       {apierrors.NewNotFound(gr, "ns"), Refused},
		"kind not served": {&meta.NoKindMatchError{}, Refused},
		"webhook says no": {apierrors.NewInternalError(errors.New(`failed calling webhook "x": connection refused`)), Refused},
		"conflict":        {apierrors.NewConflict(gr, "x", nil), Transient},
		"busy":            {apierrors.NewTooManyRequests("slow down", 1), Transient},
		"unavailable":     {apierrors.NewServiceUnavailable("x"), Transient},
		"internal":        {apierrors.NewInternalError(errors.New("etcd")), Transient},
		"no answer":       {errors.New("connection refused"), Transient},
		"unauthorized":    {apierrors.NewUnauthorized("token expired"), Transient},
	} {
		if got := Classify(tc.err); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestSecretsAreNotQuoted(t *testing.T) {
	err := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "s", field.ErrorList{field.Invalid(field.NewPath("data").Key("p"), "hunter2", "bad")})
	if got := Words(secretGVK, err); strings.Contains(got, "hunter2") || !strings.Contains(got, "data[p]") {
		t.Errorf("got %q", got)
	}
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s",
		errors.New(`User "system:serviceaccount:fed:agent" cannot patch resource "secrets" in API group "" in the namespace "hunter2"`))
	if got := Words(secretGVK, denied); got != "Forbidden (403): the agent may not patch secrets; its chart's value rbac.secrets lets it" {
		t.Errorf("got %q", got)
	}
	webhook := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s", errors.New(`admission webhook "w" denied the request: p is hunter2`))
	if got := Words(secretGVK, webhook); got != "Forbidden (403)" {
		t.Errorf("got %q", got)
	}
	if got := Words(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, err); !strings.Contains(got, "hunter2") {
		t.Errorf("other kinds keep the server's words: %q", got)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		f    Failure
		n    int
		want time.Duration
	}{{Transient, 1, time.Second}, {Transient, 4, 8 * time.Second}, {Transient, 60, 30 * time.Second}, {Refused, 1, 5 * time.Second}, {Refused, 60, 5 * time.Minute}} {
		if got := RetryAfter(tc.f, tc.n); got != tc.want {
			t.Errorf("%s %d: %s, want %s", tc.f, tc.n, got, tc.want)
		}
	}
}

func TestOwnershipIsGivenUpWithoutTheFields(t *testing.T) {
	mine, theirs := metav1.ManagedFieldsEntry{Manager: "kubectl-fed-x"}, metav1.ManagedFieldsEntry{Manager: "kubectl"}
	if got := othersFields([]metav1.ManagedFieldsEntry{mine, theirs}, "kubectl-fed-x"); len(got) != 1 || got[0].Manager != "kubectl" {
		t.Errorf("got %v", got)
	}
	got := othersFields([]metav1.ManagedFieldsEntry{mine}, "kubectl-fed-x")
	if !slices.EqualFunc(got, []metav1.ManagedFieldsEntry{{}}, func(a, b metav1.ManagedFieldsEntry) bool { return a.Manager == b.Manager }) {
		t.Errorf("got %v: an empty list would be ignored", got)
	}
}
