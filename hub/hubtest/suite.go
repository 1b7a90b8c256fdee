// Package hubtest is the conformance suite of hub.Bucket: in goes a way to get
// an empty, provisioned bucket, out come the failures. It knows no backend.
package hubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// Run runs every test on a new bucket of its own.
func Run(t *testing.T, open func(t *testing.T) hub.Bucket) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, hub.Bucket)
	}{
		{"read and write", readAndWrite},
		{"missing objects", missingObjects},
		{"preconditions of writes", writePreconditions},
		{"preconditions of deletes", deletePreconditions},
		{"conditional reads", conditionalReads},
		{"a create race has one winner", createRace},
		{"increments are not lost", increments},
		{"generations are never used twice", generations},
		{"listing", listing},
		{"a listing of many", listingMany},
		{"a listing can be left", listingLeft},
		{"metadata", metadata},
		{"keys stay below the root", badKeys},
		{"objects are not too large", tooLarge},
		{"any bytes", anyBytes},
		{"a cancelled context ends every call", cancelled},
		{"readers see whole objects", wholeObjects},
		{"history", history},
		{"history outlives a delete", historyOfDeleted},
		{"provisioned again", provisionAgain},
		{"emptied", emptied},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// patience bounds every test; nothing waits for it when all is well.
const patience = 2 * time.Minute

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func write(t *testing.T, b hub.Bucket, key, body string) int64 {
	t.Helper()
	g, err := b.Write(deadline(t), key, []byte(body), hub.WriteOptions{})
	if err != nil {
		t.Fatalf("write %s: %v", key, err)
	}
	if g == 0 {
		t.Fatalf("write %s: the generation is 0", key)
	}
	return g
}

func read(t *testing.T, b hub.Bucket, key string) *hub.Object {
	t.Helper()
	obj, err := b.Read(deadline(t), key, 0)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return obj
}

func list(t *testing.T, b hub.Bucket, prefix, offset string) []hub.Attrs {
	t.Helper()
	var found []hub.Attrs
	for attrs, err := range b.List(deadline(t), prefix, offset) {
		if err != nil {
			t.Fatalf("list %q from %q: %v", prefix, offset, err)
		}
		found = append(found, attrs)
	}
	return found
}

func keys(found []hub.Attrs) []string {
	names := make([]string, len(found))
	for i, a := range found {
		names[i] = a.Key
	}
	return names
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func readAndWrite(t *testing.T, b hub.Bucket) {
	const key = "specs/default/configmaps/a.yaml"
	for _, body := range []string{"one", "", "three\n"} {
		g := write(t, b, key, body)
		obj := read(t, b, key)
		if string(obj.Body) != body || obj.Generation != g || obj.Key != key || obj.Size != int64(len(body)) {
			t.Errorf("read %+v with body %q after writing %q at %d", obj.Attrs, obj.Body, body, g)
		}
	}
}

func missingObjects(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	write(t, b, "a/b", "x")
	for _, key := range []string{"nothing", "a/c", "a", "a/b/c"} {
		_, err := b.Read(ctx, key, 0)
		wantErr(t, "read "+key, err, hub.ErrNotExist)
		if errors.Is(err, hub.ErrNoBucket) {
			t.Errorf("read %s: %v blames the bucket", key, err)
		}
		_, err = b.Read(ctx, key, 5)
		wantErr(t, "conditional read "+key, err, hub.ErrNotExist)
		wantErr(t, "delete "+key, b.Delete(ctx, key, 0), hub.ErrNotExist)
	}
	if found := list(t, b, "nothing/", ""); len(found) != 0 {
		t.Errorf("listing found %v", keys(found))
	}
}

func writePreconditions(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	conditional := func(body string, g int64) (int64, error) {
		return b.Write(ctx, "k", []byte(body), hub.WriteOptions{IfGeneration: &g})
	}
	_, err := conditional("x", 7)
	wantErr(t, "replace what is not there", err, hub.ErrPrecondition)
	first, err := conditional("one", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conditional("x", 0)
	wantErr(t, "create what is there", err, hub.ErrPrecondition)
	second, err := conditional("two", first)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conditional("x", first)
	wantErr(t, "replace a generation that passed", err, hub.ErrPrecondition)
	if obj := read(t, b, "k"); string(obj.Body) != "two" || obj.Generation != second {
		t.Errorf("after refused writes the object is %q at %d, want two at %d", obj.Body, obj.Generation, second)
	}
}

func deletePreconditions(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	first := write(t, b, "k", "one")
	second := write(t, b, "k", "two")
	wantErr(t, "stale delete", b.Delete(ctx, "k", first), hub.ErrPrecondition)
	if obj := read(t, b, "k"); obj.Generation != second {
		t.Fatalf("a refused delete changed the object to generation %d", obj.Generation)
	}
	if err := b.Delete(ctx, "k", second); err != nil {
		t.Fatal(err)
	}
	_, err := b.Read(ctx, "k", 0)
	wantErr(t, "read what was deleted", err, hub.ErrNotExist)
	wantErr(t, "delete it again", b.Delete(ctx, "k", second), hub.ErrNotExist)
	if found := list(t, b, "", ""); len(found) != 0 {
		t.Errorf("the listing still has %v", keys(found))
	}
}

func conditionalReads(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	first := write(t, b, "bell", "one")
	_, err := b.Read(ctx, "bell", first)
	wantErr(t, "read the generation one has", err, hub.ErrNotModified)
	second := write(t, b, "bell", "two")
	obj, err := b.Read(ctx, "bell", first)
	if err != nil || string(obj.Body) != "two" || obj.Generation != second {
		t.Errorf("read of a newer generation: %v, %v", obj, err)
	}
	_, err = b.Read(ctx, "bell", second)
	wantErr(t, "read the newer generation again", err, hub.ErrNotModified)
}

func generations(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	seen := map[int64]bool{}
	for i := range 30 {
		g := write(t, b, "specs/k.yaml", "the same content")
		if seen[g] {
			t.Fatalf("generation %d came twice", g)
		}
		seen[g] = true
		if i%3 == 2 {
			if err := b.Delete(ctx, "specs/k.yaml", g); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func metadata(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	want := map[string]string{"author": "Zoë <z@example.com>", "reason": "a \"quoted\" reason"}
	g, err := b.Write(ctx, "specs/k.yaml", []byte("x"), hub.WriteOptions{Metadata: want})
	if err != nil {
		t.Fatal(err)
	}
	got := list(t, b, "specs/k.yaml", "")
	if len(got) != 1 || !maps.Equal(got[0].Metadata, want) {
		t.Fatalf("listed %+v, want the metadata %v", got, want)
	}
	if _, err := b.Write(ctx, "specs/k.yaml", []byte("x"), hub.WriteOptions{IfGeneration: &g}); err != nil {
		t.Fatal(err)
	}
	if got := list(t, b, "specs/k.yaml", ""); len(got) != 1 || len(got[0].Metadata) != 0 {
		t.Errorf("a write without metadata left %+v", got)
	}
}

func badKeys(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	for _, key := range []string{"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "a\x00b", "a\nb", `a\b`, "a\xff", strings.Repeat("k", hub.MaxKeyLength+1)} {
		_, err := b.Read(ctx, key, 0)
		wantErr(t, fmt.Sprintf("read %q", key), err, hub.ErrInvalidKey)
		_, err = b.Write(ctx, key, []byte("x"), hub.WriteOptions{})
		wantErr(t, fmt.Sprintf("write %q", key), err, hub.ErrInvalidKey)
		wantErr(t, fmt.Sprintf("delete %q", key), b.Delete(ctx, key, 0), hub.ErrInvalidKey)
	}
	for _, prefix := range []string{"../", "/", "a/../../"} {
		for attrs, err := range b.List(ctx, prefix, "") {
			if err == nil {
				t.Errorf("listing %q found %q", prefix, attrs.Key)
			}
			wantErr(t, fmt.Sprintf("list %q", prefix), err, hub.ErrInvalidKey)
		}
	}
}

func tooLarge(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	_, err := b.Write(ctx, "k", make([]byte, hub.MaxObjectSize+1), hub.WriteOptions{})
	wantErr(t, "write", err, hub.ErrTooLarge)
	_, err = b.Read(ctx, "k", 0)
	wantErr(t, "read what was refused", err, hub.ErrNotExist)
}

func anyBytes(t *testing.T, b hub.Bucket) {
	body := bytes.Repeat([]byte{0, 1, '\r', '\n', 0xff, '-', '-'}, 30_000)
	if _, err := b.Write(deadline(t), "blob", body, hub.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, b, "blob").Body, body) {
		t.Error("the bytes read are not the bytes written")
	}
}

func cancelled(t *testing.T, b hub.Bucket) {
	g := write(t, b, "k", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Read(ctx, "k", 0)
	wantErr(t, "read", err, context.Canceled)
	_, err = b.Write(ctx, "k", []byte("y"), hub.WriteOptions{})
	wantErr(t, "write", err, context.Canceled)
	wantErr(t, "delete", b.Delete(ctx, "k", g), context.Canceled)
	for _, err := range b.List(ctx, "", "") {
		wantErr(t, "list", err, context.Canceled)
	}
	if obj := read(t, b, "k"); obj.Generation != g {
		t.Error("a cancelled write took effect")
	}
}
