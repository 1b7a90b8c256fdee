package traffic

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// ingress is a frontend from lines "host path Type", each with a backend of its
// own: "name:line". A line of a host alone is a rule without paths.
func ingress(name string, lines ...string) v1alpha1.Frontend {
	f := v1alpha1.Frontend{Ingress: ingressKey(name)}
	for i, line := range lines {
		words := strings.Split(line, " ")
		r := v1alpha1.Rule{Host: strings.TrimPrefix(words[0], "-")}
		if len(words) == 3 {
			r.Paths = []v1alpha1.RoutePath{{Path: words[1], Type: v1alpha1.PathType(words[2]), Backend: fmt.Sprintf("%s:%d", name, i)}}
		}
		f.Rules = append(f.Rules, r)
	}
	return f
}

func ingressKey(name string) v1alpha1.Key {
	return v1alpha1.Key{Namespace: "default", Resource: "ingresses", Group: "networking.k8s.io", Name: name}
}

func withDefault(f v1alpha1.Frontend) v1alpha1.Frontend {
	f.DefaultBackend = f.Ingress.Name + ":default"
	return f
}

func withTLS(f v1alpha1.Frontend, secret string, hosts ...string) v1alpha1.Frontend {
	f.TLS = append(f.TLS, v1alpha1.FrontendTLS{Hosts: hosts, Secret: "default/" + secret})
	f.Redirect = true
	return f
}

func document(frontends ...v1alpha1.Frontend) *v1alpha1.Traffic {
	return &v1alpha1.Traffic{Frontends: frontends}
}

// TestPathsOfTheSpecification is the table of examples in Kubernetes'
// documentation of Ingress path types, row by row. The wanted one is the number
// of the path, or -1 for the default backend.
func TestPathsOfTheSpecification(t *testing.T) {
	for _, row := range []struct {
		paths    string
		requests string
		want     int
	}{
		{"/ Prefix", "/ /foo /foo/bar /a//b /foo.html", 0},
		{"/foo Exact", "/foo", 0},
		{"/foo Exact", "/bar", -1},
		{"/foo Exact", "/foo/", -1},
		{"/foo/ Exact", "/foo", -1},
		{"/foo Prefix", "/foo /foo/", 0},
		{"/foo/ Prefix", "/foo /foo/", 0},
		{"/aaa/bb Prefix", "/aaa/bbb", -1},
		{"/aaa/bbb Prefix", "/aaa/bbb", 0},
		{"/aaa/bbb/ Prefix", "/aaa/bbb", 0},
		{"/aaa/bbb Prefix", "/aaa/bbb/", 0},
		{"/aaa/bbb Prefix", "/aaa/bbb/ccc", 0},
		{"/aaa/bbb Prefix", "/aaa/bbbxyz", -1},
		{"/ Prefix,/aaa Prefix", "/aaa/ccc", 1},
		{"/ Prefix,/aaa Prefix,/aaa/bbb Prefix", "/aaa/bbb", 2},
		{"/ Prefix,/aaa Prefix,/aaa/bbb Prefix", "/ccc", 0},
		{"/aaa Prefix", "/ccc", -1},
		{"/foo Prefix,/foo Exact", "/foo", 1},
	} {
		var lines []string
		for p := range strings.SplitSeq(row.paths, ",") {
			lines = append(lines, "a.com "+p)
		}
		table := NewTable(document(withDefault(ingress("i", lines...))))
		want := fmt.Sprintf("i:%d", row.want)
		if row.want < 0 {
			want = "i:default"
		}
		for request := range strings.SplitSeq(row.requests, " ") {
			if m, _ := table.Match("a.com", request); m.Backend != want {
				t.Errorf("%s: %s goes to %q, want %q", row.paths, request, m.Backend, want)
			}
		}
	}
}

// TestWildcardsOfTheSpecification is the table of wildcard hosts there.
func TestWildcardsOfTheSpecification(t *testing.T) {
	table := NewTable(document(ingress("i", "*.foo.com / Prefix")))
	for host, want := range map[string]bool{
		"bar.foo.com": true, "baz.bar.foo.com": false, "foo.com": false, // the table's
		"BAR.Foo.com.:8080": true, ".foo.com": false, "barfoo.com": false, "foo.com.": false,
		"": false, "[::1]:80": false, "[::1": false, "::1": false, "10.0.0.1": false, strings.Repeat("a", 300) + ".foo.com": false,
	} {
		if _, ok := table.Match(host, "/"); ok != want {
			t.Errorf("%q: %v, want %v", host, ok, want)
		}
	}
}

