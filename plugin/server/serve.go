package server

import (
	"context"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/version"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// request is one call, understood.
type request struct {
	target
	*http.Request
	w http.ResponseWriter
	// kind is the current one; an old version has been followed.
	kind  kinds.Kind
	table *kinds.Table
	storage
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case isDiscovery(path):
		c, err := s.fullCatalog(r.Context())
		if err != nil {
			writeError(w, err)
			return
		}
		c.discover(w, r)
	case path == "/version":
		writeJSON(w, http.StatusOK, jsonType, version.Info{Major: "1", Minor: "36", GitVersion: "v1.36.0+kubectl-fed"})
	case path == "/healthz" || path == "/readyz" || path == "/livez":
		_, _ = io.WriteString(w, "ok")
	default:
		s.serveObject(w, r)
	}
}

func (s *Server) serveObject(w http.ResponseWriter, r *http.Request) {
	req, err := s.understand(w, r)
	if err == nil {
		err = s.dispatch(req)
	}
	if err != nil {
		writeError(w, err)
	}
}

func (s *Server) understand(w http.ResponseWriter, r *http.Request) (*request, error) {
	t, ok := parsePath(r.URL)
	if !ok {
		return nil, errNoSuchPath()
	}
	c, err := s.catalogFor(r.Context(), t.gvr)
	if err != nil {
		return nil, err
	}
	kind, ok := c.current[t.gvr]
	if !ok || (!kind.Namespaced && t.namespace != "") {
		return nil, errNoSuchPath()
	}
	req := &request{target: t, Request: r, w: w, kind: kind, table: c.table, storage: s.storageOf(kind)}
	if why := notFederated(kind.GR()); why != "" && !req.sweeps() {
		return nil, forbidden(kind.GR(), t.name, "%s", why)
	}
	r.Body = http.MaxBytesReader(w, orEmpty(r.Body), maxBody)
	return req, nil
}

func orEmpty(body io.ReadCloser) io.ReadCloser {
	if body == nil {
		return http.NoBody
	}
	return body
}

func (s *Server) dispatch(req *request) error {
	switch {
	case req.subresource == "scale" && req.kind.Scale:
		return s.scale(req)
	case req.subresource != "":
		return errNoSuchPath()
	case req.Method == http.MethodGet && flag(req.Request, "watch"):
		return s.watch(req)
	case req.Method == http.MethodDelete:
		return s.remove(req)
	case req.name == "":
		return s.dispatchCollection(req)
	}
	return s.dispatchObject(req)
}

func (s *Server) dispatchCollection(req *request) error {
	switch req.Method {
	case http.MethodGet:
		return s.list(req)
	case http.MethodPost:
		return s.create(req)
	}
	return apierrors.NewMethodNotSupported(req.kind.GR(), req.Method)
}

func (s *Server) dispatchObject(req *request) error {
	switch req.Method {
	case http.MethodGet:
		return s.get(req)
	case http.MethodPut:
		return s.replace(req)
	case http.MethodPatch:
		return s.patch(req)
	}
	return apierrors.NewMethodNotSupported(req.kind.GR(), req.Method)
}

func (req *request) ctx() context.Context { return req.Context() }

// dryRun is true when nothing is to be written.
func (req *request) dryRun() bool { return req.URL.Query().Get("dryRun") != "" }
