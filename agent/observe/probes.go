package observe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// probeEvery is the most time between two rounds of probes.
	probeEvery = 10 * time.Second
	// probeTimeout bounds one probe, the look-up of its name included.
	probeTimeout = 3 * time.Second
	// probeOverrun is how much longer than that a round may take before its
	// failures say more about this process (suspended, starved) than about others.
	probeOverrun = 3 * time.Second
	// newsworthy is how many failures in a row are told at once: the second one
	// makes the first believable.
	newsworthy = 2
	// maxResolved is how many addresses of one name are tried.
	maxResolved = 4
)

// Dialer is how addresses are reached; net.Dialer and net.Resolver outside of
// tests.
type Dialer interface {
	Resolve(ctx context.Context, host string) ([]netip.Addr, error)
	Connect(ctx context.Context, to netip.AddrPort) error
}

// Prober looks whether other clusters live, by connecting to the addresses that
// the shard names and this member permits. It sends nothing and reads nothing.
type Prober struct {
	reach    Reach
	dialer   Dialer
	clock    clock.WithTicker
	interval time.Duration
	changed  chan struct{}
	aimed    chan struct{}

	mu      sync.Mutex
	targets []*target
}

// target is one cluster that is looked for.
type target struct {
	addresses []string   // as the shard names them
	endpoints []endpoint // those of them that are well formed
	result    v1alpha1.ProbeResult
	// known: the result is worth telling. Without a permitted address, or while
	// no name can be resolved, nothing was tried, and nothing is said.
	known bool
}

// NewProber probes as often as the agent beats, but at least every ten seconds.
func NewProber(reach Reach, d Dialer, c clock.WithTicker, beat time.Duration) *Prober {
	return &Prober{
		reach: reach, dialer: d, clock: c, interval: min(beat, probeEvery),
		changed: make(chan struct{}, 1), aimed: make(chan struct{}, 1),
	}
}

// Changed is poked when a cluster came, went, or turned.
func (p *Prober) Changed() <-chan struct{} { return p.changed }

// Results are what was last seen, in the shard's order.
func (p *Prober) Results() []v1alpha1.ProbeResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []v1alpha1.ProbeResult
	for _, t := range p.targets {
		if t.known {
			out = append(out, t.result)
		}
	}
	return out
}

