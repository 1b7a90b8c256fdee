package traffic

import (
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Table tells which backend a request is for, as Kubernetes defines it for an
// Ingress. It never changes after NewTable and may be asked from many
// goroutines.
//
// The first of these that has a path that fits decides: the rules of the very
// host, those of its wildcard, those without a host. Among the paths of one
// level the longest wins, then Exact before Prefix before
// ImplementationSpecific, then the earlier one in the document. Where no path
// fits, default backends are asked for: of an Ingress that names the host, then
// its wildcard, then has a rule without a host, then has no rules; the first in
// the document among equals. A host that no Ingress names goes to the first
// default backend of any: a host that one names is nobody else's business.
type Table struct {
	// Servable says whether a carrier has the files of a certificate; nil: it
	// has all. Set it before the first question.
	Servable func(v1alpha1.FrontendTLS) bool

	routes levels[*routes]
	// bare is the default backend of an Ingress without rules, stray that for
	// a host that nobody names.
	bare, stray  Match
	certificates levels[[]v1alpha1.FrontendTLS]
}

// Match is where a request goes.
type Match struct {
	Ingress v1alpha1.Key
	// Backend by name.
	Backend string
	// Redirect: over plain HTTP, the answer is a redirect to HTTPS.
	Redirect bool
	// Host and Path as the rule has them; both empty for a default backend.
	Host, Path string
}

// levels are what is known of a host, by how closely it is named.
type levels[T any] struct {
	exact, wildcard map[string]T
	any             T
}

// at is the value of one level: an exact host, "*." and a name, or none.
func (l *levels[T]) at(host string) T {
	if host == "" {
		return l.any
	}
	if name, ok := wildcardName(host); ok {
		return l.wildcard[name]
	}
	return l.exact[host]
}

func (l *levels[T]) set(host string, v T) {
	if host == "" {
		l.any = v
	} else if name, ok := wildcardName(host); ok {
		l.wildcard[name] = v
	} else {
		l.exact[host] = v
	}
}

// NewTable reads a document. What it does not understand it passes over.
func NewTable(t *v1alpha1.Traffic) *Table {
	table := &Table{}
	table.routes.exact, table.routes.wildcard = map[string]*routes{}, map[string]*routes{}
	table.certificates.exact, table.certificates.wildcard = map[string][]v1alpha1.FrontendTLS{}, map[string][]v1alpha1.FrontendTLS{}
	for i := range t.Frontends {
		table.addRules(&t.Frontends[i])
		table.addTLS(&t.Frontends[i])
	}
	table.setDefaults(t.Frontends)
	for _, r := range table.routes.exact {
		r.seal()
	}
	for _, r := range table.routes.wildcard {
		r.seal()
	}
	if table.routes.any != nil {
		table.routes.any.seal()
	}
	return table
}

func (t *Table) addRules(f *v1alpha1.Frontend) {
	for _, rule := range f.Rules {
		host := lower(rule.Host)
		r := t.routes.at(host)
		if r == nil {
			r = newRoutes()
			t.routes.set(host, r)
		}
		for _, p := range rule.Paths {
			r.add(p, Match{Ingress: f.Ingress, Backend: p.Backend, Redirect: f.Redirect, Host: rule.Host, Path: p.Path})
		}
		if f.DefaultBackend != "" && r.fallback.Backend == "" {
			r.fallback = Match{Ingress: f.Ingress, Backend: f.DefaultBackend, Redirect: f.Redirect}
		}
	}
}

// setDefaults finds the default backends that belong to no host.
func (t *Table) setDefaults(frontends []v1alpha1.Frontend) {
	for i := range frontends {
		f := &frontends[i]
		if f.DefaultBackend == "" {
			continue
		}
		m := Match{Ingress: f.Ingress, Backend: f.DefaultBackend, Redirect: f.Redirect}
		if t.stray.Backend == "" {
			t.stray = m
		}
		if t.bare.Backend == "" && len(f.Rules) == 0 {
			t.bare = m
		}
	}
}

func (t *Table) addTLS(f *v1alpha1.Frontend) {
	for _, c := range f.TLS {
		hosts := c.Hosts
		if len(hosts) == 0 {
			hosts = ruleHosts(f)
		}
		for _, h := range hosts {
			h = lower(h)
			t.certificates.set(h, append(t.certificates.at(h), c))
		}
	}
}

// ruleHosts are the hosts of an Ingress's rules; one without rules is for all.
func ruleHosts(f *v1alpha1.Frontend) []string {
	if len(f.Rules) == 0 {
		return []string{""}
	}
	hosts := make([]string, 0, len(f.Rules))
	for _, r := range f.Rules {
		hosts = append(hosts, r.Host)
	}
	return hosts
}

// Match finds the backend for a request by its Host header and its path,
// without a query. False: nobody wants it.
func (t *Table) Match(host, path string) (Match, bool) {
	var buffer [maxHost]byte
	name := normalHost(&buffer, host)
	if path == "" {
		path = "/"
	}
	m := t.find(name, path)
	if m == nil {
		return Match{}, false
	}
	found := *m
	if found.Redirect {
		_, found.Redirect = t.certificate(name)
	}
	return found, true
}

func (t *Table) find(host []byte, path string) *Match {
	levels := [3]*routes{t.routes.exact[string(host)], t.routes.wildcard[string(parent(host))], t.routes.any}
	for _, r := range levels {
		if r == nil {
			continue
		}
		if m := r.match(path); m != nil {
			return m
		}
	}
	for _, r := range levels {
		if r != nil && r.fallback.Backend != "" {
			return &r.fallback
		}
	}
	if t.bare.Backend != "" {
		return &t.bare
	}
	if levels[0] == nil && levels[1] == nil && t.stray.Backend != "" {
		return &t.stray
	}
	return nil
}

// TLS is the certificate for a server name (SNI): of those that can be served,
// one for the very name, else for its wildcard, else one for all hosts.
func (t *Table) TLS(serverName string) (v1alpha1.FrontendTLS, bool) {
	var buffer [maxHost]byte
	return t.certificate(normalHost(&buffer, serverName))
}

func (t *Table) certificate(host []byte) (v1alpha1.FrontendTLS, bool) {
	levels := [3][]v1alpha1.FrontendTLS{t.certificates.exact[string(host)], t.certificates.wildcard[string(parent(host))], t.certificates.any}
	for _, level := range levels {
		for i := range level {
			if t.Servable == nil || t.Servable(level[i]) {
				return level[i], true
			}
		}
	}
	return v1alpha1.FrontendTLS{}, false
}
