package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// await waits until the document says what was asked for, and every live edge
// serves it.
func (o *trafficWeight) await(ctx context.Context, hub Hub) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	watch := &edgeWatch{session: o.session, beats: map[string]heard{}}
	told, left := o.now(), "the leader has not looked yet"
	for {
		now, err := o.left(ctx, hub, watch)
		switch {
		case err == nil && now == "":
			return nil
		case err == nil:
			left = now
		case !apierrors.IsServiceUnavailable(err) && ctx.Err() == nil:
			return err
		}
		if o.now().Sub(told) >= progressEvery {
			told = o.now()
			fmt.Fprintf(o.ErrOut, "waiting for the edges: %s\n", left)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not served by every edge within %s (%s); it goes on by itself. See kubectl fed traffic get", o.timeout, left)
		case <-time.After(o.pollEvery):
		}
	}
}

// left tells what is still to happen; empty when nothing is.
func (o *trafficWeight) left(ctx context.Context, hub Hub, watch *edgeWatch) (string, error) {
	t, _, err := hub.Traffic(ctx, 0)
	if apierrors.IsNotFound(err) {
		return "", nil // nothing is served, so nobody has to follow
	}
	if err != nil {
		return "", fmt.Errorf("it is written; whether edges follow cannot be seen: read what is served: %w", err)
	}
	for _, w := range o.weights {
		if !shows(t, w) {
			return fmt.Sprintf("the leader has not followed cluster %s yet", w.cluster), nil
		}
	}
	edges, err := hub.Edges(ctx)
	if err != nil {
		return "", fmt.Errorf("read the edges: %w", err)
	}
	if late := watch.behind(edges, t); len(late) > 0 {
		return fmt.Sprintf("document %d is not served by %s yet", t.Serial, strings.Join(late, ", ")), nil
	}
	return "", nil
}

// shows: the document says of the cluster what was asked for. What is out has
// no weight to look at, and what is kept may have that of before.
func shows(t *v1alpha1.Traffic, w clusterWeight) bool {
	return !slices.ContainsFunc(behindAll(t, w.cluster), func(b behind) bool {
		drained := b.State == v1alpha1.BackendDrained
		return drained != (w.value() == 0) || b.State == v1alpha1.BackendServing && b.BackendCluster.Weight != w.value()
	})
}

// edgeWatch tells live edges from silent ones by whether they go on beating,
// whatever their clocks say.
type edgeWatch struct {
	*session
	beats map[string]heard
}

type heard struct {
	process  string
	sequence int64
	since    time.Time
	// moved: it has beaten while we looked.
	moved bool
}

// behind names the live edges that do not serve a document yet.
func (w *edgeWatch) behind(edges []v1alpha1.Edge, t *v1alpha1.Traffic) []string {
	var late []string
	for i := range edges {
		e := &edges[i]
		if w.live(e) && (e.Epoch < t.Epoch || e.Epoch == t.Epoch && e.Serial < t.Serial) {
			late = append(late, e.Name)
		}
	}
	return late
}

func (w *edgeWatch) live(e *v1alpha1.Edge) bool {
	h, known := w.beats[e.Name]
	if !known || h.process != e.Process || h.sequence != e.Sequence {
		h = heard{process: e.Process, sequence: e.Sequence, since: w.now(), moved: known}
		w.beats[e.Name] = h
	}
	if w.now().Sub(h.since) > 3*beat(e) {
		return false
	}
	return h.moved || !w.silent(e)
}
