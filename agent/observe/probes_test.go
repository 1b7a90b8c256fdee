package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestReach(t *testing.T) {
	for name, tc := range map[string]struct {
		ranges    []string
		permitted []string
		refused   []string
	}{
		"by default": {
			nil,
			[]string{"203.0.113.7", "10.0.0.1", "192.168.1.1", "2001:db8::1", "fd00::1"},
			[]string{
				"127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::", "0.1.2.3", "224.0.0.1", "ff02::1", "255.255.255.255",
				"::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::1%eth0", "fd00:ec2::254",
			},
		},
		"only what is named":                       {[]string{"10.0.0.0/8", "2001:db8::/32"}, []string{"10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"}, []string{"203.0.113.7", "2001:db9::1", "127.0.0.1"}},
		"loopback, named":                          {[]string{"127.100.0.0/16"}, []string{"127.100.0.1"}, []string{"127.0.0.1", "10.0.0.1"}},
		"everything does not mean what is special": {[]string{"0.0.0.0/0", "::/0", "168.0.0.0/6"}, []string{"203.0.113.7", "2001:db8::1"}, []string{"169.254.169.254", "127.0.0.1", "::1", "fe80::1"}},
		"a range that is not masked":               {[]string{"10.1.2.3/8"}, []string{"10.9.9.9"}, []string{"11.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := ParseReach(tc.ranges)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range tc.permitted {
				if !r.Permits(netip.MustParseAddr(a)) {
					t.Errorf("%s is refused", a)
				}
			}
			for _, a := range tc.refused {
				if r.Permits(netip.MustParseAddr(a)) {
					t.Errorf("%s is permitted", a)
				}
			}
			r.Off = true
			if len(tc.permitted) > 0 && r.Permits(netip.MustParseAddr(tc.permitted[0])) {
				t.Error("off, and still permits")
			}
		})
	}
	for _, bad := range []string{"10.0.0.1", "10.0.0.0/33", "", "example.com/8", "::ffff:10.0.0.0/104"} {
		if _, err := ParseReach([]string{bad}); err == nil {
			t.Errorf("%q was taken for a range", bad)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"192.0.2.1:80", "[2001:db8::1]:443", "lb.example.com:8080", "a:0", "a:65536", ":80", "[fe80::1%lo]:1", "http://a:1", "a b:1", "a:80x", "-a:1", "127.0.0.1:080"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseEndpoint(text)
		if err != nil {
			return
		}
		if e.port == 0 || (!e.addr.IsValid() && (e.host == "" || len(e.host) > 253)) || e.addr.Zone() != "" {
			t.Errorf("%q was taken for %+v", text, e)
		}
	})
}

