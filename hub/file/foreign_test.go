//go:build linux || darwin

package file

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// place puts a file as rsync does: beside its place, then renamed.
func place(t *testing.T, b *Bucket, key, body string) {
	t.Helper()
	final := filepath.Join(b.dir, key)
	if err := os.MkdirAll(filepath.Dir(final), 0o777); err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".Xy12Ab")
	if err := os.WriteFile(temp, []byte(body), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, final); err != nil {
		t.Fatal(err)
	}
}

func TestPlacedByHand(t *testing.T) {
	b := provisioned(t)
	place(t, b, victim, "one")
	body, first := look(t, b, victim)
	if body != "one" || first.Generation == 0 || time.Since(first.Updated).Abs() > time.Minute {
		t.Fatalf("it is %q, %+v", body, first)
	}
	if _, again := look(t, b, victim); again.Generation != first.Generation {
		t.Errorf("looked at again it is at %d, not %d", again.Generation, first.Generation)
	}
	// In place, as cp and editors do, even with the time set back.
	path := filepath.Join(b.dir, victim)
	if err := os.WriteFile(path, []byte("two"), 0o666); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	body, second := look(t, b, victim)
	if body != "two" || second.Generation == first.Generation || time.Since(second.Updated).Abs() > time.Minute {
		t.Errorf("rewritten it is %q, %+v", body, second)
	}
	_, err := b.Write(t.Context(), victim, []byte("x"), hub.WriteOptions{IfGeneration: &first.Generation})
	if !errors.Is(err, hub.ErrPrecondition) {
		t.Errorf("a write at the generation before: %v", err)
	}
	obj, err := b.ReadVersion(t.Context(), victim, first.Generation)
	if err != nil || string(obj.Body) != "one" {
		t.Errorf("what was there before reads as %v, %v", obj, err)
	}
}

func TestCopiedAgainUnchanged(t *testing.T) {
	b := provisioned(t)
	put(t, b, victim, "content")
	_, before := look(t, b, victim)
	for _, copyAgain := range []func(){
		func() { place(t, b, victim, "content") },
		func() { _ = os.WriteFile(filepath.Join(b.dir, victim), []byte("content"), 0o666) },
		func() { _ = os.Chtimes(filepath.Join(b.dir, victim), time.Now(), time.Now().Add(time.Hour)) },
	} {
		copyAgain()
		_, after := look(t, b, victim)
		if after.Generation != before.Generation || !after.Updated.Equal(before.Updated) || after.Metadata["is"] != "content" {
			t.Errorf("it was %+v, copied again it is %+v", before, after)
		}
	}
	if _, err := b.Read(t.Context(), victim, before.Generation); !errors.Is(err, hub.ErrNotModified) {
		t.Errorf("conditional read: %v", err)
	}
}

func TestEarlierContentIsANewVersion(t *testing.T) {
	b := provisioned(t)
	first := put(t, b, victim, "one")
	second := put(t, b, victim, "two")
	place(t, b, victim, "one")
	if body, attrs := look(t, b, victim); body != "one" || attrs.Generation == first || attrs.Generation == second {
		t.Errorf("it is %q at %d; earlier ones were %d and %d", body, attrs.Generation, first, second)
	}
}

func TestRemovedByHand(t *testing.T) {
	b := provisioned(t)
	first := put(t, b, victim, "one")
	if err := os.RemoveAll(filepath.Join(b.dir, "specs/default")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), victim, first); !errors.Is(err, hub.ErrNotExist) || errors.Is(err, hub.ErrNoBucket) {
		t.Errorf("read: %v", err)
	}
	if found := listed(t, b, ""); len(found) != 0 {
		t.Errorf("listed: %q", found)
	}
	if err := b.Delete(t.Context(), victim, first); !errors.Is(err, hub.ErrNotExist) {
		t.Errorf("delete: %v", err)
	}
	versions, err := b.History(t.Context(), victim)
	if err != nil || len(versions) != 1 || versions[0].Deleted.IsZero() {
		t.Errorf("history: %+v, %v", versions, err)
	}
	second, err := b.Write(t.Context(), victim, []byte("one"), hub.WriteOptions{IfGeneration: hub.IfAbsent()})
	if err != nil || second == first {
		t.Errorf("created again at %d, %v; before it was %d", second, err, first)
	}
}

func TestIgnoredFiles(t *testing.T) {
	b := provisioned(t)
	put(t, b, "specs/a.yaml", "x")
	for _, name := range []string{"specs/.a.yaml.Xy12Ab", "specs/a.yaml~", "specs/#a.yaml#", "specs/.git/config", ".git/HEAD", ".kubectl-fed/tmp/x"} {
		place(t, b, name, "x")
		if _, err := b.Read(t.Context(), name, 0); !errors.Is(err, hub.ErrInvalidKey) {
			t.Errorf("read %s: %v", name, err)
		}
		if _, err := b.Write(t.Context(), name, nil, hub.WriteOptions{}); !errors.Is(err, hub.ErrInvalidKey) {
			t.Errorf("write %s: %v", name, err)
		}
	}
	for _, prefix := range []string{"", "specs/.", ".kubectl-fed/", "specs/.git/"} {
		if found := listed(t, b, prefix); slices.ContainsFunc(found, func(k string) bool { return k != "specs/a.yaml" }) {
			t.Errorf("%q lists %q", prefix, found)
		}
	}
}

