package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

func TestJoinWithCoordinates(t *testing.T) {
	hub := memory.New()
	if got := command(t, hub, "", "join", "c1", "--coordinates=50.45,3.82", "--reason", "a new site"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if c := hub.Members["c1"].Spec.Coordinates; c == nil || *c != (v1alpha1.Coordinates{Latitude: 50.45, Longitude: 3.82}) {
		t.Errorf("joined at %+v", c)
	}
	if p := hub.Wrote["c1"]; p.Reason != "a new site" || p.Author == "" {
		t.Errorf("joined by %+v", p)
	}
	if got := command(t, hub, "", "join", "c2", "--coordinates=100,0"); got.code != 1 || !strings.Contains(got.err, "--coordinates latitude 100, longitude 0: want -90 to 90") {
		t.Errorf("on no map: %+v", got)
	}
	if got := command(t, hub, "", "join", "c2", "--sources=10.0.0.1"); got.code != 1 || !strings.Contains(got.err, `--sources "10.0.0.1"`) {
		t.Errorf("exit %d: %s", got.code, got.err)
	}
	if got := command(t, hub, "", "join", "c2", "--coordinates=Mons"); got.code != 1 || !strings.Contains(got.err, `--coordinates "Mons": want LATITUDE,LONGITUDE`) || len(hub.Members) != 1 {
		t.Errorf("a name: %+v", got)
	}
}

func TestPatchClusterChecksWhereRequestsGo(t *testing.T) {
	tests := []struct{ patch, says string }{
		{`{"spec":{"trafficWeight":101}}`, "spec.trafficWeight: 101: want 0 to 100"},
		{`{"spec":{"sources":["10.0.0.1"]}}`, `spec.sources[0]: "10.0.0.1": want a CIDR`},
		{`{"spec":{"trafficWeight":-1}}`, "spec.trafficWeight: -1"},
		{`{"spec":{"coordinates":{"latitude":91,"longitude":0}}}`, "spec.coordinates: latitude 91"},
	}
	for _, tt := range tests {
		hub := leavable()
		if got := command(t, hub, "", "patch", "cluster", "c1", "--type=merge", "-p", tt.patch); got.code != 1 || !strings.Contains(got.err, tt.says) || len(hub.Wrote) > 0 {
			t.Errorf("%s: %+v", tt.patch, got)
		}
	}
	hub := leavable()
	got := command(t, hub, "", "patch", "cluster", "c1", "--type=merge", "-p", `{"spec":{"trafficWeight":30,"coordinates":{"latitude":-33.9,"longitude":151.2}}}`, "--reason", "moved")
	if got.code != 0 || *hub.Members["c1"].Spec.TrafficWeight != 30 || hub.Members["c1"].Spec.Coordinates.Longitude != 151.2 || hub.Wrote["c1"].Reason != "moved" {
		t.Errorf("%+v, by %+v", got, hub.Wrote["c1"])
	}
}
