package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

func TestWhy(t *testing.T) {
	hub := led(t, "a", "b")
	hub.Put(web, deployment("one", 8))
	lead(t, hub, time.Now().Add(-time.Minute))
	tests := []struct {
		args []string
		says []string
		not  string
	}{
		{[]string{"deploy", "web"}, []string{"deployments.apps/web", "8 replicas", "  a  ", "  b  "}, "frozen"},
		{[]string{"deploy/web", "--cluster", "b"}, []string{"  b  "}, "  a  "},
		{[]string{"deploy/web", "--cluster", "a", "--revision", "1"}, []string{"a, revision 1: 3 replicas", "division: 6 wanted: a 3, b 3", "decided: revision 1, ", "by leader"}, "b, revision"},
		{[]string{"deploy/web", "--cluster", "a", "--revision", "2"}, []string{"a, revision 2: 4 replicas", "division: 8 wanted: a 4, b 4"}, "revision 1"},
		{[]string{"deploy/web", "--at", "30m"}, []string{"a, revision 1: 3 replicas", "b, revision 1: 3 replicas"}, "revision 2"},
		{[]string{"deploy/web", "--at", time.Now().UTC().Format(time.RFC3339)}, []string{"a, revision 2", "b, revision 2"}, "revision 1"},
		{[]string{"deploy/web", "--at", "2h", "--cluster", "a"}, []string{"a: had nothing yet"}, "b:"},
		{[]string{"cm/other", "--cluster", "a", "--revision", "2"}, []string{"a, revision 2: not here", "no revision speaks of it"}, "decided"},
	}
	for _, tt := range tests {
		got := command(t, hub, "", append([]string{"why"}, tt.args...)...)
		if got.code != 0 || strings.Contains(got.out, tt.not) {
			t.Errorf("%v: %+v", tt.args, got)
		}
		for _, says := range tt.says {
			if !strings.Contains(got.out, says) {
				t.Errorf("%v: %q is missing in\n%s%s", tt.args, says, got.out, got.err)
			}
		}
	}
}

func TestWhyOfWhatIsNoLongerKept(t *testing.T) {
	hub := led(t, "a", "b")
	hub.Put(key("default/configmaps/c"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}")
	lead(t, hub, time.Now().Add(-time.Minute))
	got := command(t, hub, "", "why", "deploy/web", "--cluster=a", "--revision=2")
	if got.code != 0 || !strings.Contains(got.out, "decided: revision 1, ") {
		t.Errorf("a revision that only keeps it: %+v", got)
	}
	for _, chain := range hub.Decided.Chains {
		chain[0] = nil
	}
	got = command(t, hub, "", "why", "deploy/web", "--cluster=a", "--revision=2")
	if got.code != 0 || !strings.Contains(got.out, "a, revision 2: 3 replicas") || !strings.Contains(got.out, "the revision that decided it is no longer kept") {
		t.Errorf("the deciding revision is pruned: %+v", got)
	}
	got = command(t, hub, "", "why", "deploy/web", "--at=30m")
	if got.code != 0 || !strings.Contains(got.out, "a: what it had then is no longer kept\nb: what it had then is no longer kept\n") {
		t.Errorf("the revision of that time is pruned: %+v", got)
	}
}

func TestWhyRefuses(t *testing.T) {
	hub := led(t, "a", "b")
	for args, says := range map[string]string{
		"":                                    "name the object",
		"deploy/web cm/c":                     "exactly one object",
		"deploy/none":                         `deployments.apps "none" not found`,
		"deploy/web --revision 1":             "needs --cluster",
		"deploy/web --revision -1":            "positive",
		"deploy/web --cluster c":              `"c" not found`,
		"deploy/web --cluster c --at 1h":      `"c" not found`,
		"deploy/web --cluster ../x":           "../x",
		"deploy/web --at yesterday":           "duration like 2h",
		"deploy/web --cluster a --revision 9": "a has no revision 9",
		"placement web":                       "describe placements web",
		"cluster a":                           "describe clusters a",
		"deploy/web --cluster a --revision 1 --at 1h": "exclude each other",
	} {
		got := command(t, hub, "", append([]string{"why"}, strings.Fields(args)...)...)
		if got.code != 1 || !strings.Contains(got.err, says) || got.out != "" {
			t.Errorf("%s: %+v", args, got)
		}
	}
	if got := command(t, memory.New(), "", "why", "deploy", "web"); got.code != 1 || !strings.Contains(got.err, "not found") {
		t.Errorf("nothing in it: %+v", got)
	}
}

func TestWhyTellsOfAFreeze(t *testing.T) {
	hub := led(t, "a", "b")
	hub.Decided.Judged.Frozen = true
	if got := command(t, hub, "", "why", "deploy", "web"); got.code != 0 || !strings.Contains(got.out, "The federation is frozen") {
		t.Errorf("%+v", got)
	}
}