// Recall takes over what the process before it saw. Call it before Aim.
func (p *Prober) Recall(results []v1alpha1.ProbeResult) {
	if p.reach.Off {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range results[:min(len(results), v1alpha1.MaxProbeTargets)] {
		p.targets = append(p.targets, &target{result: r, known: true})
	}
}

// Aim makes these the clusters to look for. They are not trusted: what exceeds
// the bounds or is malformed is left out.
func (p *Prober) Aim(ctx context.Context, targets []v1alpha1.ProbeTarget) {
	if p.reach.Off {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var next []*target
	for _, t := range targets {
		taken := slices.ContainsFunc(next, func(o *target) bool { return o.result.Cluster == t.Cluster })
		if len(next) == v1alpha1.MaxProbeTargets || taken || t.Cluster == "" {
			logf.FromContext(ctx).Info("probe target left out: too many, or named twice", "target", t.Cluster)
			continue
		}
		next = append(next, p.targetFor(ctx, t))
	}
	if !slices.EqualFunc(p.targets, next, func(a, b *target) bool { return a == b }) {
		p.targets = next
		poke(p.aimed)
		poke(p.changed)
	}
}

// targetFor keeps what is known of a target whose addresses are the same, and
// that it was seen if it kept any of them: an address that is wholly new has
// not been reached before. Called with the lock held.
func (p *Prober) targetFor(ctx context.Context, t v1alpha1.ProbeTarget) *target {
	addresses := slices.Clone(t.Addresses[:min(len(t.Addresses), v1alpha1.MaxProbeAddresses)])
	if len(t.Addresses) > len(addresses) {
		logf.FromContext(ctx).Info("probe addresses left out: too many", "target", t.Cluster, "addresses", len(t.Addresses))
	}
	next := &target{addresses: addresses, result: v1alpha1.ProbeResult{Cluster: t.Cluster}}
	for _, old := range p.targets {
		switch {
		case old.result.Cluster != t.Cluster:
		case old.endpoints != nil && slices.Equal(old.addresses, addresses):
			return old
		case old.addresses == nil: // recalled: to which addresses, nobody knows
			next.result, next.known = old.result, old.known
		case slices.ContainsFunc(old.addresses, func(a string) bool { return slices.Contains(addresses, a) }):
			next.result, next.known = old.result, old.known
		}
	}
	next.endpoints = endpoints(logf.FromContext(ctx), t.Cluster, addresses)
	return next
}

func endpoints(log logr.Logger, cluster string, addresses []string) []endpoint {
	out := []endpoint{}
	for _, text := range addresses {
		e, err := parseEndpoint(text)
		if err != nil {
			log.Info("probe address left out", "target", cluster, "error", err.Error())
			continue
		}
		out = append(out, e)
	}
	return out
}

// Run probes until the context ends.
func (p *Prober) Run(ctx context.Context) {
	for ctx.Err() == nil {
		began := p.clock.Now()
		p.round(ctx)
		timer := p.clock.NewTimer(max(p.interval-p.clock.Since(began), 0))
		select {
		case <-ctx.Done():
		case <-p.aimed:
		case <-timer.C():
		}
		timer.Stop()
	}
}

// round tries every target once, all at the same time.
func (p *Prober) round(ctx context.Context) {
	p.mu.Lock()
	targets := slices.Clone(p.targets)
	p.mu.Unlock()
	began := p.clock.Now()
	found := make([]finding, len(targets))
	var trying sync.WaitGroup
	for i, t := range targets {
		trying.Go(func() { found[i] = p.try(ctx, t) })
	}
	trying.Wait()
	if ctx.Err() != nil {
		return
	}
	late := p.clock.Since(began) > probeTimeout+probeOverrun
	for i, t := range targets {
		if late && found[i] == silent {
			continue
		}
		p.learn(ctx, t, found[i])
	}
}

// finding is what one look at a target gave.
type finding int

const (
	untried finding = iota // no way to try: it says nothing
	silent                 // tried, and nobody took the connection
	alive
)

// learn turns a finding into the target's result.
func (p *Prober) learn(ctx context.Context, t *target, f finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := t.result, t.known
	switch f {
	case untried:
		if t.endpoints == nil {
			return // recalled, and the shard not yet read
		}
		t.known = false
	case silent:
		t.known, t.result.Alive, t.result.Failures = true, false, t.result.Failures+1
	case alive:
		t.known, t.result.Alive, t.result.Ever, t.result.Failures = true, true, true, 0
	}
	failed := t.result.Failures > 0 && t.result.Failures <= newsworthy
	if t.known == known && t.result.Alive == before.Alive && t.result.Ever == before.Ever && (!failed || f != silent) {
		return
	}
	logf.FromContext(ctx).V(1).Info("probe turned", "target", t.result.Cluster, "alive", t.result.Alive, "known", t.known)
	poke(p.changed)
}

// try is done with the first address that takes a connection.
func (p *Prober) try(ctx context.Context, t *target) finding {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	found := make(chan finding, len(t.endpoints))
	for _, e := range t.endpoints {
		go func() { found <- p.reachAny(ctx, e) }()
	}
	best := untried
	for range t.endpoints {
		if best = max(best, <-found); best == alive {
			break
		}
	}
	return best
}

// reachAny tries the addresses of one endpoint. Those that were checked are
// those that are dialled: a name is not looked up twice.
func (p *Prober) reachAny(ctx context.Context, e endpoint) finding {
	addrs := []netip.Addr{e.addr}
	if !e.addr.IsValid() {
		var err error
		if addrs, err = p.dialer.Resolve(ctx, e.host); err != nil {
			return untried
		}
	}
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return !p.reach.Permits(a) })
	addrs = addrs[:min(len(addrs), maxResolved)]
	found := make(chan finding, len(addrs))
	for _, a := range addrs {
		go func() { found <- verdictOn(p.dialer.Connect(ctx, netip.AddrPortFrom(a.Unmap(), e.port))) }()
	}
	best := untried
	for range addrs {
		if best = max(best, <-found); best == alive {
			break
		}
	}
	return best
}

// verdictOn tells what the other side did from what this side could not do.
func verdictOn(err error) finding {
	if err == nil {
		return alive
	}
	for _, own := range []syscall.Errno{
		syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.EACCES, syscall.EPERM,
	} {
		if errors.Is(err, own) {
			return untried
		}
	}
	return silent
}

// Network is the Dialer of this machine.
type Network struct{}

// Resolve implements Dialer.
func (Network) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// Connect implements Dialer.
func (Network) Connect(ctx context.Context, to netip.AddrPort) error {
	c, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return err
	}
	return c.Close()
}

// poke leaves a signal that nobody needs twice.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
