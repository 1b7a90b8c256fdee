//go:build linux || darwin

package file

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func wasKilled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func TestKilledBetweenTheStepsOfAWrite(t *testing.T) {
	for step, want := range map[string]string{
		"staged": "old", "settled": "old", "announced": "old", "renamed": "new", "archived": "new",
	} {
		t.Run(step, func(t *testing.T) {
			b := provisioned(t)
			before := put(t, b, victim, "old")
			if err := helper(t, "die writing", b.dir, step).Run(); !wasKilled(err) {
				t.Fatalf("the writer ended with %v", err)
			}
			body, attrs := look(t, b, victim)
			if body != want || attrs.Metadata["is"] != want {
				t.Errorf("the object is %q with %v, want %q", body, attrs.Metadata, want)
			}
			if (attrs.Generation == before) != (want == "old") {
				t.Errorf("%q is at %d, before it was %d", body, attrs.Generation, before)
			}
			afterwards(t, b, before, attrs.Generation)
		})
	}
}

// afterwards goes on where the dead writer stopped.
func afterwards(t *testing.T, b *Bucket, seen ...int64) {
	t.Helper()
	g := put(t, b, victim, "next")
	for _, old := range seen {
		if g == old {
			t.Errorf("generation %d came twice", g)
		}
	}
	versions, err := b.History(t.Context(), victim)
	if err != nil {
		t.Fatal(err)
	}
	live := map[int64]bool{g: true}
	for _, old := range seen {
		live[old] = true
	}
	if len(versions) != len(live) {
		t.Errorf("the history has %d versions, want %d: %+v", len(versions), len(live), versions)
	}
	for _, v := range versions {
		if obj, err := b.ReadVersion(t.Context(), victim, v.Generation); !live[v.Generation] || err != nil || string(obj.Body) != v.Metadata["is"] {
			t.Errorf("version %+v reads as %v, %v", v, obj, err)
		}
	}
	root, err := b.root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	removeStaleTemps(root, time.Now().Add(2*maxTempAge))
	if left, err := os.ReadDir(b.dir + "/" + tempDir); err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
}

func TestKilledBetweenTheStepsOfADelete(t *testing.T) {
	for step, there := range map[string]bool{"announced": true, "removed": false} {
		t.Run(step, func(t *testing.T) {
			b := provisioned(t)
			before := put(t, b, victim, "old")
			if err := helper(t, "die deleting", b.dir, step).Run(); !wasKilled(err) {
				t.Fatalf("the deleter ended with %v", err)
			}
			obj, err := b.Read(t.Context(), victim, 0)
			if there && (err != nil || obj.Generation != before) {
				t.Errorf("read %v, %v, want it as it was", obj, err)
			}
			if !there && !errors.Is(err, hub.ErrNotExist) {
				t.Errorf("read %v, %v, want it gone", obj, err)
			}
			// The same content, placed by hand after the delete, is a new object.
			place(t, b, victim, "old")
			if _, attrs := look(t, b, victim); attrs.Generation == before {
				t.Errorf("generation %d came twice", before)
			}
		})
	}
}

func TestKilledAtAnyTime(t *testing.T) {
	const rounds = 25
	b := provisioned(t)
	bodies := map[string]string{} // by key and generation
	for round := range rounds {
		cmd := helper(t, "write on", b.dir, strconv.Itoa(round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // where it dies is left to chance
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); !wasKilled(err) {
			t.Fatalf("the writer ended with %v", err)
		}
		for _, key := range listed(t, b, "specs/") {
			body, attrs := look(t, b, key)
			name := attrs.Metadata["is"]
			if name == "" || body != strings.Repeat(name+"\n", 500) {
				t.Fatalf("%s with %v is torn: %d bytes beginning %.20q", key, attrs.Metadata, len(body), body)
			}
			id := key + "@" + strconv.FormatInt(attrs.Generation, 10)
			if before, ok := bodies[id]; ok && before != body {
				t.Errorf("%s has two contents", id)
			}
			bodies[id] = body
		}
	}
}

func TestProcessesIncrementTogether(t *testing.T) {
	const processes, each = 4, 15
	b := provisioned(t)
	var started []*exec.Cmd
	for range processes {
		cmd := helper(t, "increment", b.dir, strconv.Itoa(each))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started = append(started, cmd)
	}
	for _, cmd := range started {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if body, _ := look(t, b, "counter"); body != strconv.Itoa(processes*each) {
		t.Errorf("%d increments made %s", processes*each, body)
	}
}
