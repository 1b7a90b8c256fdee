package conformance

import "github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"

const (
	exact    = string(v1alpha1.PathExact)
	prefix   = string(v1alpha1.PathPrefix)
	specific = string(v1alpha1.PathImplementationSpecific)

	// nobody: no rule takes the request.
	nobody = ""
	// otherwise is the default backend of the row's Ingress.
	otherwise = "otherwise"
)

// rule is one path; its backend is named after its type and path.
type rule struct{ kind, path string }

func (r rule) backend() string { return r.kind + " " + r.path }

// pathRow is a row of the table: rules of one host, and what takes each request.
type pathRow struct {
	rules    []rule
	fallback bool
	want     map[string]string // by request path
}

// paths is the table "Examples" of the documentation of Ingresses, and what
// follows from its text: case, repeated slashes, Google's wildcard.
var paths = []pathRow{
	{rules: []rule{{prefix, "/"}}, want: map[string]string{"/": "Prefix /", "/any/path": "Prefix /"}},
	{rules: []rule{{exact, "/foo"}}, want: map[string]string{"/foo": "Exact /foo", "/bar": nobody, "/foo/": nobody}},
	{rules: []rule{{exact, "/foo/"}}, want: map[string]string{"/foo": nobody, "/foo/": "Exact /foo/"}},
	{rules: []rule{{prefix, "/foo"}}, want: map[string]string{"/foo": "Prefix /foo", "/foo/": "Prefix /foo"}},
	{rules: []rule{{prefix, "/foo/"}}, want: map[string]string{"/foo": "Prefix /foo/", "/foo/": "Prefix /foo/"}},
	{rules: []rule{{prefix, "/aaa/bb"}}, want: map[string]string{"/aaa/bbb": nobody}},
	{rules: []rule{{prefix, "/aaa/bbb"}}, want: map[string]string{"/aaa/bbb": "Prefix /aaa/bbb", "/aaa/bbb/": "Prefix /aaa/bbb",
		"/aaa/bbb/ccc": "Prefix /aaa/bbb", "/aaa/bbbxyz": nobody}},
	{rules: []rule{{prefix, "/aaa/bbb/"}}, want: map[string]string{"/aaa/bbb": "Prefix /aaa/bbb/"}},
	{rules: []rule{{prefix, "/"}, {prefix, "/aaa"}}, want: map[string]string{"/aaa/ccc": "Prefix /aaa"}},
	{rules: []rule{{prefix, "/"}, {prefix, "/aaa"}, {prefix, "/aaa/bbb"}}, want: map[string]string{"/aaa/bbb": "Prefix /aaa/bbb", "/ccc": "Prefix /"}},
	{rules: []rule{{prefix, "/aaa"}}, fallback: true, want: map[string]string{"/ccc": otherwise, "/aaa": "Prefix /aaa"}},
	{rules: []rule{{prefix, "/foo"}, {exact, "/foo"}}, want: map[string]string{"/foo": "Exact /foo", "/foo/bar": "Prefix /foo"}},
	{rules: []rule{{exact, "/Foo"}, {prefix, "/Bar"}}, want: map[string]string{"/foo": nobody, "/bar": nobody, "/Bar/x": "Prefix /Bar"}},
	{rules: []rule{{specific, "/foo/*"}}, want: map[string]string{"/foo/bar": "ImplementationSpecific /foo/*", "/bar": nobody}},
	{rules: []rule{{prefix, "/q"}}, want: map[string]string{"/q?x=/y": "Prefix /q", "/q%2Fx": "Prefix /q"}},
}

// hostRow is a row of the table of wildcard hosts.
type hostRow struct {
	hosts []string
	want  map[string]string // by Host header; the backend is named after the host
}

var hosts = []hostRow{
	{hosts: []string{"*.wild.com"}, want: map[string]string{"bar.wild.com": "*.wild.com", "baz.bar.wild.com": nobody, "wild.com": nobody}},
	{hosts: []string{"*.both.com", "bar.both.com"}, want: map[string]string{"bar.both.com": "bar.both.com", "foo.both.com": "*.both.com"}},
	{hosts: []string{"plain.com"}, want: map[string]string{"plain.com": "plain.com", "PLAIN.com": "plain.com", "plain.com:8080": "plain.com",
		"sub.plain.com": nobody, "plain.com.": "plain.com"}},
}
