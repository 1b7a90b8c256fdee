package hub_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func TestCheckKey(t *testing.T) {
	for key, want := range map[string]bool{
		"bell": true,
		"specs/default/deployments.apps/web.yaml":           true,
		"specs/_cluster/clusterroles.rbac/system:node.yaml": true,
		"a b/ü/...":                             true,
		"..a/b..":                               true,
		strings.Repeat("x", hub.MaxKeyLength):   true,
		strings.Repeat("x", hub.MaxKeyLength+1): false,
		"":                                      false,
		"/":                                     false,
		"/etc/passwd":                           false,
		"a/":                                    false,
		"a//b":                                  false,
		".":                                     false,
		"..":                                    false,
		"../a":                                  false,
		"a/../../b":                             false,
		"a/./b":                                 false,
		"a/..":                                  false,
		"a\x00b":                                false,
		"a\nb":                                  false,
		"a\x7f":                                 false,
		"a\u009bb":                              false,
		"a\u2028b":                              false,
		`a\..\b`:                                false,
		"a\xff":                                 false,
		strings.Repeat("é", hub.MaxKeyLength/2) + "x" + "yyyy": false,
	} {
		err := hub.CheckKey(key)
		if (err == nil) != want {
			t.Errorf("CheckKey(%q) = %v, want valid %v", key, err, want)
		}
		if err != nil && !errors.Is(err, hub.ErrInvalidKey) {
			t.Errorf("CheckKey(%q) = %v, which is not ErrInvalidKey", key, err)
		}
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{"a/b", "../a", "/a", "a//b", "a\\b", "a\x00", "\xff", "a/.", "...", "a/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if hub.CheckKey(key) != nil {
			return
		}
		const root = "/srv/bucket"
		joined := path.Join(root, key)
		if joined != root+"/"+key {
			t.Errorf("%q is accepted, yet joins to %q", key, joined)
		}
		if strings.ContainsAny(key, "\x00\r\n\\") || len(key) > hub.MaxKeyLength {
			t.Errorf("%q is accepted", key)
		}
	})
}
