package traffic

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// reference decides as the specification reads, looking at every path of every
// Ingress for each request.
func reference(t *v1alpha1.Traffic, host, path string) (Match, bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for level := range 3 {
		if m, ok := referenceLevel(t, host, path, level); ok {
			return m, true
		}
	}
	for level := range 3 {
		for _, f := range t.Frontends {
			for _, r := range f.Rules {
				if f.DefaultBackend != "" && referenceHost(r.Host, host, level) {
					return Match{Ingress: f.Ingress, Backend: f.DefaultBackend}, true
				}
			}
		}
	}
	for _, f := range t.Frontends {
		if f.DefaultBackend != "" && len(f.Rules) == 0 {
			return Match{Ingress: f.Ingress, Backend: f.DefaultBackend}, true
		}
	}
	for _, f := range t.Frontends {
		if f.DefaultBackend != "" && !referenceNamed(t, host) {
			return Match{Ingress: f.Ingress, Backend: f.DefaultBackend}, true
		}
	}
	return Match{}, false
}

// referenceNamed: some rule names the host, by itself or by a wildcard.
func referenceNamed(t *v1alpha1.Traffic, host string) bool {
	for _, f := range t.Frontends {
		for _, r := range f.Rules {
			if referenceHost(r.Host, host, 0) || referenceHost(r.Host, host, 1) {
				return true
			}
		}
	}
	return false
}

// referenceLevel is the best path of the rules that name the host exactly (0),
// by a wildcard (1) or not at all (2).
func referenceLevel(t *v1alpha1.Traffic, host, path string, level int) (best Match, found bool) {
	rank := -1
	for _, f := range t.Frontends {
		for _, r := range f.Rules {
			if !referenceHost(r.Host, host, level) {
				continue
			}
			for _, p := range r.Paths {
				if got := referencePath(p, path); got > rank {
					rank, found = got, true
					best = Match{Ingress: f.Ingress, Backend: p.Backend, Host: r.Host, Path: p.Path}
				}
			}
		}
	}
	return best, found
}

func referenceHost(rule, host string, level int) bool {
	switch level {
	case 0:
		return rule != "" && rule[0] != '*' && rule == host
	case 1:
		if rule == "" || rule[0] != '*' {
			return false
		}
		labels, want := strings.Split(host, "."), strings.Split(rule, ".")
		return len(labels) == len(want) && labels[0] != "" && strings.Join(labels[1:], ".") == strings.Join(want[1:], ".")
	default:
		return rule == ""
	}
}

// referencePath ranks a path: the longer the higher, and among equally long
// ones Exact before Prefix before the rest; -1 does not fit.
func referencePath(p v1alpha1.RoutePath, path string) int {
	switch p.Type {
	case v1alpha1.PathExact:
		if p.Path == path {
			return 4*len(path) + 3
		}
	case v1alpha1.PathPrefix:
		if referencePrefix(p.Path, path) {
			return 4*len(strings.TrimSuffix(p.Path, "/")) + 2
		}
	case v1alpha1.PathImplementationSpecific:
		if before, ok := strings.CutSuffix(p.Path, "*"); ok {
			if strings.HasPrefix(path, before) {
				return 4 * len(before)
			}
		} else if referencePrefix(p.Path, path) {
			return 4*len(strings.TrimSuffix(p.Path, "/")) + 1
		}
	}
	return -1
}

func referencePrefix(prefix, path string) bool {
	want, have := strings.Split(strings.TrimSuffix(prefix, "/"), "/"), strings.Split(path, "/")
	if strings.TrimSuffix(prefix, "/") == "" {
		return true
	}
	if len(want) > len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] {
			return false
		}
	}
	return true
}

// random is a document over so few hosts and path elements that many of its
// rules meet.
func random(r *rand.Rand) *v1alpha1.Traffic {
	t := &v1alpha1.Traffic{}
	for i := range 1 + r.IntN(5) {
		f := v1alpha1.Frontend{Ingress: ingressKey(fmt.Sprintf("i%d", i))}
		for range r.IntN(4) {
			f.Rules = append(f.Rules, randomRule(r, f.Ingress.Name))
		}
		if r.IntN(3) == 0 {
			f.DefaultBackend = f.Ingress.Name
		}
		t.Frontends = append(t.Frontends, f)
	}
	return t
}

