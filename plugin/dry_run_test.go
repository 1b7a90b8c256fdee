package plugin

import (
	"strings"
	"testing"
)

func TestDryRunTakesKubectlsWords(t *testing.T) {
	for _, flag := range []string{"--dry-run", "--dry-run=true", "--dry-run=client", "--dry-run=server"} {
		hub := serves()
		got := command(t, hub, "", "traffic", "drain", "eu", flag)
		if got.code != 0 || !strings.Contains(got.out, "change cluster") || hub.Members["eu"].Spec.TrafficWeight != nil {
			t.Errorf("%s: %+v", flag, got)
		}
	}
	for _, flag := range []string{"--dry-run=none", "--dry-run=false"} {
		hub := serves()
		got := command(t, hub, "", "traffic", "drain", "eu", "--wait=false", flag)
		if got.code != 0 || hub.Members["eu"].Spec.TrafficWeight == nil {
			t.Errorf("%s: %+v", flag, got)
		}
	}
	for _, verb := range [][]string{{"traffic", "drain", "eu"}, {"rebalance", "deployment/web"}, {"init", "fed"}} {
		hub := serves()
		got := command(t, hub, "", append(verb, "--dry-run=maybe")...)
		if got.code != 1 || !strings.Contains(got.err, `want "none", "client" or "server"`) || len(hub.Rings) != 0 {
			t.Errorf("%v: %+v", verb, got)
		}
	}
}
