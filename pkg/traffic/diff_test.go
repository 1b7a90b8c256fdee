package traffic

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func lines(changes []Change) string {
	var list []string
	for _, c := range changes {
		list = append(list, c.String())
	}
	return strings.Join(list, "\n")
}

func TestDiff(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(s *scene)
		want   []string
	}{
		{"nothing", func(*scene) {}, nil},
		{"a weight", func(s *scene) { s.weigh("a", 30) }, []string{"change cluster default/web:80 in a: Serving 100%, 2 ready → Serving 30%, 2 ready"}},
		{"a drain", func(s *scene) { s.weigh("a", 0) }, []string{"change cluster default/web:80 in a: Serving 100%, 2 ready → Drained 0%, 2 ready (drained)"}},
		{"an address", func(s *scene) { s.row("a").Addresses = []string{"198.51.100.9"} },
			[]string{"remove endpoint default/web:80 in a 198.51.100.1:80", "add endpoint default/web:80 in a 198.51.100.9:80"}},
		{"a path and a host", func(s *scene) {
			s.ingress("i", webIngress+"\n      - {path: /x, pathType: Exact, "+web80+"}\n  - {host: b.com}\n  defaultBackend: {service: {name: web, port: {number: 80}}}")
		}, []string{"add rule default/i a.com/x (Exact): default/web:80", "add rule default/i b.com: no paths", "add rule default/i default: default/web:80"}},
		{"an edge", func(s *scene) { s.Edges = append(s.Edges, v1alpha1.Edge{Addresses: []string{"192.0.2.5"}}) },
			[]string{"change frontend default/i: at 192.0.2.1 → at 192.0.2.1 192.0.2.5"}},
		{"TLS", func(s *scene) { s.NoSecrets = true; s.ingress("i", webIngress+"\n  tls: [{secretName: c}]") },
			[]string{"change frontend default/i: at 192.0.2.1 → at 192.0.2.1, HTTP redirected", "add tls default/i default/c for the hosts of the rules: files of the edges' own"}},
		{"a protocol, a path to check and a rate", func(s *scene) {
			s.service("web", "metadata: {annotations: {"+v1alpha1.AnnotationHealthCheckPath+": /h, "+v1alpha1.AnnotationMaxRate+": '5'}}\n"+
				"spec: {type: LoadBalancer, ports: [{port: 80, appProtocol: grpc}]}")
			s.Clusters = s.Clusters[:1]
		}, []string{
			"remove destination b: no region",
			"change backend default/web:80: HTTP, checked by TCP every 2s (timeout 2s, 2 up, 2 down), returns over 1m0s, answers within 30s → " +
				"H2C, checked by GET /h every 2s (timeout 2s, 2 up, 2 down), returns over 1m0s, answers within 30s",
			"change cluster default/web:80 in a: Serving 100%, 2 ready → Serving 100%, 2 ready, at most 10/s",
			"remove cluster default/web:80 in b: Serving 100%, 2 ready",
			"remove endpoint default/web:80 in b 198.51.100.2:80",
		}},
		{"a place", func(s *scene) {
			c := s.cluster("a")
			c.Region, c.Zones, c.Sources, c.Coordinates = "r", []string{"z"}, []string{"10.0.0.0/8"}, &v1alpha1.Coordinates{Latitude: 1.5, Longitude: -2}
		}, []string{"change destination a: no region → r, zones z, at 1.5,-2, pods from 10.0.0.0/8"}},
	} {
		s := newScene(t)
		before := s.build().Document
		row.change(s)
		after := s.build().Document
		if got := lines(Diff(&before, &after)); got != strings.Join(row.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", row.name, got, strings.Join(row.want, "\n"))
		}
		if Same(&before, &after) != (row.want == nil) {
			t.Errorf("%s: same is wrong", row.name)
		}
	}
}

func TestDiffOfNothing(t *testing.T) {
	s := newScene(t)
	doc := s.build().Document
	first, last := Diff(nil, &doc), Diff(&doc, nil)
	if len(first) != 9 || len(last) != len(first) {
		t.Errorf("from nothing:\n%s\nto nothing:\n%s", lines(first), lines(last))
	}
	for i := range first {
		if first[i].Verb != VerbAdd || last[i].Verb != VerbRemove || first[i].Name != last[i].Name || first[i].To != last[i].From {
			t.Errorf("%v and %v", first[i], last[i])
		}
	}
	if Diff(nil, nil) != nil || !Same(nil, nil) || Same(nil, &doc) || Same(&doc, nil) {
		t.Error("nothing is not nothing")
	}
}

func TestSame(t *testing.T) {
	s := newScene(t)
	doc := s.build().Document
	other := doc
	other.Epoch, other.Serial, other.Time = 4, 5, metav1.NewTime(time.Unix(1, 0))
	if !Same(&doc, &other) || other.Serial != 5 {
		t.Error("who wrote it makes a difference")
	}
	other.FederationUID = "another"
	if Same(&doc, &other) {
		t.Error("another federation's is the same")
	}
}

// TestWithWeight: it is what Build does with the same knowledge.
func TestWithWeight(t *testing.T) {
	for _, row := range []struct {
		name    string
		steps   func(s *scene)
		cluster string
		weight  int64
	}{
		{"less", func(*scene) {}, "a", 20},
		{"beyond bounds", func(*scene) {}, "a", 120},
		{"drain", func(*scene) {}, "a", 0},
		{"drain the last", func(s *scene) { s.weigh("b", 0) }, "a", 0},
		{"undrain", func(s *scene) { s.weigh("a", 0) }, "a", 100},
		{"undrain what is not ready", func(s *scene) { s.weigh("a", 0); s.ready("a", 0) }, "a", 100},
		{"undrain what has no address", func(s *scene) { s.weigh("a", 0); s.row("a").Addresses = nil }, "a", 100},
		{"undrain next to what is kept", func(s *scene) { s.weigh("a", 0); s.ready("b", 0); s.build(); s.pass(15) }, "a", 50},
		{"drain what is kept", func(s *scene) { s.ready("a", 0); s.ready("b", 0); s.build(); s.pass(15) }, "a", 0},
		{"weigh what is kept", func(s *scene) { s.ready("a", 0); s.ready("b", 0); s.build(); s.pass(15) }, "a", 5},
		{"weigh what is out", func(s *scene) { s.cluster("a").Verdict.Failed = true }, "a", 5},
		{"drain what is out", func(s *scene) { s.cluster("a").Verdict.Failed = true }, "a", 0},
		{"weigh what is silent", func(s *scene) { s.silent("a") }, "a", 5},
		{"weigh what leaves", func(s *scene) { s.cluster("a").Leaving = true }, "a", 5},
	} {
		s := newScene(t)
		s.build()
		row.steps(s)
		before := s.build().Document
		kept := encode(t, before)
		preview := WithWeight(&before, row.cluster, row.weight)
		s.weigh(row.cluster, row.weight)
		after := s.build().Document
		if !Same(preview, &after) {
			t.Errorf("%s:\n%s\nbut it becomes\n%s", row.name, lines(Diff(&before, preview)), lines(Diff(&before, &after)))
		}
		if encode(t, before) != kept {
			t.Errorf("%s: the document itself was changed", row.name)
		}
	}
	if WithWeight(nil, "a", 0) != nil {
		t.Error("nothing has a weight")
	}
}
