//go:build linux || darwin

package file

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// A process that holds the lock, stopped or hung, stops writers but neither
// for longer than they want to wait, nor readers at all.
func TestWaitingForTheLockIsBounded(t *testing.T) {
	b := provisioned(t)
	g := put(t, b, victim, "x")
	other := again(t, b)
	root, err := b.root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	unlock, err := b.lock(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, waiting := range []*Bucket{other, b} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, err := waiting.Write(ctx, victim, []byte("y"), hub.WriteOptions{})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, hub.ErrUnknownOutcome) {
			t.Errorf("write under another's lock: %v", err)
		}
		if obj, err := waiting.Read(t.Context(), victim, 0); err != nil || obj.Generation != g {
			t.Errorf("read under another's lock: %v, %v", obj, err)
		}
	}
	unlock()
	if now := put(t, other, victim, "z"); now == g {
		t.Errorf("generation %d came twice", g)
	}
}