func TestEndpoints(t *testing.T) {
	for text, good := range map[string]bool{
		"192.0.2.1:80": true, "[2001:db8::1]:443": true, "lb.example.com:8080": true, "lb:1": true,
		"192.0.2.1": false, "192.0.2.1:0": false, "192.0.2.1:65536": false, "192.0.2.1:http": false, ":80": false, "http://lb:80": false,
		"2001:db8::1:443": false, "[fe80::1%eth0]:80": false, "a b:80": false, "Ä:80": false, "": false, "lb.example.com:-1": false,
	} {
		if _, err := parseEndpoint(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// fakeNetwork is a network that is as the test says.
type fakeNetwork struct {
	mu     sync.Mutex
	names  map[string][]netip.Addr
	dead   map[string]error // by address and port; others take connections
	dialed []string
}

func (n *fakeNetwork) Resolve(_ context.Context, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.names[host]; a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n *fakeNetwork) Connect(ctx context.Context, to netip.AddrPort) error {
	n.mu.Lock()
	n.dialed = append(n.dialed, to.String())
	err := n.dead[to.String()]
	n.mu.Unlock()
	if errors.Is(err, context.DeadlineExceeded) {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (n *fakeNetwork) set(address string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead[address] = err
}

func (n *fakeNetwork) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.dialed
	n.dialed = nil
	slices.Sort(out)
	return slices.Compact(out)
}

// probe runs a prober in a bubble.
func probe(t *testing.T, reach Reach, test func(t *testing.T, n *fakeNetwork, p *Prober)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNetwork{names: map[string][]netip.Addr{}, dead: map[string]error{}}
		p := NewProber(reach, n, clock.RealClock{}, 30*time.Second)
		ctx, cancel := context.WithCancel(quiet())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.Run(ctx)
		}()
		test(t, n, p)
		cancel()
		<-done
	})
}

func quiet() context.Context { return logf.IntoContext(context.Background(), logr.Discard()) }

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func at(cluster string, addresses ...string) v1alpha1.ProbeTarget {
	return v1alpha1.ProbeTarget{Cluster: cluster, Addresses: addresses}
}

func told(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestProbesTellOfTurns(t *testing.T) {
	probe(t, Reach{}, func(t *testing.T, n *fakeNetwork, p *Prober) {
		n.set("192.0.2.1:80", syscall.ECONNREFUSED)
		p.Aim(quiet(), []v1alpha1.ProbeTarget{at("b", "192.0.2.1:80", "192.0.2.2:80")})
		wait(time.Second)
		if got := p.Results(); len(got) != 1 || got[0] != (v1alpha1.ProbeResult{Cluster: "b", Alive: true, Ever: true}) {
			t.Errorf("one address of two answers: %+v", got)
		}
		if !told(p.Changed()) {
			t.Error("not told")
		}
		wait(time.Minute)
		if told(p.Changed()) {
			t.Error("told of no change")
		}
		n.set("192.0.2.2:80", context.DeadlineExceeded)
		wait(probeEvery + probeTimeout)
		if got := p.Results()[0]; got.Alive || !got.Ever || got.Failures != 1 || !told(p.Changed()) {
			t.Errorf("nobody answers: %+v", got)
		}
		wait(probeEvery)
		if got := p.Results()[0]; got.Failures != 2 || !told(p.Changed()) {
			t.Errorf("nobody answers again: %+v", got)
		}
		wait(4 * probeEvery)
		if got := p.Results()[0]; got.Failures != 6 || told(p.Changed()) {
			t.Errorf("after a minute: %+v", got)
		}
		n.set("192.0.2.1:80", nil)
		wait(probeEvery)
		if got := p.Results()[0]; !got.Alive || got.Failures != 0 || !told(p.Changed()) {
			t.Errorf("back: %+v", got)
		}
	})
}

func TestWhatCannotBeTriedSaysNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		reach   Reach
		prepare func(n *fakeNetwork)
		target  v1alpha1.ProbeTarget
		dialed  []string
	}{
		"switched off":        {Reach{Off: true}, nil, at("b", "192.0.2.1:80"), nil},
		"a metadata server":   {Reach{}, nil, at("b", "169.254.169.254:80"), nil},
		"malformed":           {Reach{}, nil, at("b", "192.0.2.1", "http://x:80", "x:0"), nil},
		"no addresses":        {Reach{}, nil, at("b"), nil},
		"a name nobody knows": {Reach{}, nil, at("b", "lb.example.com:80"), nil},
		"no way out":          {Reach{}, func(n *fakeNetwork) { n.set("192.0.2.1:80", &net.OpError{Err: syscall.ENETUNREACH}) }, at("b", "192.0.2.1:80"), []string{"192.0.2.1:80"}},
		"a name that leads astray": {Reach{}, func(n *fakeNetwork) {
			n.names["lb.example.com"] = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("::ffff:127.0.0.1")}
		}, at("b", "lb.example.com:80"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			probe(t, tc.reach, func(t *testing.T, n *fakeNetwork, p *Prober) {
				if tc.prepare != nil {
					tc.prepare(n)
				}
				p.Recall([]v1alpha1.ProbeResult{{Cluster: "b", Alive: true, Ever: true}})
				p.Aim(quiet(), []v1alpha1.ProbeTarget{tc.target})
				wait(2 * probeEvery)
				if got := p.Results(); len(got) != 0 {
					t.Errorf("says %+v", got)
				}
				if got := n.take(); !slices.Equal(got, tc.dialed) {
					t.Errorf("dialled %v", got)
				}
			})
		})
	}
}

