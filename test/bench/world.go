package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-fed/kubectl-fed/test/fleet"
	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

// members are the clusters; the first leads, the last is the one looked at.
var members = []string{"us-east1-b", "europe-west1-b", "asia-east1-a", "us-central1-a", "us-central1-f"}

// backend is a kind of bucket, and what is added to its answers.
type backend struct {
	name        string
	read, write time.Duration
}

// world is the lab and where everything of this run lies.
type world struct {
	settings
	dir     string
	clients map[string]kubernetes.Interface
}

func newWorld(ctx context.Context, s settings) (*world, error) {
	dir, err := os.MkdirTemp("", "kubectl-fed-bench-")
	if err != nil {
		return nil, err
	}
	w := &world{settings: s, dir: dir, clients: map[string]kubernetes.Interface{}}
	progress("starting %d clusters", len(members))
	if err := w.exec(ctx, nil, "lab", append([]string{"up"}, members...)...); err != nil {
		w.close()
		return nil, err
	}
	for _, m := range members {
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: w.labKubeconfig()}, &clientcmd.ConfigOverrides{CurrentContext: m}).ClientConfig()
		if err != nil {
			w.close()
			return nil, err
		}
		w.clients[m] = kubernetes.NewForConfigOrDie(config)
	}
	return w, nil
}

func (w *world) labKubeconfig() string { return filepath.Join(w.dir, "lab", "kubeconfig") }

func (w *world) close() {
	_ = w.exec(context.Background(), nil, "lab", "down")
	_ = os.RemoveAll(w.dir)
}

// command is one of the built programs, in this run's environment.
func (w *world) command(ctx context.Context, env []string, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, program), args...)
	cmd.Env = append(os.Environ(), "PATH="+w.bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"LAB_DIR="+filepath.Join(w.dir, "lab"), "HOME="+w.dir,
		"KUBECONFIG="+w.labKubeconfig()+string(os.PathListSeparator)+filepath.Join(w.dir, "federation.kubeconfig"))
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func (w *world) exec(ctx context.Context, env []string, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	out, err := w.command(ctx, env, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out)
	}
	return nil
}

// federation is one federation over all members, with running agents.
type federation struct {
	*world
	name   string
	env    []string
	server *gcsemu.Server // nil on file://
	fleet  *fleet.Fleet
}

func (w *world) federate(ctx context.Context, b backend) (*federation, error) {
	f := &federation{world: w, name: "bench-" + strings.TrimSuffix(b.name, "://")}
	bucket := "file://" + filepath.Join(w.dir, "bucket")
	if b.name == "gs://" {
		server, err := gcsemu.Start(gcsemu.Options{Buckets: []string{f.name}, ReadLatency: b.read, WriteLatency: b.write, StrictRate: true})
		if err != nil {
			return nil, err
		}
		f.server, f.env = server, []string{"STORAGE_EMULATOR_HOST=" + server.URL}
		bucket = "gs://" + f.name
	}
	f.fleet = &fleet.Fleet{Bin: w.bin, Kubeconfig: w.labKubeconfig(), Namespace: "agents-" + f.name, Dir: filepath.Join(w.dir, f.name), Env: f.env}
	if err := f.start(ctx, bucket); err != nil {
		f.stop()
		return nil, err
	}
	return f, nil
}

func (f *federation) start(ctx context.Context, bucket string) error {
	if err := f.fed(ctx, "init", f.name, "--bucket", bucket); err != nil {
		return err
	}
	for _, m := range members {
		err := f.fed(ctx, "--context", f.name, "join", m, "--cluster-context", m, "--install", "--chart", f.chart, "--agent-namespace", f.fleet.Namespace)
		if err != nil {
			return err
		}
		if _, err := f.fleet.Start(ctx, m); err != nil {
			return err
		}
	}
	return f.ready(ctx)
}

func (f *federation) fed(ctx context.Context, args ...string) error {
	return f.exec(ctx, f.env, "kubectl-fed", args...)
}

func (f *federation) ready(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		out, err := f.command(ctx, f.env, "kubectl-fed", "--context", f.name, "get", "clusters", "--no-headers").Output()
		if err == nil && strings.Count(string(out), "Ready") == len(members) && !strings.Contains(string(out), "NotReady") {
			return nil
		}
	}
	return fmt.Errorf("the clusters of %s are not Ready after a minute", f.name)
}

func (f *federation) stop() {
	for _, c := range f.fleet.Clusters() {
		_ = f.fleet.Stop(c, false)
	}
	if f.server != nil {
		f.server.Close()
	}
}
