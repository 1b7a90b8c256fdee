package v1alpha1_test

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestParseKey(t *testing.T) {
	for text, want := range map[string]v1alpha1.Key{
		"default/deployments.apps/web":                        {Namespace: "default", Group: "apps", Resource: "deployments", Name: "web"},
		"default/configmaps/c":                                {Namespace: "default", Resource: "configmaps", Name: "c"},
		"_cluster/namespaces/n":                               {Resource: "namespaces", Name: "n"},
		"shop/ingresses.networking.k8s.io/i":                  {Namespace: "shop", Group: "networking.k8s.io", Resource: "ingresses", Name: "i"},
		"_cluster/clusterroles.rbac.authorization.k8s.io/a:b": {Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "a:b"},
	} {
		got, err := v1alpha1.ParseKey(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %+v (%s), %v", text, got, got, err)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, text := range []string{
		"", "a", "a/b", "a/b/c/d", "/configmaps/c", "default//c", "default/configmaps/", "default/configmaps/..", "default/configmaps/.",
		"../configmaps/c", "_cluster/../c", "Default/configmaps/c", "default/ConfigMaps/c", "default/configmaps/a b", "default/configmaps/a\x1b[31m",
		"default/configmaps/a\\b", "default/configmaps/a%2fb", "default/configmaps." + "/c", "default/configmaps/" + strings.Repeat("x", 254),
	} {
		if k, err := v1alpha1.ParseKey(text); err == nil {
			t.Errorf("%q was taken for %+v", text, k)
		}
	}
}

func TestKeyOrder(t *testing.T) {
	keys := []string{"_cluster/namespaces/n", "a/configmaps/c", "a/services/c", "a/deployments.apps/c", "b/configmaps/a"}
	for i := 1; i < len(keys); i++ {
		before, _ := v1alpha1.ParseKey(keys[i-1])
		after, _ := v1alpha1.ParseKey(keys[i])
		same := before
		if before.Compare(after) >= 0 || after.Compare(before) <= 0 || before.Compare(same) != 0 {
			t.Errorf("%s must sort before %s", before, after)
		}
	}
}

func TestFieldManager(t *testing.T) {
	got := []string{v1alpha1.FieldManager("0123456789ab"), v1alpha1.FieldManager("01")}
	if diff := cmp.Diff([]string{"kubectl-fed-01234567", "kubectl-fed-01"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"default/deployments.apps/web", "_cluster/namespaces/n", "a/b/..", "//", "a/b.c.d/e:f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := v1alpha1.ParseKey(text)
		if err != nil {
			return
		}
		if k.String() != text {
			t.Fatalf("%q came back as %q", text, k)
		}
		if joined := path.Join("specs", text); joined != "specs/"+text {
			t.Fatalf("%q leaves its prefix: %s", text, joined)
		}
	})
}
