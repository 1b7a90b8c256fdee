package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestRemoveLeavesOthersAlone(t *testing.T) {
	root := t.TempDir()
	for _, d := range []string{"memory/labs/1/0/pod", "memory/labs/2/0", "cpu/labs/1/0", "labs/1/0"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // nothing left to remove is no error
		if err := Remove(root, "/labs/1"); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]bool{"memory/labs/1": false, "memory/labs/2/0": true, "cpu/labs": false, "cpu": true, "labs": false} {
		_, err := os.Stat(filepath.Join(root, dir))
		if there := !errors.Is(err, fs.ErrNotExist); there != want {
			t.Errorf("%s is there: %v; want %v", dir, there, want)
		}
	}
}
