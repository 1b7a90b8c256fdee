package plugin

import (
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/validation"

	"github.com/kubectl-fed/kubectl-fed/plugin/server"
)

// getter gives kubectl's commands a connection that ends in this process.
type getter struct {
	s *session

	mapping   sync.Once
	discovery *stagedDiscovery
	mapper    meta.RESTMapper
}

// factory is kubectl's, but manifests are checked by us before it sees them.
type factory struct{ cmdutil.Factory }

func newFactory(s *session) cmdutil.Factory {
	return factory{cmdutil.NewFactory(&getter{s: s})}
}

func (factory) Validator(string) (validation.Schema, error) { return validation.NullSchema{}, nil }

// localHost stands where a server's address would; nothing is dialled.
const localHost = "http://federation.local"

func (g *getter) ToRESTConfig() (*rest.Config, error) {
	h, err := g.s.Server()
	if err != nil {
		return nil, err
	}
	return g.restConfig(h), nil
}

func (g *getter) restConfig(h http.Handler) *rest.Config {
	warnings := rest.NewWarningWriter(g.s.ErrOut, rest.WarningWriterOptions{Deduplicate: true, Color: printers.AllowsColorOutput(g.s.ErrOut)})
	// A timeout that does not parse is none, as kubectl takes it.
	timeout, _ := clientcmd.ParseTimeout(*g.s.config.Timeout)
	config := &rest.Config{Timeout: timeout, Host: localHost, Transport: server.Transport(g.s.ctx, h), QPS: -1, WarningHandler: warnings}
	config.ContentType = runtime.ContentTypeJSON
	return config
}

func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return g.s.config.ToRawKubeConfigLoader()
}

func (g *getter) prepare() {
	g.mapping.Do(func() {
		g.discovery = &stagedDiscovery{g: g}
		g.discovery.use(server.Discovery(g.s.table))
		m := restmapper.NewDeferredDiscoveryRESTMapper(g.discovery)
		g.mapper = restmapper.NewShortcutExpander(m, g.discovery, func(text string) { g.s.warn("%s", text) })
	})
}

func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	g.prepare()
	return g.discovery, nil
}

func (g *getter) ToRESTMapper() (meta.RESTMapper, error) {
	g.prepare()
	return g.mapper, nil
}

// stagedDiscovery first tells what every cluster serves, which needs no
// bucket; when that does not do, what this federation has besides.
type stagedDiscovery struct {
	discovery.CachedDiscoveryInterface
	g *getter

	mu   sync.Mutex
	full bool
}

func (d *stagedDiscovery) use(h http.Handler) {
	d.CachedDiscoveryInterface = memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(d.g.restConfig(h)))
}

// Fresh is false until everything has been asked for: who misses a kind then
// invalidates, and so gets the second stage.
func (d *stagedDiscovery) Fresh() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full && d.CachedDiscoveryInterface.Fresh()
}

func (d *stagedDiscovery) Invalidate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.full {
		if h, err := d.g.s.Server(); err == nil {
			d.use(h)
			d.full = true
		}
	}
	d.CachedDiscoveryInterface.Invalidate()
}
