//go:build linux || darwin

package file

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// fullAt makes the nth write of the bucket stop half way, and every later one
// fail at once.
func fullAt(b *Bucket, nth int) {
	b.disk.write = func(f *os.File, data []byte) (int, error) {
		if nth--; nth > 0 {
			return f.Write(data)
		}
		n, _ := f.Write(data[:len(data)/2])
		return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
}

func TestFullDiskLeavesTheOldObject(t *testing.T) {
	// The first write is of the content, the second of the record.
	for nth, what := range map[int]string{1: "content", 2: "record"} {
		t.Run(what, func(t *testing.T) {
			b := provisioned(t)
			before := put(t, b, victim, "old")
			fullAt(b, nth)
			_, err := b.Write(t.Context(), victim, []byte("new content"), hub.WriteOptions{})
			if !errors.Is(err, hub.ErrUnavailable) || errors.Is(err, hub.ErrUnknownOutcome) || !strings.Contains(err.Error(), "no space left on device") {
				t.Errorf("write on a full disk: %v", err)
			}
			unchanged(t, b, before)
		})
	}
}

func TestFullDiskWhileTheFileIsRenamed(t *testing.T) {
	b := provisioned(t)
	before := put(t, b, victim, "old")
	b.disk.rename = func(root *os.Root, from, to string) error {
		if to == victim {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.ENOSPC}
		}
		return root.Rename(from, to)
	}
	if _, err := b.Write(t.Context(), victim, []byte("new"), hub.WriteOptions{}); !errors.Is(err, hub.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	unchanged(t, b, before)
	place(t, b, victim, "old")
	unchanged(t, b, before)
}

func unchanged(t *testing.T, b *Bucket, generation int64) {
	t.Helper()
	body, attrs := look(t, b, victim)
	if body != "old" || attrs.Generation != generation || attrs.Metadata["is"] != "old" {
		t.Errorf("the object is %q, %+v; want it as it was at %d", body, attrs, generation)
	}
	if left, err := os.ReadDir(b.dir + "/" + tempDir); err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
}

// A version that cannot be kept does not undo the write; the next one makes up
// for it.
func TestFullDiskForTheVersion(t *testing.T) {
	b := provisioned(t)
	fullAt(b, 3)
	first := put(t, b, victim, "one")
	b.disk = realDisk()
	put(t, b, victim, "two")
	obj, err := b.ReadVersion(t.Context(), victim, first)
	if err != nil || string(obj.Body) != "one" {
		t.Errorf("the first version reads as %v, %v", obj, err)
	}
}

func TestFailingSync(t *testing.T) {
	for nth, unknown := range map[int]bool{1: false, 2: true} { // of the file, of the directory
		b := provisioned(t)
		before := put(t, b, victim, "old")
		b.disk.sync = func(f *os.File) error {
			if nth--; nth == 0 {
				return &os.PathError{Op: "sync", Path: f.Name(), Err: syscall.EIO}
			}
			return f.Sync()
		}
		_, err := b.Write(t.Context(), victim, []byte("new"), hub.WriteOptions{})
		if !errors.Is(err, hub.ErrUnavailable) || errors.Is(err, hub.ErrUnknownOutcome) != unknown || !strings.Contains(err.Error(), "input/output error") {
			t.Errorf("write: %v, want its outcome unknown: %v", err, unknown)
		}
		if _, attrs := look(t, b, victim); (attrs.Generation != before) != unknown {
			t.Errorf("the object is at %d, before it was %d", attrs.Generation, before)
		}
	}
}
