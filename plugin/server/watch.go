package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/watch"
)

// watch looks again and again and tells what differs.
func (s *Server) watch(req *request) error {
	sel, err := req.selection()
	if err != nil {
		return err
	}
	if flag(req.Request, "sendInitialEvents") {
		return apierrors.NewInvalid(req.kind.GVK().GroupKind(), "", field.ErrorList{
			field.Forbidden(field.NewPath("sendInitialEvents"), "a federation streams no lists: list first")})
	}
	was, err := s.start(req)
	if err != nil {
		return err
	}
	s.Waiting(req.ctx())
	ctx, cancel := watchContext(req)
	defer cancel()
	req.w.Header().Set("Content-Type", jsonType)
	req.w.WriteHeader(http.StatusOK)
	s.follow(ctx, &stream{s, req}, sel, was)
	return nil
}

// start is what the client has seen already.
func (s *Server) start(req *request) (state, error) {
	version := req.URL.Query().Get("resourceVersion")
	if version == "" || version == "0" {
		return state{}, nil
	}
	was, ok := s.snapshots.at(version)
	if !ok {
		return nil, apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %s", version))
	}
	return was, nil
}

func watchContext(req *request) (context.Context, context.CancelFunc) {
	seconds, err := strconv.Atoi(req.URL.Query().Get("timeoutSeconds"))
	if err != nil || seconds <= 0 {
		return context.WithCancel(req.ctx())
	}
	return context.WithTimeout(req.ctx(), time.Duration(seconds)*time.Second)
}

func (s *Server) follow(ctx context.Context, out *stream, sel selection, was state) {
	ticker := time.NewTicker(s.Poll)
	defer ticker.Stop()
	for {
		items, _, err := out.req.selected(sel)
		switch {
		case ctx.Err() != nil:
			return
		case apierrors.IsServiceUnavailable(err):
			// The bucket is away; nothing is known to have changed.
		case err != nil:
			_ = out.send(watch.Error, statusOf(err))
			return
		default:
			now := stateOf(items)
			if out.changes(was, now) != nil {
				return
			}
			was = now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// stream writes watch events.
type stream struct {
	s   *Server
	req *request
}

func (st *stream) changes(was, now state) error {
	for _, name := range sortedNames(now) {
		before, known := was[name]
		obj := now[name]
		switch {
		case known && before.GetUID() != "" && before.GetUID() != obj.GetUID():
			// Deleted and created again between two looks.
			if err := st.object(watch.Deleted, before); err != nil {
				return err
			}
			known = false
		case known && reflect.DeepEqual(before.Object, obj.Object):
			continue
		}
		kind := watch.Added
		if known {
			kind = watch.Modified
		}
		if err := st.object(kind, obj); err != nil {
			return err
		}
	}
	for _, name := range sortedNames(was) {
		if _, there := now[name]; !there {
			if err := st.object(watch.Deleted, was[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

func sortedNames(st state) []types.NamespacedName {
	names := make([]types.NamespacedName, 0, len(st))
	for name := range st {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b types.NamespacedName) int { return compareText(a.String(), b.String()) })
	return names
}

func (st *stream) object(kind watch.EventType, obj *unstructured.Unstructured) error {
	switch st.req.shape() {
	case asTable:
		t, err := st.s.table(st.req, []*unstructured.Unstructured{obj})
		if err != nil {
			return err
		}
		t.ResourceVersion = obj.GetResourceVersion()
		return st.send(kind, t)
	case asMetadata:
		return st.send(kind, metadataOnly(obj))
	default:
		return st.send(kind, obj.Object)
	}
}

func (st *stream) send(kind watch.EventType, object any) error {
	line, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		return err
	}
	if _, err := st.req.w.Write(append(line, '\n')); err != nil {
		return err
	}
	if f, ok := st.req.w.(http.Flusher); ok {
		f.Flush()
	}
	return nil
}
