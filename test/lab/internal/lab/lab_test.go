package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/proc"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/slot"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// Stand-ins for a cluster's process. Each is a shell script that gets the
// cluster's directory as $0.
const (
	works      = `touch "$0/ready"; exec sleep 60`
	dies       = `echo something about a port; exit 1`
	neverReady = `echo thinking; exec sleep 60`
	stubborn   = `trap "" TERM; touch "$0/ready"; while :; do sleep 1; done`
)

type testLab struct {
	*Lab
	t   *testing.T
	mu  sync.Mutex
	out bytes.Buffer
}

func newLab(t *testing.T, script string) *testLab {
	t.Helper()
	tl := &testLab{t: t}
	l, err := New(filepath.Join(t.TempDir(), "lab"), Programs{ControlPlane: []string{"sh", "-c", script}}, func(format string, args ...any) {
		tl.mu.Lock()
		defer tl.mu.Unlock()
		fmt.Fprintf(&tl.out, format+"\n", args...)
	})
	if err != nil {
		t.Fatal(err)
	}
	l.slots = slot.Registry{Dir: t.TempDir(), Slots: spec.Slots}
	tl.Lab = l
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Errorf("take the lab down: %v", err)
		}
	})
	return tl
}

func (l *testLab) ensure(names ...string) []Cluster {
	l.t.Helper()
	var rs []Request
	for _, n := range names {
		c, placed, err := spec.Parse(n)
		if err != nil {
			l.t.Fatal(err)
		}
		c.Nodes = 3
		rs = append(rs, Request{Cluster: c, Placed: placed})
	}
	out, err := l.Ensure(rs)
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

func (l *testLab) start(clusters []Cluster) {
	l.t.Helper()
	if err := l.Start(context.Background(), clusters, 2, time.Minute); err != nil {
		l.t.Fatal(err)
	}
}

func (l *testLab) states() string {
	l.t.Helper()
	clusters, err := l.Clusters()
	if err != nil {
		l.t.Fatal(err)
	}
	var out []string
	for _, c := range clusters {
		out = append(out, fmt.Sprintf("%s:%v", c.Name, c.alive(controlPlane)))
	}
	return strings.Join(out, " ")
}

func TestLifeOfALab(t *testing.T) {
	l, ctx := newLab(t, works), context.Background()
	two := l.ensure("b", "a")
	l.start(two)
	if got := l.states(); got != "b:true a:true" {
		t.Fatalf("after start: %s", got)
	}
	before, _ := two[0].process(controlPlane)
	l.start(l.ensure("b", "c")) // b is left as it is
	if after, _ := two[0].process(controlPlane); after != before {
		t.Error("a running cluster was started again")
	}
	if err := l.Kill(ctx, two[:1], Whole); err != nil {
		t.Fatal(err)
	}
	if err := l.Kill(ctx, two[:1], Whole); err == nil {
		t.Error("killed a cluster that does not run")
	}
	if err := l.Stop(ctx, two, Whole); err != nil {
		t.Fatal(err)
	}
	if got := l.states(); got != "b:false a:false c:true" {
		t.Errorf("after kill and stop: %s", got)
	}
	again := l.ensure("b")
	l.start(again)
	if again[0].Port != two[0].Port || again[0].BalancerRange != two[0].BalancerRange {
		t.Error("a cluster came back at another address")
	}
	if err := l.Remove(ctx, again); err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.LoadFromFile(l.Kubeconfig())
	if err != nil || len(cfg.Contexts) != 2 || cfg.CurrentContext != "a" {
		t.Errorf("kubeconfig after remove: %v, %v", cfg, err)
	}
	if err := l.Down(ctx); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{l.dir, filepath.Join(l.slots.Dir, "kubectl-fed-lab-slot-0")} {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left behind (%v)", dir, err)
		}
	}
}

