package memory

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// keep makes a version the newest.
func (f *Hub) keep(rec v1alpha1.SpecRecord) {
	f.Specs[rec.Key] = rec
	f.Past[rec.Key] = append(f.Past[rec.Key], rec)
}

// SpecHistory lists Past, newest first.
func (f *Hub) SpecHistory(_ context.Context, key v1alpha1.Key) ([]v1alpha1.SpecRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.Clone(f.Past[key])
	slices.Reverse(list)
	for i := range list {
		list[i].Body = nil
	}
	return list, nil
}

// SpecAt is one of Past.
func (f *Hub) SpecAt(_ context.Context, key v1alpha1.Key, generation int64) (*v1alpha1.SpecRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rec := range f.Past[key] {
		if rec.Generation == generation {
			return &rec, nil
		}
	}
	return nil, apierrors.NewNotFound(key.GroupResource(), key.Name)
}
