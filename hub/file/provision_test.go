//go:build linux || darwin

package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func TestNoBucket(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nothing")
	unmounted := t.TempDir()
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for dir, words := range map[string]string{
		missing: "file://" + missing + "; create it with kubectl fed init", unmounted: "never set up", plain: plain,
	} {
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, readErr := b.Read(t.Context(), "bell", 0)
		_, writeErr := b.Write(t.Context(), "bell", nil, hub.WriteOptions{})
		var listErr error
		for _, err := range b.List(t.Context(), "specs/", "") {
			listErr = err
		}
		for what, err := range map[string]error{
			"read": readErr, "write": writeErr, "delete": b.Delete(t.Context(), "bell", 0), "list": listErr, "empty": b.Empty(t.Context(), nil),
		} {
			if !errors.Is(err, hub.ErrNoBucket) || !errors.Is(err, hub.ErrNotExist) || !strings.Contains(err.Error(), words) {
				t.Errorf("%s in %s: %v", what, dir, err)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s has %v now", dir, left)
		}
	}
}

func TestBucketMovedAwayAndBack(t *testing.T) {
	b := provisioned(t)
	g := put(t, b, victim, "x")
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(b.dir, away); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), victim, g); !errors.Is(err, hub.ErrNoBucket) {
		t.Errorf("read while it is away: %v", err)
	}
	if err := os.Rename(away, b.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), victim, g); !errors.Is(err, hub.ErrNotModified) {
		t.Errorf("read when it is back: %v", err)
	}
}

func TestProvisionRefusesOtherData(t *testing.T) {
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	place(t, b, "thesis.tex", "years of work")
	if _, err := b.Provision(t.Context()); err == nil || !strings.Contains(err.Error(), `"thesis.tex"`) {
		t.Errorf("provision: %v", err)
	}
	if err := b.Empty(t.Context(), nil); !errors.Is(err, hub.ErrNoBucket) {
		t.Errorf("empty: %v", err)
	}
	if left, err := os.ReadDir(b.dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestProvisionTakesSpecsThatAreThere(t *testing.T) {
	b, err := Open(filepath.Join(t.TempDir(), "new", "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	place(t, b, victim, "x")
	if _, err := b.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	look(t, b, victim)
}

func TestEmptyLeavesAnEmptyDirectory(t *testing.T) {
	b := provisioned(t)
	put(t, b, victim, "x")
	place(t, b, "specs/.hidden", "x")
	place(t, b, ".git/HEAD", "not ours")
	removed := 0
	if err := b.Empty(t.Context(), func(n int) { removed = n }); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(b.dir)
	if err != nil || len(left) != 1 || left[0].Name() != ".git" || removed == 0 {
		t.Errorf("left: %v, %v, told of %d", left, err, removed)
	}
}