func TestNamesAreDialledAsTheyWereChecked(t *testing.T) {
	probe(t, Reach{}, func(t *testing.T, n *fakeNetwork, p *Prober) {
		n.names["lb.example.com"] = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.9")}
		p.Aim(quiet(), []v1alpha1.ProbeTarget{at("b", "lb.example.com:443")})
		wait(time.Second)
		if got := n.take(); !slices.Equal(got, []string{"192.0.2.9:443"}) || !p.Results()[0].Alive {
			t.Errorf("dialled %v, %+v", got, p.Results())
		}
	})
}

func TestTargetsAreBounded(t *testing.T) {
	probe(t, Reach{}, func(t *testing.T, n *fakeNetwork, p *Prober) {
		var targets []v1alpha1.ProbeTarget
		for i := range 10 {
			target := at(fmt.Sprintf("c%d", i/2)) // each twice
			for j := range 10 {
				target.Addresses = append(target.Addresses, fmt.Sprintf("192.0.%d.%d:80", i, j))
			}
			targets = append(targets, target)
		}
		for i := range 9 {
			for j := range 10 {
				n.set(fmt.Sprintf("192.0.%d.%d:80", i, j), syscall.ECONNREFUSED)
			}
		}
		p.Aim(quiet(), targets)
		wait(time.Second)
		if got := n.take(); len(got) != v1alpha1.MaxProbeTargets*v1alpha1.MaxProbeAddresses {
			t.Errorf("dialled %d addresses: %v", len(got), got)
		}
		if got := p.Results(); len(got) != v1alpha1.MaxProbeTargets || got[2].Cluster != "c2" || got[2].Alive {
			t.Errorf("%+v", got)
		}
	})
}

func TestEverIsAboutTheWayThere(t *testing.T) {
	probe(t, Reach{}, func(t *testing.T, n *fakeNetwork, p *Prober) {
		for _, a := range []string{"192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"} {
			n.set(a, syscall.ECONNREFUSED)
		}
		// The first agent that beats after a restart repeats what was seen.
		p.Recall([]v1alpha1.ProbeResult{{Cluster: "b", Alive: true, Ever: true}, {Cluster: "gone", Ever: true}})
		wait(time.Minute)
		if got := p.Results(); len(got) != 2 || !got[0].Alive {
			t.Errorf("before the shard is read: %+v", got)
		}
		steps := []struct {
			target v1alpha1.ProbeTarget
			ever   bool
		}{
			{at("b", "192.0.2.1:80"), true},                 // recalled
			{at("b", "192.0.2.1:80", "192.0.2.2:80"), true}, // one address more
			{at("b", "192.0.2.3:80"), false},                // wholly new addresses
			{at("new", "192.0.2.3:80"), false},
		}
		for i, s := range steps {
			p.Aim(quiet(), []v1alpha1.ProbeTarget{s.target})
			wait(time.Second)
			if got := p.Results(); len(got) != 1 || got[0].Ever != s.ever || got[0].Alive || got[0].Cluster != s.target.Cluster {
				t.Errorf("step %d: %+v", i, got)
			}
		}
	})
}

// TestRealConnections dials listeners of this machine.
func TestRealConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silenced, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := silenced.Addr().String()
	if err := silenced.Close(); err != nil {
		t.Fatal(err)
	}
	reach, err := ParseReach([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	p := NewProber(reach, Network{}, clock.RealClock{}, time.Second)
	p.Aim(quiet(), []v1alpha1.ProbeTarget{at("up", listener.Addr().String(), dead), at("down", dead)})
	p.round(t.Context())
	got := p.Results()
	if len(got) != 2 || !got[0].Alive || !got[0].Ever || got[1].Alive || got[1].Failures != 1 {
		t.Errorf("%+v", got)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p.round(t.Context())
	if got := p.Results(); got[0].Alive || !got[0].Ever || got[1].Failures != 2 {
		t.Errorf("after it was closed: %+v", got)
	}
	p.reach = Reach{} // loopback is not permitted unless named
	p.round(t.Context())
	if got := p.Results(); len(got) != 0 {
		t.Errorf("not permitted: %+v", got)
	}
}
