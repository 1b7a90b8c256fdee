package hub_test

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/file"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestSpecAt(t *testing.T) {
	b, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store, ctx := hub.New(b), t.Context()
	if _, err := b.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	k := v1alpha1.Key{Namespace: "default", Resource: "configmaps", Name: "a"}
	first, err := store.CreateSpec(ctx, k, []byte("one"), v1alpha1.Provenance{Author: "me", Reason: "because"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.UpdateSpec(ctx, k, first.Generation, []byte("two"), v1alpha1.Provenance{Author: "you"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*v1alpha1.SpecRecord{first, second} {
		got, err := store.SpecAt(ctx, k, want.Generation)
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Body) != string(want.Body) || got.Generation != want.Generation || got.Provenance != want.Provenance || got.Updated.IsZero() {
			t.Errorf("generation %d reads as %+v", want.Generation, got)
		}
	}
	if _, err := store.SpecAt(ctx, k, first.Generation-1); !apierrors.IsNotFound(err) {
		t.Errorf("a version that never was: %v", err)
	}
	if err := store.DeleteSpec(ctx, k, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := store.SpecAt(ctx, k, second.Generation); err != nil || string(got.Body) != "two" {
		t.Errorf("after the delete: %v, %v", got, err)
	}
	if _, err := store.SpecAt(ctx, v1alpha1.Key{Name: "a"}, 1); !apierrors.IsBadRequest(err) {
		t.Errorf("no key: %v", err)
	}
}
