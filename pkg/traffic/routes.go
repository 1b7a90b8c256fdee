package traffic

import (
	"slices"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// routes are the paths of one host. A path is looked up once for each length
// that any of them has, longest first, so that neither how many there are nor
// how long the request is matters much.
type routes struct {
	paths map[string]*candidates
	// lengths of the keys of paths, longest first.
	lengths []int
	// fallback takes what no path does, where its Backend is set.
	fallback Match
}

// fit is how a pattern's literal part is compared with a path, in the order
// in which equals take precedence.
type fit int

const (
	fitWhole    fit = iota // Exact
	fitElements            // Prefix
	fitSpecific            // ImplementationSpecific, as Prefix
	fitText                // ImplementationSpecific that ends in "*"
	fits
)

// candidates are the patterns with one literal part; nil where there is none.
type candidates [fits]*Match

// pattern splits a path of a rule into what is compared and how. Prefix, and
// ImplementationSpecific like it, pays no heed to a trailing slash. A "*" at the
// end of an ImplementationSpecific one is Google's: it stands for any text, so
// "/foo/*" fits "/foo/" and all below it.
func pattern(p v1alpha1.RoutePath) (literal string, how fit, ok bool) {
	switch p.Type {
	case v1alpha1.PathExact:
		return p.Path, fitWhole, true
	case v1alpha1.PathPrefix:
		return strings.TrimSuffix(p.Path, "/"), fitElements, true
	case v1alpha1.PathImplementationSpecific:
		if literal, ok := strings.CutSuffix(p.Path, "*"); ok {
			return literal, fitText, true
		}
		return strings.TrimSuffix(p.Path, "/"), fitSpecific, true
	}
	return "", 0, false
}

func newRoutes() *routes { return &routes{paths: map[string]*candidates{}} }

// add takes a path in, unless an earlier one is the same.
func (r *routes) add(p v1alpha1.RoutePath, m Match) {
	literal, how, ok := pattern(p)
	if !ok {
		return
	}
	c := r.paths[literal]
	if c == nil {
		c = &candidates{}
		r.paths[literal] = c
	}
	if c[how] == nil {
		c[how] = &m
	}
}

// seal makes it ready to be asked.
func (r *routes) seal() {
	for literal := range r.paths {
		r.lengths = append(r.lengths, len(literal))
	}
	slices.Sort(r.lengths)
	r.lengths = slices.Compact(r.lengths)
	slices.Reverse(r.lengths)
}

func (r *routes) match(path string) *Match {
	for _, n := range r.lengths {
		if n > len(path) {
			continue
		}
		c := r.paths[path[:n]]
		if c == nil {
			continue
		}
		for how := range fits {
			if c[how] != nil && how.accepts(path, n) {
				return c[how]
			}
		}
	}
	return nil
}

// accepts says whether a path fits a pattern whose literal part is its first n
// bytes.
func (f fit) accepts(path string, n int) bool {
	switch f {
	case fitWhole:
		return n == len(path)
	case fitText:
		return true
	default: // by element: "/" is the empty literal and fits all
		return n == 0 || n == len(path) || path[n] == '/'
	}
}
