package hubtest

import (
	"slices"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

const historic = "specs/default/configmaps/a.yaml"

func historian(t *testing.T, b hub.Bucket) hub.Historian {
	t.Helper()
	h, ok := b.(hub.Historian)
	if !ok {
		t.Fatal("the bucket keeps no history")
	}
	return h
}

func versionsOf(t *testing.T, h hub.Historian, key string) []hub.Version {
	t.Helper()
	versions, err := h.History(deadline(t), key)
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

func history(t *testing.T, b hub.Bucket) {
	h := historian(t, b)
	ctx := deadline(t)
	bodies := []string{"one", "two", "three"}
	var generations []int64
	for _, body := range bodies {
		g, err := b.Write(ctx, historic, []byte(body), hub.WriteOptions{Metadata: map[string]string{"reason": body}})
		if err != nil {
			t.Fatal(err)
		}
		generations = append(generations, g)
	}
	write(t, b, historic+".other", "x")
	versions := versionsOf(t, h, historic)
	if len(versions) != len(bodies) {
		t.Fatalf("%d versions, want %d: %+v", len(versions), len(bodies), versions)
	}
	slices.Reverse(versions)
	for i, v := range versions {
		live := i == len(bodies)-1
		if v.Generation != generations[i] || v.Metadata["reason"] != bodies[i] || v.Deleted.IsZero() != live || v.Updated.IsZero() {
			t.Errorf("version %d is %+v, want generation %d", i, v, generations[i])
		}
		obj, err := h.ReadVersion(ctx, historic, v.Generation)
		if err != nil || string(obj.Body) != bodies[i] || obj.Generation != generations[i] || obj.Metadata["reason"] != bodies[i] {
			t.Errorf("version %d reads as %+v, %v", i, obj, err)
		}
	}
	_, err := h.ReadVersion(ctx, historic, generations[0]-1)
	wantErr(t, "read a version that never was", err, hub.ErrNotExist)
}

func historyOfDeleted(t *testing.T, b hub.Bucket) {
	h := historian(t, b)
	ctx := deadline(t)
	if versions := versionsOf(t, h, historic); len(versions) != 0 {
		t.Fatalf("what never was has versions %+v", versions)
	}
	first := write(t, b, historic, "one")
	if err := b.Delete(ctx, historic, first); err != nil {
		t.Fatal(err)
	}
	versions := versionsOf(t, h, historic)
	if len(versions) != 1 || versions[0].Generation != first || versions[0].Deleted.IsZero() {
		t.Fatalf("after the delete: %+v", versions)
	}
	obj, err := h.ReadVersion(ctx, historic, first)
	if err != nil || string(obj.Body) != "one" {
		t.Errorf("the deleted version reads as %v, %v", obj, err)
	}
	second := write(t, b, historic, "two")
	versions = versionsOf(t, h, historic)
	if len(versions) != 2 || versions[0].Generation != second || !versions[0].Deleted.IsZero() || versions[1].Deleted.IsZero() {
		t.Errorf("after it was created again: %+v", versions)
	}
}

func provisionAgain(t *testing.T, b hub.Bucket) {
	g := write(t, b, "specs/k.yaml", "x")
	p := provisioner(t, b)
	for range 2 {
		if _, err := p.Provision(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	if obj := read(t, b, "specs/k.yaml"); obj.Generation != g {
		t.Errorf("provisioning changed an object to generation %d", obj.Generation)
	}
	if found := keys(list(t, b, "", "")); !slices.Equal(found, []string{"specs/k.yaml"}) {
		t.Errorf("provisioning left %q", found)
	}
}

func provisioner(t *testing.T, b hub.Bucket) hub.Provisioner {
	t.Helper()
	p, ok := b.(hub.Provisioner)
	if !ok {
		t.Fatal("the bucket cannot be provisioned")
	}
	return p
}

func emptied(t *testing.T, b hub.Bucket) {
	p := provisioner(t, b)
	ctx := deadline(t)
	for _, key := range []string{"federation.yaml", historic, historic, "shards/a/1", "status/x/y/z"} {
		write(t, b, key, "x")
	}
	removed := 0
	if err := p.Empty(ctx, func(n int) { removed = n }); err != nil {
		t.Fatal(err)
	}
	if removed < 4 {
		t.Errorf("told of %d removed, want 4 at least", removed)
	}
	_, err := b.Read(ctx, "federation.yaml", 0)
	wantErr(t, "read in the emptied bucket", err, hub.ErrNotExist)
	if _, err := p.Provision(ctx); err != nil {
		t.Fatalf("provision after emptying: %v", err)
	}
	if found := list(t, b, "", ""); len(found) != 0 {
		t.Errorf("left: %q", keys(found))
	}
	if versions := versionsOf(t, historian(t, b), historic); len(versions) != 0 {
		t.Errorf("left versions: %+v", versions)
	}
}
