package traffic

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// pods tells pod endpoints of web in a cluster.
func (s *scene) pods(cluster string, endpoints ...string) {
	s.row(cluster).Ports[0].Endpoints, s.row(cluster).Ports[0].Ready = endpoints, int64(len(endpoints))
}

func (s *scene) silent(cluster string) {
	s.cluster(cluster).Verdict.State, s.cluster(cluster).Verdict.Stale = v1alpha1.ClusterStale, true
}

// TestStates is the table of a cluster's standing, and the ways from one to the
// next.
func TestStates(t *testing.T) {
	for _, row := range []struct {
		name  string
		steps func(s *scene)
		want  string // after the steps
	}{
		{"all well", func(*scene) {}, "a=Serving/100 b=Serving/100"},
		{"a user's weight", func(s *scene) { s.weigh("a", 30) }, "a=Serving/30 b=Serving/100"},
		{"a weight beyond bounds", func(s *scene) { s.weigh("a", 300) }, "a=Serving/100 b=Serving/100"},
		{"drained", func(s *scene) { s.weigh("a", 0) }, "a=Drained/0 b=Serving/100"},
		{"leaving", func(s *scene) { s.cluster("a").Leaving = true }, "a=Drained/0 b=Serving/100"},
		{"undrained", func(s *scene) { s.weigh("a", 0); s.build(); s.cluster("a").Weight = nil }, "a=Serving/100 b=Serving/100"},
		{"drained, undrained and no report", func(s *scene) {
			s.weigh("a", 0)
			s.build()
			s.weigh("a", 20)
			s.cluster("a").Services = nil
		}, "a=Kept/20 b=Serving/100"},
		{"drained although dead", func(s *scene) { s.weigh("a", 0); s.cluster("a").Verdict.Failed = true }, "a=Drained/0 b=Serving/100"},

		{"no report any more", func(s *scene) { s.cluster("a").Services = nil }, "a=Serving/100 b=Serving/100"},
		{"no report any more, another weight", func(s *scene) { s.cluster("a").Services = nil; s.weigh("a", 5) }, "a=Serving/5 b=Serving/100"},
		{"the row is gone", func(s *scene) { delete(s.cluster("a").Services, serviceKey("web")) }, "a=Serving/100 b=Serving/100"},
		{"a row without ports", func(s *scene) { s.row("a").Ports = nil }, "a=Serving/100 b=Serving/100"},
		{"a row of other ports", func(s *scene) { s.row("a").Ports[0].Port = 81 }, "a=Serving/100 b=Serving/100"},
		{"never a report", func(s *scene) { s.join("c"); s.cluster("c").Services = nil }, "a=Serving/100 b=Serving/100 c=Pending/0"},

		{"dead", func(s *scene) { s.silent("a"); s.cluster("a").Verdict.Failed = true }, "a=Out/0 b=Serving/100"},
		{"dead and its report is gone", func(s *scene) { s.cluster("a").Verdict.Failed = true; s.cluster("a").Services = nil }, "a=Out/0 b=Serving/100"},
		{"dead and back, not yet trusted", func(s *scene) { s.cluster("a").Verdict.Failed, s.cluster("a").Verdict.Holding = true, true }, "a=Out/0 b=Serving/100"},
		{"silent and back, not yet trusted", func(s *scene) {
			s.silent("a")
			s.build()
			s.cluster("a").Verdict.Stale, s.cluster("a").Verdict.Holding = false, true
		}, "a=Serving/100 b=Serving/100"},
		{"dead while frozen", func(s *scene) { s.Frozen = true; s.cluster("a").Verdict.Failed = true }, "a=Serving/100 b=Serving/100"},
		{"dead while frozen, with another weight", func(s *scene) {
			s.Frozen = true
			s.cluster("a").Verdict.Failed = true
			s.weigh("a", 7)
		}, "a=Serving/7 b=Serving/100"},
		{"dead before frozen", func(s *scene) { s.cluster("a").Verdict.Failed = true; s.build(); s.Frozen = true }, "a=Out/0 b=Serving/100"},
		{"dead and back", func(s *scene) { s.cluster("a").Verdict.Failed = true; s.build(); s.cluster("a").Verdict.Failed = false }, "a=Serving/100 b=Serving/100"},

		{"probed dead while fresh", func(s *scene) { s.cluster("a").Verdict.Probed = v1alpha1.ProbeDead }, "a=Out/0 b=Serving/100"},
		{"probed dead while frozen", func(s *scene) { s.Frozen = true; s.cluster("a").Verdict.Probed = v1alpha1.ProbeDead }, "a=Serving/100 b=Serving/100"},
		{"probed dead while silent, not failed yet", func(s *scene) {
			s.silent("a")
			s.cluster("a").Verdict.Probed = v1alpha1.ProbeDead
		}, "a=Kept/100 b=Serving/100"},

		{"silent", func(s *scene) { s.silent("a"); s.weigh("a", 40) }, "a=Kept/40 b=Serving/100"},
		{"silent, its addresses no longer allowed", func(s *scene) { s.silent("a"); s.row("a").Addresses = nil }, "a=Kept/100 b=Serving/100"},
		{"silent when nothing was ready", func(s *scene) { s.ready("a", 0); s.build(); s.pass(15); s.build(); s.silent("a") }, "a=Out/0 b=Serving/100"},
		{"silent and heard again", func(s *scene) { s.silent("a"); s.build(); s.cluster("a").Verdict.Stale = false }, "a=Serving/100 b=Serving/100"},
		{"silent from the beginning", func(s *scene) { s.Previous = nil; s.silent("a") }, "a=Kept/100 b=Serving/100"},

		{"nothing ready", func(s *scene) { s.ready("a", 0) }, "a=Serving/100 b=Serving/100"},
		{"nothing ready for 14 s", func(s *scene) { s.ready("a", 0); s.build(); s.pass(14) }, "a=Serving/100 b=Serving/100"},
		{"nothing ready for 15 s", func(s *scene) { s.ready("a", 0); s.build(); s.pass(15) }, "a=Out/0 b=Serving/100"},
		{"ready again", func(s *scene) { s.ready("a", 0); s.build(); s.pass(15); s.build(); s.ready("a", 1) }, "a=Serving/100 b=Serving/100"},
		{"ready again in between", func(s *scene) {
			s.ready("a", 0)
			s.build()
			s.pass(10)
			s.ready("a", 1)
			s.build()
			s.ready("a", 0)
			s.build()
			s.pass(10)
		}, "a=Serving/100 b=Serving/100"},
		{"nothing ready while frozen", func(s *scene) { s.Frozen = true; s.ready("a", 0); s.build(); s.pass(60) }, "a=Serving/100 b=Serving/100"},
		{"nothing ready in a new cluster", func(s *scene) { s.join("c"); s.ready("c", 0) }, "a=Serving/100 b=Serving/100 c=Out/0"},
		{"nothing ready after it was dead", func(s *scene) {
			s.cluster("a").Verdict.Failed = true
			s.build()
			s.cluster("a").Verdict.Failed = false
			s.ready("a", 0)
		}, "a=Out/0 b=Serving/100"},
		{"another leader's clock was ahead", func(s *scene) { s.ready("a", 0); s.build(); s.pass(-3600); s.build(); s.pass(15) }, "a=Out/0 b=Serving/100"},

		{"no address", func(s *scene) { s.row("a").Addresses = nil }, "a=Pending/0 b=Serving/100"},
		{"not in the shard", func(s *scene) { s.cluster("a").Has = func(v1alpha1.Key) bool { return false } }, "b=Serving/100"},
		{"nobody can tell what it has", func(s *scene) { s.cluster("a").Has = nil }, "b=Serving/100"},

		{"one after the other unready", func(s *scene) {
			s.ready("a", 0)
			s.build()
			s.pass(15)
			s.build()
			s.ready("b", 0)
			s.build()
			s.pass(15)
		}, "a=Out/0 b=Kept/100"},
		{"both at once", func(s *scene) { s.ready("a", 0); s.ready("b", 0); s.build(); s.pass(15) }, "a=Kept/100 b=Kept/100"},
		{"both, and one drained then", func(s *scene) {
			s.ready("a", 0)
			s.ready("b", 0)
			s.build()
			s.pass(15)
			s.build()
			s.weigh("a", 0)
		}, "a=Drained/0 b=Kept/100"},
		{"both, with a weight", func(s *scene) {
			s.ready("a", 0)
			s.ready("b", 0)
			s.weigh("b", 10)
			s.build()
			s.pass(15)
		}, "a=Kept/100 b=Kept/10"},
		{"both dead", func(s *scene) { s.cluster("a").Verdict.Failed, s.cluster("b").Verdict.Failed = true, true }, "a=Kept/100 b=Kept/100"},
		{"both dead, then one back", func(s *scene) {
			s.cluster("a").Verdict.Failed, s.cluster("b").Verdict.Failed = true, true
			s.build()
			s.cluster("b").Verdict.Failed = false
		}, "a=Out/0 b=Serving/100"},
		{"both without addresses", func(s *scene) { s.row("a").Addresses, s.row("b").Addresses = nil, nil }, "a=Kept/100 b=Kept/100"},
		{"the last one drained while the other is out", func(s *scene) {
			s.cluster("a").Verdict.Failed = true
			s.build()
			s.weigh("b", 0)
		}, "a=Out/0 b=Drained/0"},
		{"never filled", func(s *scene) { s.Previous = nil; s.ready("a", 0); s.ready("b", 0) }, "a=Out/0 b=Out/0"},
		{"drained everywhere", func(s *scene) { s.weigh("a", 0); s.weigh("b", 0) }, "a=Drained/0 b=Drained/0"},
		{"the Service is deleted", func(s *scene) { s.Services = nil }, ""},
		{"a state of a later version", func(s *scene) {
			s.Previous.Backends[0].Clusters[0].State = "Dozing"
			s.cluster("a").Services = nil
		}, "a=Pending/0 b=Serving/100"},
		{"a previous entry without endpoints", func(s *scene) {
			s.Previous.Backends[0].Clusters[0].Endpoints = nil
			s.cluster("a").Services = nil
		}, "a=Pending/0 b=Serving/100"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.build()
			row.steps(s)
			s.expect(row.want)
		})
	}
}