func TestSymbolicLinks(t *testing.T) {
	b := provisioned(t)
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	put(t, b, "specs/real.yaml", "x")
	for name, target := range map[string]string{
		"specs/out.yaml": secret, "specs/up.yaml": "../../" + filepath.Base(outside) + "/secret", "specs/outdir": outside,
		"specs/in.yaml": "real.yaml", "specs/dangling.yaml": "nothing", "specs/loop": ".",
	} {
		if err := os.Symlink(target, filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"specs/out.yaml", "specs/up.yaml", "specs/outdir/secret"} {
		if obj, err := b.Read(t.Context(), key, 0); !errors.Is(err, hub.ErrInvalidKey) {
			t.Errorf("read %s: %v, %v", key, obj, err)
		}
	}
	if _, err := b.Write(t.Context(), "specs/outdir/planted", []byte("x"), hub.WriteOptions{}); !errors.Is(err, hub.ErrInvalidKey) {
		t.Errorf("write through a link: %v", err)
	}
	if err := b.Delete(t.Context(), "specs/outdir/secret", 0); err == nil {
		t.Error("deleted through a link")
	}
	if found := listed(t, b, ""); !slices.Equal(found, []string{"specs/in.yaml", "specs/real.yaml"}) {
		t.Errorf("listed %q", found)
	}
	if body, _ := look(t, b, "specs/in.yaml"); body != "x" {
		t.Errorf("the link inside reads %q", body)
	}
	if err := b.Empty(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadFile(secret); err != nil || string(left) != "secret" {
		t.Errorf("the file outside is %q, %v", left, err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	b := provisioned(t)
	if err := syscall.Mkfifo(filepath.Join(b.dir, "bell"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), "bell", 0); !errors.Is(err, hub.ErrNotExist) {
		t.Errorf("read a pipe: %v", err)
	}
	if found := listed(t, b, ""); len(found) != 0 {
		t.Errorf("listed %q", found)
	}
}

func TestForeignFileTooLarge(t *testing.T) {
	b := provisioned(t)
	place(t, b, victim, "")
	path := filepath.Join(b.dir, victim)
	if err := os.Truncate(path, hub.MaxObjectSize+1); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), victim, 0); !errors.Is(err, hub.ErrTooLarge) {
		t.Errorf("read: %v", err)
	}
	if found := listed(t, b, ""); !slices.Equal(found, []string{victim}) {
		t.Errorf("listed %q", found)
	}
	if _, err := b.Write(t.Context(), victim, []byte("small"), hub.WriteOptions{}); err != nil {
		t.Errorf("it cannot be replaced: %v", err)
	}
}

func TestAKeyThatIsADirectoryOfAnother(t *testing.T) {
	b := provisioned(t)
	put(t, b, "a/b/c", "x")
	put(t, b, "f", "x")
	for _, key := range []string{"a/b", "a", "f/g", "f/g/h"} {
		_, err := b.Write(t.Context(), key, []byte("x"), hub.WriteOptions{})
		if !errors.Is(err, hub.ErrInvalidKey) || !strings.Contains(err.Error(), "cannot hold both") {
			t.Errorf("write %s: %v", key, err)
		}
	}
	if err := b.Delete(t.Context(), "a/b/c", 0); err != nil {
		t.Fatal(err)
	}
	put(t, b, "a/b", "now it can be")
	long := strings.Repeat("n", 300)
	if _, err := b.Write(t.Context(), long, nil, hub.WriteOptions{}); !errors.Is(err, hub.ErrInvalidKey) || !strings.Contains(err.Error(), "name too long") {
		t.Errorf("write a long name: %v", err)
	}
}

func TestGenerationsWhenTheClockGoesBack(t *testing.T) {
	b := provisioned(t)
	future := time.Now().Add(1000 * time.Hour).UnixMicro()
	if err := os.WriteFile(filepath.Join(b.dir, highFile), []byte(strconv.FormatInt(future, 10)), 0o666); err != nil {
		t.Fatal(err)
	}
	last := future
	for i := range 6 {
		g := put(t, b, victim, "x")
		if g <= last {
			t.Fatalf("generation %d came after %d", g, last)
		}
		last = g
		if i%2 == 1 {
			if err := b.Delete(t.Context(), victim, g); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTornRecord(t *testing.T) {
	b := provisioned(t)
	first := put(t, b, victim, "x")
	if err := os.WriteFile(filepath.Join(b.dir, recordPath(victim)), []byte("{\"key\":"), 0o666); err != nil {
		t.Fatal(err)
	}
	if body, attrs := look(t, again(t, b), victim); body != "x" || attrs.Generation <= first {
		t.Errorf("it is %q at %d, before it was at %d", body, attrs.Generation, first)
	}
}

func TestKeptVersionsAreBounded(t *testing.T) {
	b := provisioned(t)
	b.disk.sync = func(*os.File) error { return nil }
	for i := range keptVersions + 5 {
		put(t, b, victim, strconv.Itoa(i))
	}
	versions, err := b.History(t.Context(), victim)
	if err != nil || len(versions) != keptVersions || versions[0].Metadata["is"] != strconv.Itoa(keptVersions+4) {
		t.Errorf("%d versions, %v", len(versions), err)
	}
}
