package lab

import (
	"testing"

	"k8s.io/client-go/tools/clientcmd/api"
)

func config(current string, names ...string) *api.Config {
	c := api.NewConfig()
	for _, n := range names {
		c.Clusters[n] = &api.Cluster{Server: "https://" + n}
		c.AuthInfos[n] = &api.AuthInfo{Token: n}
		c.Contexts[n] = &api.Context{Cluster: n, AuthInfo: n}
	}
	c.CurrentContext = current
	return c
}

func check(t *testing.T, c *api.Config, current string, names ...string) {
	t.Helper()
	if c.CurrentContext != current {
		t.Errorf("current context %q; want %q", c.CurrentContext, current)
	}
	if len(c.Contexts) != len(names) || len(c.Clusters) != len(names) || len(c.AuthInfos) != len(names) {
		t.Errorf("%d contexts, %d clusters, %d users; want %d of each", len(c.Contexts), len(c.Clusters), len(c.AuthInfos), len(names))
	}
	for _, n := range names {
		if c.Contexts[n] == nil || c.Clusters[n] == nil || c.AuthInfos[n] == nil {
			t.Errorf("%s is missing", n)
		}
	}
}

func TestMergeAndDrop(t *testing.T) {
	c := api.NewConfig()
	merge(c, config("a", "a"))
	merge(c, config("b", "b"))
	check(t, c, "a", "a", "b")

	merge(c, config("federation", "federation")) // somebody else's entries
	renewed := config("b", "b")
	renewed.Clusters["b"].Server = "https://elsewhere"
	merge(c, renewed)
	check(t, c, "a", "a", "b", "federation")
	if c.Clusters["b"].Server != "https://elsewhere" {
		t.Error("an entry was not renewed")
	}

	drop(c, "b", "a")
	check(t, c, "a", "a", "federation")
	drop(c, "a", "")
	check(t, c, "", "federation")
	drop(c, "a", "")
	check(t, c, "", "federation")
}
