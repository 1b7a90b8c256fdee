package flock

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Holders that remove the file must not let two others in at once.
func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	inside, most := 0, 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			h, err := Take(path)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			_, _ = os.Stat(path)
			mu.Lock()
			inside--
			mu.Unlock()
			if i%2 == 0 {
				h.Discard()
			} else {
				h.Release()
			}
		})
	}
	all.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
}

func TestTakeFails(t *testing.T) {
	if _, err := Take(filepath.Join(t.TempDir(), "missing", "lock")); err == nil {
		t.Error("a lock in a directory that does not exist")
	}
}