func (s *scene) weigh(cluster string, w int64) { s.cluster(cluster).Weight = &w }

func (s *scene) pass(seconds int) { s.Now = s.Now.Add(time.Duration(seconds) * time.Second) }

func TestAgain(t *testing.T) {
	s := newScene(t)
	if out := s.build(); !out.Again.IsZero() {
		t.Errorf("time changes nothing, but look again at %s", out.Again)
	}
	s.Now = t0.Add(300 * time.Millisecond)
	s.ready("a", 0)
	out := s.build()
	if want := t0.Add(time.Second + UnreadyFor); !out.Again.Equal(want) {
		t.Errorf("look again at %s, want %s", out.Again, want)
	}
	s.Now = t0.Add(5 * time.Second)
	s.ready("b", 0)
	if next := s.build(); !next.Again.Equal(out.Again) {
		t.Errorf("look again at %s, want the sooner %s", next.Again, out.Again)
	}
	s.Now = out.Again
	if last := s.expect("a=Out/0 b=Serving/100"); !last.Again.Equal(t0.Add(20 * time.Second)) {
		t.Errorf("look again at %s", last.Again)
	}
}

func TestEndpoints(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(s *scene)
		want   string
	}{
		{"a load balancer", func(*scene) {}, "198.51.100.1:80"},
		{"its name", func(s *scene) { s.row("a").Addresses = []string{"lb.example.com", "2001:db8::1"} }, "[2001:db8::1]:80 lb.example.com:80"},
		{"pods", func(s *scene) { s.pods("a", "10.1.0.2:8080", "10.1.0.1:8080", "[2001:db8::2]:8080") }, "10.1.0.1:8080 10.1.0.2:8080 [2001:db8::2]:8080"},
		{"what is no address", func(s *scene) {
			s.pods("a", "10.1.0.1", "10.1.0.1:0", "10.1.0.1:99999", "0.0.0.0:80", "[fe80::1%eth0]:80", "a b:80", ":80", "10.1.0.9:80")
		}, "10.1.0.9:80"},
		{"the pods of before", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "ClusterIP", 1))
			s.pods("a", "10.1.0.1:8080")
			s.build()
			s.pods("a")
		}, "10.1.0.1:8080"},
		{"node ports", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "NodePort", 1))
			s.cluster("a").NodeAddresses = []string{"203.0.113.2", "203.0.113.1"}
			s.row("a").Ports[0].NodePort = 30080
		}, "203.0.113.1:30080 203.0.113.2:30080"},
		{"node ports, by one who does not tell of nodes", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "NodePort", 1))
			for _, c := range []string{"a", "b"} {
				s.cluster(c).NodeAddresses, s.row(c).Ports[0].NodePort = []string{"203.0.113.1"}, 30080
			}
			s.build()
			s.cluster("a").NodeAddresses, s.cluster("a").NodesUntold = nil, true
		}, "203.0.113.1:30080"},
		{"node ports of nodes that may not be named any more", func(s *scene) {
			s.service("web", strings.Replace(webService, "LoadBalancer", "NodePort", 1))
			for _, c := range []string{"a", "b"} {
				s.cluster(c).NodeAddresses, s.row(c).Ports[0].NodePort = []string{"203.0.113.1"}, 30080
			}
			s.build()
			s.cluster("a").NodeAddresses = nil
		}, ""},
		{"a load balancer that is gone, of one who does not tell of nodes", func(s *scene) {
			s.row("a").Ports[0].NodePort = 30080
			s.build()
			s.row("a").Addresses, s.cluster("a").NodesUntold = nil, true
		}, ""},
		{"of a dead cluster", func(s *scene) { s.build(); s.cluster("a").Services = nil; s.cluster("a").Verdict.Failed = true }, "198.51.100.1:80"},
		{"of a cluster that moved while it was not trusted", func(s *scene) {
			s.build()
			s.row("a").Addresses = []string{"198.51.100.77"}
			s.cluster("a").Verdict.Failed, s.cluster("a").Verdict.Holding = true, true
		}, "198.51.100.77:80"},
	} {
		s := newScene(t)
		row.change(s)
		out := s.build()
		if got := strings.Join(entry(t, &out.Document, "a").Endpoints, " "); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestMaxRate(t *testing.T) {
	for _, row := range []struct {
		annotations string
		ready, want int64
	}{
		{"{}", 3, 0},
		{`{federation.x/max-rate-per-endpoint: "10"}`, 3, 0},
		{`{networking.gke.io/max-rate-per-endpoint: "10"}`, 3, 30},
		{`{networking.gke.io/max-rate-per-endpoint: "10", ` + v1alpha1.AnnotationMaxRate + `: "20"}`, 3, 60},
		{`{` + v1alpha1.AnnotationMaxRate + `: "20"}`, 0, 20},
		{`{` + v1alpha1.AnnotationMaxRate + `: "0"}`, 3, 0},
		{`{` + v1alpha1.AnnotationMaxRate + `: "many"}`, 3, 0},
		{`{` + v1alpha1.AnnotationMaxRate + `: "9223372036854775807"}`, 1 << 62, 1_000_000 << 20},
	} {
		s := newScene(t)
		s.service("web", "metadata: {annotations: "+row.annotations+"}"+webService)
		s.ready("a", row.ready)
		out := s.build()
		if got := entry(t, &out.Document, "a").MaxRate; got != row.want {
			t.Errorf("%s with %d ready: %d, want %d", row.annotations, row.ready, got, row.want)
		}
	}
}

// A cluster whose pods are reached is not tried by its node ports while none of
// them is ready.
func TestPodsStayTheEndpoints(t *testing.T) {
	s := newScene(t)
	s.service("web", `{spec: {type: NodePort, ports: [{name: http, port: 80, nodePort: 30080}]}}`)
	s.cluster("a").NodeAddresses, s.cluster("b").NodeAddresses = []string{"192.0.2.10"}, []string{"192.0.2.20"}
	row := &s.row("a").Ports[0]
	s.row("b").Ports[0].NodePort = 30080
	row.Pods, row.NodePort, row.Endpoints = true, 30080, []string{"10.4.0.1:8080", "10.4.0.2:8080"}
	s.build()
	row.Ready, row.Endpoints = 0, nil
	for _, state := range []v1alpha1.BackendState{v1alpha1.BackendServing, v1alpha1.BackendOut} {
		out := s.build()
		got := out.Document.Backends[0].Clusters[0]
		if got.State != state || strings.Join(got.Endpoints, " ") != "10.4.0.1:8080 10.4.0.2:8080" {
			t.Errorf("%s with %v, want %s with the pods", got.State, got.Endpoints, state)
		}
		s.pass(15)
	}
}