func TestPausedClusterStops(t *testing.T) {
	l, ctx := newLab(t, works), context.Background()
	one := l.ensure("a")
	l.start(one)
	if err := l.Pause(ctx, one, Whole); err != nil {
		t.Fatal(err)
	}
	id, _ := one[0].process(controlPlane)
	for range 500 { // a signal is delivered in its own time
		if id.State() == proc.Paused {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := l.Start(ctx, one, 1, time.Minute); err == nil || !strings.Contains(err.Error(), "lab resume a") {
		t.Errorf("start of a paused cluster: %v", err)
	}
	if err := l.Stop(ctx, one, Whole); err != nil || l.states() != "a:false" {
		t.Errorf("stop of a paused cluster: %v, %s", err, l.states())
	}
}

func TestStubbornProcessIsKilled(t *testing.T) {
	l := newLab(t, stubborn)
	one := l.ensure("a")
	l.start(one)
	id, _ := one[0].process(controlPlane)
	if err := end(context.Background(), id, 15, 50*time.Millisecond); !errors.Is(err, errStays) {
		t.Errorf("a request to end: %v; want errStays", err)
	}
	if err := l.Remove(context.Background(), one); err != nil || id.State() != proc.Gone {
		t.Errorf("remove: %v, state %d", err, id.State())
	}
}

func TestFailedStartShowsTheLog(t *testing.T) {
	l := newLab(t, dies)
	one := l.ensure("a")
	err := l.Start(context.Background(), one, 1, time.Minute)
	if err == nil {
		t.Fatal("a dead process passed for a cluster")
	}
	for _, want := range []string{"start cluster a", "process has ended", "something about a port", one[0].Log()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if s, err := l.Status(context.Background()); err != nil || s[0].State != Failed || s[0].PID != 0 {
		t.Errorf("status: %+v, %v; want Failed", s, err)
	}
}

func TestTimeoutShowsTheLog(t *testing.T) {
	l := newLab(t, neverReady)
	one := l.ensure("a")
	err := l.Start(context.Background(), one, 1, 300*time.Millisecond)
	if !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), one[0].Log()) {
		t.Errorf("start: %v; want a timeout with the log", err)
	}
	if s, err := l.Status(context.Background()); err != nil || s[0].State != Starting {
		t.Errorf("status: %+v, %v; want Starting", s, err)
	}
}

func TestInterruptedStart(t *testing.T) {
	l := newLab(t, neverReady)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Start(ctx, l.ensure("a", "b"), 1, time.Minute); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("start: %v; want interrupted", err)
	}
}

func TestTakenPort(t *testing.T) {
	l := newLab(t, works)
	one := l.ensure("a")
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", one[0].Port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := l.Start(context.Background(), one, 1, time.Minute); err == nil || !strings.Contains(err.Error(), "taken by another program") {
		t.Errorf("start: %v; want a taken port", err)
	}
}

// A process id that was noted before a reboot may be anybody's now.
func TestStaleProcessIsNotSignalled(t *testing.T) {
	l, ctx := newLab(t, works), context.Background()
	one := l.ensure("a")
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	})
	real, err := proc.Identify(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	stale := real
	stale.Start--
	if err := writeIdentity(one[0].file("process.json"), stale); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Stop(ctx, one, Whole), l.Remove(ctx, one)); err != nil {
		t.Fatal(err)
	}
	if real.State() == proc.Gone {
		t.Error("a stranger was ended")
	}
}

func TestEnsureRefuses(t *testing.T) {
	l := newLab(t, works)
	l.ensure("a=r/z")
	for _, c := range []struct {
		r    Request
		want string
	}{
		{Request{Cluster: spec.Cluster{Name: "a", Region: "r", Zones: []string{"z2"}, Nodes: 3}, Placed: true}, "exists in r/"},
		{Request{Cluster: spec.Cluster{Name: "a", Region: "r", Zones: []string{"z"}, Nodes: 4}, Sized: true}, "exists with 3 nodes"},
	} {
		other := Request{Cluster: spec.Cluster{Name: "new", Region: "r", Zones: []string{"z"}, Nodes: 3}}
		if _, err := l.Ensure([]Request{other, c.r}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Ensure(%+v): %v; want %q", c.r, err, c.want)
		}
	}
	if got := l.states(); got != "a:false" {
		t.Errorf("a refused request created something: %s", got)
	}
	if _, err := l.Find("a", "nobody"); err == nil || !strings.Contains(err.Error(), `no cluster "nobody"`) {
		t.Errorf("Find: %v", err)
	}
}

func TestForeignFilesStay(t *testing.T) {
	l, ctx := newLab(t, works), context.Background()
	l.ensure("a")
	foreign := filepath.Join(l.dir, "notes")
	if err := os.MkdirAll(filepath.Join(foreign, "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := l.Ensure([]Request{{Cluster: spec.Cluster{Name: "notes", Region: "r", Zones: []string{"z"}, Nodes: 3}}})
	if err == nil || !strings.Contains(err.Error(), "not a cluster's") {
		t.Errorf("Ensure over a foreign directory: %v", err)
	}
	if err := l.Down(ctx); err == nil || !strings.Contains(err.Error(), "notes is not the lab's") {
		t.Errorf("Down: %v", err)
	}
	if _, err := os.Stat(filepath.Join(foreign, "deep")); err != nil {
		t.Errorf("a foreign directory is gone: %v", err)
	}
	if err := os.RemoveAll(foreign); err != nil {
		t.Fatal(err)
	}
}

func TestTwoLabsShareTheMachine(t *testing.T) {
	a, b := newLab(t, works), newLab(t, works)
	b.slots = a.slots
	one, other := a.ensure("x")[0], b.ensure("x")[0]
	if one.Port == other.Port || one.BalancerRange == other.BalancerRange {
		t.Errorf("both at %d, %s", one.Port, one.BalancerRange)
	}
}