func randomRule(r *rand.Rand, name string) v1alpha1.Rule {
	rule := v1alpha1.Rule{Host: []string{"", "a.com", "b.a.com", "*.a.com", "*.com", "com"}[r.IntN(6)]}
	for range r.IntN(4) {
		p := v1alpha1.RoutePath{Path: randomPath(r), Backend: fmt.Sprintf("%s-%d", name, r.IntN(1000))}
		p.Type = []v1alpha1.PathType{v1alpha1.PathExact, v1alpha1.PathPrefix, v1alpha1.PathImplementationSpecific}[r.IntN(3)]
		if p.Type == v1alpha1.PathImplementationSpecific {
			p.Path += []string{"", "*", "/*"}[r.IntN(3)]
		}
		rule.Paths = append(rule.Paths, p)
	}
	return rule
}

func randomPath(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString("/" + []string{"a", "b", "ab", ""}[r.IntN(4)])
	}
	if b.Len() == 0 || r.IntN(3) == 0 {
		b.WriteString("/")
	}
	return b.String()
}

var randomHosts = []string{"", "a.com", "b.a.com", "c.a.com", "c.b.a.com", "A.com.", "com", ".com", "x", "*.a.com", "a.com..", "[::1]"}

// FuzzMatch compares the table with the reference, on the rules that a seed
// makes and on a host and a path that the fuzzer invents.
func FuzzMatch(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, "a.com", "/a/b")
	}
	f.Fuzz(func(t *testing.T, seed uint64, host, path string) {
		r := rand.New(rand.NewPCG(seed, 0))
		doc := random(r)
		table := NewTable(doc)
		compare(t, doc, table, host, path)
		for _, h := range randomHosts {
			for range 10 {
				compare(t, doc, table, h, randomPath(r))
			}
		}
	})
}

func compare(t *testing.T, doc *v1alpha1.Traffic, table *Table, host, path string) {
	got, ok := table.Match(host, path)
	if path == "" || len(host) > maxHost || strings.ContainsAny(host, ":[") || strings.ToLower(host) != lowerASCII(host) {
		return // the reference knows nothing of these
	}
	if want, wanted := reference(doc, host, path); got != want || ok != wanted {
		t.Fatalf("%q %q goes to %+v, want %+v, in %+v", host, path, got, want, doc)
	}
}

func lowerASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

// wide is a document of that many Ingresses, half of them on one host.
func wide(n int) *v1alpha1.Traffic {
	t := &v1alpha1.Traffic{}
	for i := range n {
		host := "www.example.com"
		if i%2 == 1 {
			host = fmt.Sprintf("www-%d.example.com", i)
		}
		f := ingress(fmt.Sprintf("i%04d", i), fmt.Sprintf("%s /app/%d Prefix", host, i), fmt.Sprintf("%s /app/%d/login Exact", host, i))
		t.Frontends = append(t.Frontends, withTLS(f, "s", host))
	}
	return t
}

// BenchmarkMatch is one request against 1000 Ingresses, and how many times as
// long the reference takes in the same run.
func BenchmarkMatch(b *testing.B) {
	doc := wide(1000)
	table := NewTable(doc)
	requests := [][2]string{{"www.example.com", "/app/998/page"}, {"www-501.example.com", "/app/501/login"}, {"www.example.com", "/none"}}
	start := time.Now()
	const rounds = 20
	for range rounds {
		for _, r := range requests {
			reference(doc, r[0], r[1])
		}
	}
	linear := time.Since(start) / rounds
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range requests {
			table.Match(r[0], r[1])
		}
	}
	b.ReportMetric(float64(linear)/(float64(b.Elapsed())/float64(b.N)), "times-faster-than-linear")
}
