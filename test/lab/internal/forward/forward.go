// Package forward carries connections to pods: to those of real nodes, or to a
// program that answers for those of simulated ones. The Services
// and EndpointSlices of a cluster go in; a listener on every load balancer
// address that has a ready pod behind it comes out, and none where there is no
// such pod: its clients are refused. It goes on with what it knows while the
// API server is away, and never writes to it.
package forward

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	dialTimeout = time.Second
	// again is how soon an address that could not be listened on is tried again.
	again = time.Second
)

// Run forwards to pods on the named nodes until ctx ends. All of them are
// found at the address of, if that is not empty.
func Run(ctx context.Context, client kubernetes.Interface, nodes []string, of string) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	services, slices := factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	changed := make(chan struct{}, 1)
	notify := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: notify, UpdateFunc: func(_, o any) { notify(o) }, DeleteFunc: notify}
	for _, i := range []cache.SharedIndexInformer{services.Informer(), slices.Informer()} {
		if _, err := i.AddEventHandler(handler); err != nil {
			return err
		}
	}
	f := &forwarder{services: services.Lister(), slices: slices.Lister(), nodes: map[string]bool{}, of: of, open: map[netip.AddrPort]*entrance{}}
	for _, n := range nodes {
		f.nodes[n] = true
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), services.Informer().HasSynced, slices.Informer().HasSynced) {
		return errors.New("no first list of services and endpoints")
	}
	f.run(ctx, changed)
	return nil
}

type forwarder struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	nodes    map[string]bool
	of       string
	open     map[netip.AddrPort]*entrance
}

func (f *forwarder) run(ctx context.Context, changed <-chan struct{}) {
	defer f.apply(ctx, nil)
	for {
		var retry <-chan time.Time
		if !f.sync(ctx) {
			retry = time.After(again)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-retry:
		}
	}
}

func (f *forwarder) sync(ctx context.Context) bool {
	services, err := f.services.List(labels.Everything())
	if err != nil {
		return false
	}
	slices, err := f.slices.List(labels.Everything())
	if err != nil {
		return false
	}
	return f.apply(ctx, routes(services, slices, f.nodes, f.of))
}

// apply opens, changes and closes entrances; false when one could not be opened.
func (f *forwarder) apply(ctx context.Context, want map[netip.AddrPort][]string) bool {
	for at, e := range f.open {
		if len(want[at]) == 0 {
			e.listener.Close()
			delete(f.open, at)
		}
	}
	all := true
	for at, pods := range want {
		if e, ok := f.open[at]; ok {
			e.pods.Store(&pods)
			continue
		}
		e, err := listen(ctx, at.String(), pods)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Will try again", "address", at.String())
			all = false
			continue
		}
		f.open[at] = e
	}
	return all
}

// entrance is an address that leads to pods.
type entrance struct {
	listener net.Listener
	pods     atomic.Pointer[[]string]
}

func listen(ctx context.Context, at string, pods []string) (*entrance, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	e := &entrance{listener: l}
	e.pods.Store(&pods)
	go e.serve()
	return e, nil
}

func (e *entrance) serve() {
	for {
		in, err := e.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(again) // out of descriptors, most likely
			continue
		}
		go carry(in.(*net.TCPConn), *e.pods.Load())
	}
}

// Constant carries connections from one address to another until ctx ends.
func Constant(ctx context.Context, from, to string) error {
	e, err := listen(ctx, from, []string{to})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return e.listener.Close()
}

// carry connects a client to the first pod that answers, beginning anywhere.
func carry(in *net.TCPConn, pods []string) {
	defer in.Close()
	start := rand.IntN(len(pods))
	for i := range pods {
		c, err := net.DialTimeout("tcp", pods[(start+i)%len(pods)], dialTimeout)
		if err != nil {
			continue
		}
		out := c.(*net.TCPConn)
		defer out.Close()
		var both sync.WaitGroup
		both.Go(func() { copyHalf(out, in) })
		both.Go(func() { copyHalf(in, out) })
		both.Wait()
		return
	}
	_ = in.SetLinger(0) // a reset, as from a machine that is not there
}

func copyHalf(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	_ = to.CloseWrite()
	if err != nil { // one side is gone: the other need not wait for it
		_ = from.SetReadDeadline(time.Now())
		_ = to.SetReadDeadline(time.Now())
	}
}
