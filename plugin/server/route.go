package server

import (
	"net/http"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// target is what a request's path means.
type target struct {
	gvr         schema.GroupVersionResource
	namespace   string // empty: cluster-scoped, or all namespaces
	name        string // empty: the collection
	subresource string
}

// parsePath reads /api/v1/… and /apis/<group>/<version>/…. It is false for
// anything that is not the path of an object or a collection.
func parsePath(u *url.URL) (target, bool) {
	var t target
	parts, ok := segments(u)
	if !ok {
		return t, false
	}
	switch {
	case len(parts) > 2 && parts[0] == "api":
		t.gvr.Version, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		t.gvr.Group, t.gvr.Version, parts = parts[1], parts[2], parts[3:]
	default:
		return t, false
	}
	// /namespaces/x alone is the Namespace itself.
	if parts[0] == "namespaces" && len(parts) > 2 && !namespaceSubresource(parts[2]) {
		t.namespace, parts = parts[1], parts[2:]
	}
	return t.below(parts)
}

func (t target) below(parts []string) (target, bool) {
	if len(parts) > 3 || (t.namespace != "" && len(validation.IsDNS1123Label(t.namespace)) > 0) {
		return t, false
	}
	parts = append(parts, "", "", "")
	t.gvr.Resource, t.name, t.subresource = parts[0], parts[1], parts[2]
	return t, true
}

func namespaceSubresource(s string) bool { return s == "status" || s == "finalize" }

// segments splits the escaped path, so that no name can smuggle a slash in.
func segments(u *url.URL) ([]string, bool) {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		s, err := url.PathUnescape(p)
		if err != nil || s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/\x00") {
			return nil, false
		}
		parts[i] = s
	}
	return parts, true
}

// isDiscovery tells paths that end at or above a group's version.
func isDiscovery(path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	return (parts[0] == "api" && len(parts) <= 2) || (parts[0] == "apis" && len(parts) <= 3)
}

func flag(r *http.Request, name string) bool {
	v := r.URL.Query().Get(name)
	return v == "true" || v == "1"
}
