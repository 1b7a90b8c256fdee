package file

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// asNobody runs do on a thread that may not do what only root may.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Getuid() == 0 {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			const nobody = 65534
			if err := syscall.Setfsuid(nobody); err != nil {
				t.Error(err)
				return
			}
		}
		do()
	}()
	<-done
}

func TestForbidden(t *testing.T) {
	b := provisioned(t)
	put(t, b, victim, "x")
	if err := os.Chmod(b.dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(b.dir, 0o700) })
	asNobody(t, func() {
		fresh := again(t, b)
		_, readErr := fresh.Read(t.Context(), victim, 0)
		_, missingErr := fresh.Read(t.Context(), "nothing", 0)
		_, writeErr := fresh.Write(t.Context(), victim, nil, hub.WriteOptions{})
		var listErr error
		for _, err := range fresh.List(t.Context(), "", "") {
			listErr = err
		}
		for what, err := range map[string]error{
			"read": readErr, "read of nothing": missingErr, "write": writeErr, "delete": fresh.Delete(t.Context(), victim, 0), "list": listErr,
		} {
			if !errors.Is(err, hub.ErrForbidden) || errors.Is(err, hub.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
