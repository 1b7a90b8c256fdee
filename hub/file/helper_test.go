//go:build linux || darwin

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/hubtest"
)

// The test binary runs itself as another process that uses the bucket.
const (
	roleVar = "FILE_TEST_ROLE"
	dirVar  = "FILE_TEST_DIR"
	argVar  = "FILE_TEST_ARG"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, os.Getenv(dirVar), os.Getenv(argVar)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(role, dir, arg string) error {
	b, err := Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	switch role {
	case "increment":
		n, err := strconv.Atoi(arg)
		for i := 0; i < n && err == nil; i++ {
			err = hubtest.Increment(ctx, b, "counter")
		}
		return err
	case "die writing":
		b.disk.step = dieAt(arg)
		_, err := b.Write(ctx, victim, []byte("new"), hub.WriteOptions{Metadata: map[string]string{"is": "new"}})
		return errors.Join(err, errors.New("it lived"))
	case "die deleting":
		b.disk.step = dieAt(arg)
		return errors.Join(b.Delete(ctx, victim, 0), errors.New("it lived"))
	case "write on":
		return writeOn(ctx, b, arg)
	default:
		return fmt.Errorf("no such role %q", role)
	}
}

func dieAt(step string) func(string) {
	return func(now string) {
		if now == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

const victim = "specs/default/configmaps/victim.yaml"

// writeOn changes a few objects until it is killed. Each body names itself in
// the metadata too, and is long enough to be torn.
func writeOn(ctx context.Context, b *Bucket, run string) error {
	for i := 0; ; i++ {
		key := "specs/k" + strconv.Itoa(i%3)
		if i%7 == 6 {
			if err := b.Delete(ctx, key, 0); err != nil && !errors.Is(err, hub.ErrNotExist) {
				return err
			}
			continue
		}
		name := run + "." + strconv.Itoa(i)
		body := strings.Repeat(name+"\n", 500)
		if _, err := b.Write(ctx, key, []byte(body), hub.WriteOptions{Metadata: map[string]string{"is": name}}); err != nil {
			return err
		}
		if i == 0 {
			fmt.Println("writing")
		}
	}
}

// helper is the process, not yet started.
func helper(t *testing.T, role, dir, arg string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), roleVar+"="+role, dirVar+"="+dir, argVar+"="+arg)
	cmd.Stderr = os.Stderr
	return cmd
}

func provisioned(t testing.TB) *Bucket {
	t.Helper()
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// again is another process's view of the bucket: it remembers nothing.
func again(t *testing.T, b *Bucket) *Bucket {
	t.Helper()
	fresh, err := Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func put(t *testing.T, b *Bucket, key, body string) int64 {
	t.Helper()
	g, err := b.Write(t.Context(), key, []byte(body), hub.WriteOptions{Metadata: map[string]string{"is": body}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// look reads an object as another process would, and checks that the listing
// agrees.
func look(t *testing.T, b *Bucket, key string) (string, hub.Attrs) {
	t.Helper()
	obj, err := again(t, b).Read(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	for attrs, err := range b.List(t.Context(), key, "") {
		if err != nil {
			t.Fatal(err)
		}
		if attrs.Key == key {
			if attrs.Generation != obj.Generation || attrs.Size != int64(len(obj.Body)) {
				t.Errorf("listed as %+v, read at %d", attrs, obj.Generation)
			}
			return string(obj.Body), attrs
		}
	}
	t.Fatalf("%s can be read but is not listed", key)
	return "", hub.Attrs{}
}

func listed(t *testing.T, b *Bucket, prefix string) []string {
	t.Helper()
	var found []string
	for attrs, err := range b.List(t.Context(), prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, attrs.Key)
	}
	return found
}
