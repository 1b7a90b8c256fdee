package http

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// alwaysGood leaves the machine to the requests.
type alwaysGood struct{}

func (alwaysGood) Probe(context.Context, string, v1alpha1.BackendProtocol, string) error { return nil }

// BenchmarkPath has the same requests carried by an edge, by a plain reverse
// proxy and by nobody, taking turns, so that all three see the same machine. What
// a proxy costs is what there is beyond asking directly.
func BenchmarkPath(b *testing.B) {
	backend := named(b, "eu")
	e := startEdge(b, func(c *Config) { c.Prober = alwaysGood{}; c.AccessLog = io.Discard })
	e.give(documentOf(serving("europe", address(backend))))
	plain := plainProxy(b, backend)
	direct, through, edge := newLane(b, address(backend)), newLane(b, address(plain)), newLane(b, e.plain)
	all := []*lane{direct, through, edge}
	for _, l := range all {
		l.ask(b, 100)
		l.took, l.spent, l.made = 0, 0, 0
	}
	const turn = 100
	for left := b.N; left > 0; left -= turn {
		for _, l := range all {
			l.ask(b, min(turn, left))
		}
	}
	n := float64(b.N)
	b.ReportMetric(float64(edge.took.Microseconds())/n, "µs/edge")
	b.ReportMetric(float64(edge.made)/n, "allocs/edge")
	b.ReportMetric(float64(edge.took)/float64(through.took), "x-time")
	b.ReportMetric(float64(edge.spent)/float64(through.spent), "x-cpu")
	b.ReportMetric(float64(edge.spent-direct.spent)/float64(through.spent-direct.spent), "x-cpu-added")
	b.ReportMetric(float64(edge.made-direct.made)/float64(through.made-direct.made), "x-allocs-added")
}

// lane is one way to the backend.
type lane struct {
	client  *http.Client
	request *http.Request
	took    time.Duration // on the clock
	spent   time.Duration // of the processor, everybody's share
	made    uint64
}

func newLane(b *testing.B, address string) *lane {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/a/b?c=d", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.Host = "web.example.com"
	transport := &http.Transport{}
	b.Cleanup(transport.CloseIdleConnections)
	return &lane{client: &http.Client{Transport: transport}, request: r}
}

// ask so many times, and add up time and allocations.
func (l *lane) ask(b *testing.B, times int) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, busy := time.Now(), spent(b)
	for range times {
		answer, err := l.client.Do(l.request)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			b.Fatal(answer.StatusCode, err)
		}
		answer.Body.Close()
	}
	l.took, l.spent = l.took+time.Since(began), l.spent+spent(b)-busy
	runtime.ReadMemStats(&after)
	l.made += after.Mallocs - before.Mallocs
}

// spent is the processor's time for this process.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// plainProxy is what Go has for it, with a pool as large as an edge's.
func plainProxy(b *testing.B, backend *httptest.Server) *httptest.Server {
	to, err := url.Parse(backend.URL)
	if err != nil {
		b.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: idleConnections, DisableCompression: true}, FlushInterval: -1,
	}
	s := httptest.NewServer(proxy)
	b.Cleanup(s.Close)
	return s
}

// BenchmarkChoose chooses among 13 clusters of 50 endpoints each: in each a
// tier, with all in one, and where the closest are dead.
func BenchmarkChoose(b *testing.B) {
	for name, make := range map[string]func() [][]*shard{
		"tiers":    func() [][]*shard { return manyTiers(healthGood) },
		"one-tier": func() [][]*shard { return oneTier(manyTiers(healthGood)) },
		"all-bad":  func() [][]*shard { return manyTiers(healthBad) },
	} {
		b.Run(name, func(b *testing.B) {
			tiers := make()
			c := chooser{draw: rand.Float64, now: noon, tried: []*endpoint{tiers[0][0].endpoints[0]}}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := c.choose(tiers); !ok {
					b.Fatal("nobody")
				}
			}
		})
	}
}

func manyTiers(h health) [][]*shard {
	var tiers [][]*shard
	for i := range 13 {
		s := &shard{cluster: fmt.Sprint("c", i), state: v1alpha1.BackendServing, weight: 1, gate: &gate{}}
		for j := range 50 {
			e := newEndpoint(endpointKey{address: fmt.Sprintf("10.%d.0.%d:80", i, j)}, false)
			e.now.Store(int32(h))
			s.endpoints = append(s.endpoints, e)
		}
		tiers = append(tiers, []*shard{s})
	}
	return tiers
}

func oneTier(tiers [][]*shard) [][]*shard {
	var all []*shard
	for _, tier := range tiers {
		all = append(all, tier...)
	}
	return [][]*shard{all}
}
