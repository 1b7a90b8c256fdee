package memory

import (
	"context"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Traffic is Document; its serial is its generation.
func (f *Hub) Traffic(ctx context.Context, last int64) (*v1alpha1.Traffic, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.TrafficError != nil:
		return nil, 0, f.TrafficError
	case f.Document == nil:
		return nil, 0, apierrors.NewNotFound(schema.GroupResource{Resource: "traffic"}, "traffic/document.json")
	case f.Document.Serial == last:
		return nil, last, ctx.Err()
	}
	d := *f.Document
	return &d, d.Serial, ctx.Err()
}

// Publish replaces Document as the leader does, from what it is.
func (f *Hub) Publish(change func(*v1alpha1.Traffic) *v1alpha1.Traffic) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := *change(f.Document)
	next.Serial = f.Document.Serial + 1
	f.Document = &next
}

// Edges lists Carriers without what they see.
func (f *Hub) Edges(context.Context) ([]v1alpha1.Edge, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []v1alpha1.Edge
	for _, name := range slices.Sorted(maps.Keys(f.Carriers)) {
		e := f.Carriers[name]
		e.Health = nil
		list = append(list, e)
	}
	return list, nil
}

// Edge is one of Carriers.
func (f *Hub) Edge(_ context.Context, name string) (*v1alpha1.Edge, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.Carriers[name]
	if !ok {
		return nil, 0, apierrors.NewNotFound(schema.GroupResource{Resource: "edges"}, name)
	}
	return &e, e.Sequence, nil
}

// Register puts one of Carriers as an edge does.
func (f *Hub) Register(e v1alpha1.Edge) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Carriers[e.Name] = e
}

// DeleteEdge removes one of Carriers.
func (f *Hub) DeleteEdge(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.Carriers, name)
	return nil
}
