package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "12 (a) R (b) c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 200\n"
	state, start, err := parseStat([]byte(line))
	if err != nil || state != 'S' || start != 98765 {
		t.Errorf("parseStat = %c, %d, %v; want S, 98765", state, start, err)
	}
	for _, bad := range []string{"", "12 (a", "12 (a) S 1", "12 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x 1", "12 (a) SS 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("parseStat(%q) did not fail", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte(") ) ("))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _, _ = parseStat(b) })
}

// sleeper starts a process that does nothing until the test ends.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// becomes waits for a state, for signals are delivered in their own time.
func becomes(t *testing.T, id Identity, want State) {
	t.Helper()
	for range 500 {
		if id.State() == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("state is %d; want %d", id.State(), want)
}

func TestLife(t *testing.T) {
	cmd := sleeper(t)
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	becomes(t, id, Running)
	for _, step := range []struct {
		sig  syscall.Signal
		want State
	}{{syscall.SIGSTOP, Paused}, {syscall.SIGCONT, Running}, {syscall.SIGKILL, Gone}} {
		if err := id.Signal(step.sig); err != nil {
			t.Fatalf("%v: %v", step.sig, err)
		}
		becomes(t, id, step.want) // the killed one is not reaped yet
	}
	if err := id.Signal(syscall.SIGCONT); !errors.Is(err, ErrGone) {
		t.Errorf("signal to a dead process: %v; want ErrGone", err)
	}
}

// An id that was given to another process must never lead to that process.
func TestStrangerIsLeftAlone(t *testing.T) {
	cmd := sleeper(t)
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	earlier, otherBoot := id, id
	earlier.Start--
	otherBoot.Boot = "another"
	for _, stale := range []Identity{earlier, otherBoot} {
		if s := stale.State(); s != Gone {
			t.Errorf("%+v: state %d; want Gone", stale, s)
		}
		if err := stale.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
			t.Errorf("%+v: signal: %v; want ErrGone", stale, err)
		}
	}
	becomes(t, id, Running)
}

// A process that its parent has left behind is no child any more; those below
// living ones are found, parents first.
func TestTree(t *testing.T) {
	cmd := exec.Command("sh", "-c", `sleep 60 & echo $!; wait`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Fscan(out, &child); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	tree := id.Tree()
	if len(tree) != 2 || tree[0] != id || tree[1].PID != child {
		t.Errorf("tree of %d is %v, want it and %d", id.PID, tree, child)
	}
	for _, p := range tree {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	_ = cmd.Wait()
	if tree := id.Tree(); len(tree) != 0 {
		t.Errorf("tree of an ended process is %v", tree)
	}
}
