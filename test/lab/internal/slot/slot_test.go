package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func anySlot(int) bool { return true }

func owner(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func claim(t *testing.T, r Registry, owner string, want int) {
	t.Helper()
	if n, err := r.Claim(owner, anySlot); err != nil || n != want {
		t.Errorf("Claim(%s) = %d, %v; want %d", filepath.Base(owner), n, err, want)
	}
}

func TestClaims(t *testing.T) {
	r := Registry{Dir: t.TempDir(), Slots: 3}
	a, b, c, d := owner(t, "a"), owner(t, "b"), owner(t, "c"), owner(t, "d")
	claim(t, r, a, 0)
	claim(t, r, b, 1)
	claim(t, r, c, 2)
	if _, err := r.Claim(d, anySlot); !errors.Is(err, ErrNone) {
		t.Errorf("Claim without a free slot: %v; want ErrNone", err)
	}
	if err := r.Release(1, a); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Claim(d, anySlot); !errors.Is(err, ErrNone) {
		t.Errorf("a slot was released by another than its owner: %v", err)
	}
	if err := r.Release(1, b); err != nil {
		t.Fatal(err)
	}
	claim(t, r, d, 1)
	if err := os.Remove(c); err != nil {
		t.Fatal(err)
	}
	claim(t, r, b, 2) // nobody stands behind c's claim any more
}

func TestUnusableSlotIsPassedOver(t *testing.T) {
	r := Registry{Dir: t.TempDir(), Slots: 3}
	n, err := r.Claim(owner(t, "a"), func(n int) bool { return n != 0 })
	if err != nil || n != 1 {
		t.Errorf("Claim = %d, %v; want 1", n, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	const many = 40
	r := Registry{Dir: t.TempDir(), Slots: many}
	got := make([]int, many)
	var all sync.WaitGroup
	for i := range many {
		dir := owner(t, fmt.Sprint(i))
		all.Go(func() {
			n, err := r.Claim(dir, anySlot)
			if err != nil {
				t.Error(err)
			}
			got[i] = n
		})
	}
	all.Wait()
	seen := map[int]bool{}
	for _, n := range got {
		seen[n] = true
	}
	if len(seen) != many {
		t.Errorf("%d claimants share %d slots", many, len(seen))
	}
	entries, err := os.ReadDir(r.Dir)
	if err != nil || len(entries) != many {
		t.Errorf("%d files in the registry, %v; want the %d claims only", len(entries), err, many)
	}
}