func TestMatch(t *testing.T) {
	several := document(
		withDefault(ingress("a", "a.com /one Prefix", "- /all Prefix", "*.com /wild Prefix")),
		withDefault(ingress("b", "a.com /one Exact", "a.com /two Prefix", "b.com")),
		withDefault(ingress("c")),
		ingress("d", "d.com /x/* ImplementationSpecific", "d.com /x Prefix", "d.com /y* ImplementationSpecific", "d.com /z ImplementationSpecific",
			"e.com /* ImplementationSpecific", "e.com /x/ Exact", "e.com /x/* ImplementationSpecific", "f.com  ImplementationSpecific", "f.com /new Regular"),
	)
	table := NewTable(several)
	for _, row := range []struct{ host, path, want string }{
		{"a.com", "/one", "b:0"},         // Exact before Prefix, of another Ingress
		{"a.com", "/one/more", "a:0"},    // several Ingresses on one host
		{"a.com:443", "/two", "b:1"},     //
		{"A.COM.", "/wild", "a:2"},       // nothing of the host fits: its wildcard
		{"a.com", "/all/x", "a:1"},       // then the rules for all
		{"x.org", "/all", "a:1"},         //
		{"[2001:db8::1]", "/all", "a:1"}, //
		{"2001:db8::1", "/all", "a:1"},
		{"a.com", "/none", "a:default"},   // the first that names the host
		{"b.com", "/none", "b:default"},   // a rule without paths names it, too
		{"x.com", "/none", "a:default"},   // the wildcard's
		{"x.org", "/none", "a:default"},   // it has a rule without a host
		{"d.com", "/x", "d:1"},            //
		{"d.com", "/x/", "d:0"},           // the literal part is longer
		{"d.com", "/x/y", "d:0"},          //
		{"d.com", "/yes", "d:2"},          // any text
		{"d.com", "/z/y", "d:3"},          // like Prefix
		{"d.com", "/zy", "a:default"},     //
		{"e.com", "/x/", "d:5"},           // Exact first
		{"e.com", "/x/y", "d:6"},          //
		{"e.com", "/", "d:4"},             //
		{"e.com", "", "d:4"},              //
		{"e.com", "*", "a:default"},       // OPTIONS *
		{"f.com", "/new", "d:7"},          // an unknown type is passed over; no path is any path
		{"d.com", "/X", "a:default"},      // case matters
		{"d.com", "/x%2Fy", "a:default"},  // to the letter
		{"d.com", "//x", "a:default"},     // an empty element is one
		{"d.com", "/x/../z", "d:0"},       // the carrier cleans paths, or does not
		{"a.com:80:80", "/wild", "a:def"}, // no host at all
	} {
		m, _ := table.Match(row.host, row.path)
		if !strings.HasPrefix(m.Backend, row.want) {
			t.Errorf("%s%s goes to %q, want %q", row.host, row.path, m.Backend, row.want)
		}
		if m.Backend != "" && m.Ingress.Name != m.Backend[:1] {
			t.Errorf("%s%s is said to be Ingress %s", row.host, row.path, m.Ingress)
		}
	}
}

func TestMatchOfNobody(t *testing.T) {
	bare := withDefault(ingress("z"))
	other := withDefault(ingress("a", "a.com / Prefix"))
	for _, row := range []struct {
		name string
		doc  *v1alpha1.Traffic
		want string
	}{
		{"nothing", document(), ""},
		{"no default", document(ingress("a", "a.com / Prefix")), ""},
		{"without rules before others", document(other, bare), "z:default"},
		{"others", document(other), "a:default"},
		{"the first without rules", document(withDefault(ingress("y")), bare, other), "y:default"},
	} {
		m, ok := NewTable(row.doc).Match("x.org", "/")
		if m.Backend != row.want || ok != (row.want != "") {
			t.Errorf("%s: %q, want %q", row.name, m.Backend, row.want)
		}
	}
}

func TestTLS(t *testing.T) {
	table := NewTable(document(
		withTLS(ingress("a", "a.com / Prefix"), "exact", "A.com"),
		withTLS(ingress("b", "b.com / Prefix", "*.a.com / Prefix"), "rules"),
		withTLS(ingress("c", "*.com / Prefix"), "wild", "*.com"),
		withTLS(ingress("d"), "all"),
		withTLS(ingress("e", "a.com /x Prefix"), "second", "a.com"),
	))
	for name, want := range map[string]string{
		"a.com": "exact", "A.COM.": "exact", "b.com": "rules", "x.a.com": "rules", "x.com": "wild", "x.org": "all", "": "all",
	} {
		if c, _ := table.TLS(name); c.Secret != "default/"+want {
			t.Errorf("%q is given %q, want %q", name, c.Secret, want)
		}
	}
	table.Servable = func(c v1alpha1.FrontendTLS) bool { return c.Secret != "default/exact" && c.Secret != "default/all" }
	for name, want := range map[string]string{"a.com": "default/second", "x.org": ""} {
		if c, ok := table.TLS(name); c.Secret != want || ok != (want != "") {
			t.Errorf("%q is given %q, want %q", name, c.Secret, want)
		}
	}
}

func TestRedirect(t *testing.T) {
	plain := withTLS(ingress("b", "b.com / Prefix"), "b", "b.com")
	plain.Redirect = false
	table := NewTable(document(
		withTLS(ingress("a", "a.com / Prefix", "other.com / Prefix"), "a", "a.com"), plain, ingress("c", "a.com /plain Prefix")))
	for _, row := range []struct {
		host, path string
		want       bool
	}{
		{"a.com", "/", true},
		{"other.com", "/", false}, // there is no certificate for it
		{"b.com", "/", false},     // it is not wanted
		{"a.com", "/plain", false},
	} {
		if m, ok := table.Match(row.host, row.path); !ok || m.Redirect != row.want {
			t.Errorf("%s%s: redirect %v, want %v", row.host, row.path, m.Redirect, row.want)
		}
	}
	table.Servable = func(v1alpha1.FrontendTLS) bool { return false }
	if m, _ := table.Match("a.com", "/"); m.Redirect {
		t.Error("a redirect to where nothing is served")
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	table := NewTable(wide(50))
	table.Servable = func(v1alpha1.FrontendTLS) bool { return true }
	got := testing.AllocsPerRun(100, func() {
		table.Match("WWW-7.Example.com:8443", "/app/7/page")
		table.TLS("www-7.example.com")
	})
	if got != 0 {
		t.Errorf("%v allocations for each request", got)
	}
}
