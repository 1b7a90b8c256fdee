package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asLab makes the test's own binary behave as the lab, so that the processes
// it starts are the code under test.
const asLab = "LAB_TEST_RUN_AS_LAB"

func TestMain(m *testing.M) {
	if os.Getenv(asLab) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

type shell struct {
	t   *testing.T
	dir string
}

// lab runs the lab with blank-separated arguments and returns what it printed.
func (s shell) lab(command string) string {
	s.t.Helper()
	out, err := s.try(command)
	if err != nil {
		s.t.Fatalf("lab %s: %v\n%s", command, err, out)
	}
	return out
}

func (s shell) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, strings.Fields(command)...)
	cmd.Env = append(os.Environ(), asLab+"=1", "LAB_DIR="+s.dir, "KUBECONFIG=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func (s shell) wants(command, want string) string {
	s.t.Helper()
	out := s.lab(command)
	if !strings.Contains(out, want) {
		s.t.Fatalf("lab %s printed\n%s\nwithout %q", command, out, want)
	}
	return out
}

// A cluster keeps its data and its addresses over a power cut, works
// afterwards, and leaves nothing when it is removed.
func TestCluster(t *testing.T) {
	s := shell{t: t, dir: filepath.Join(t.TempDir(), "lab")}
	t.Cleanup(func() { _, _ = s.try("down") })

	s.lab("up gce-us-east1-b --nodes 2")
	s.wants("kubectl get nodes -l topology.kubernetes.io/region=us-east1,topology.kubernetes.io/zone=us-east1-b -o name", "node/gce-us-east1-b-node-1")
	s.wants("discovery gce-us-east1-b", `"resource":"deployments"`)

	s.lab("kubectl create deployment web --image=web --replicas=3 --port=80")
	s.lab("kubectl expose deployment web --type=LoadBalancer")
	s.lab("kubectl wait deployment/web --for=condition=Available --timeout=60s")
	s.lab("kubectl wait service/web --for=jsonpath={.status.loadBalancer.ingress} --timeout=60s")
	address := s.wants("kubectl get service web -o jsonpath={.status.loadBalancer.ingress[0].ip}", "127.")
	uid := s.lab("kubectl get deployment web -o jsonpath={.metadata.uid}")

	s.lab("kill gce-us-east1-b")
	s.wants("status", "Stopped")
	s.lab("start gce-us-east1-b")
	s.wants("status", "Ready")
	s.wants("kubectl get deployment web -o jsonpath={.metadata.uid}", uid)
	s.lab("kubectl scale deployment web --replicas=5")
	s.lab("kubectl rollout status deployment/web --timeout=60s")
	s.wants("kubectl get service web -o jsonpath={.status.loadBalancer.ingress[0].ip}", address)

	if out := s.wants("stop gce-us-east1-b", "stopped"); strings.Contains(out, "killing") {
		t.Errorf("it had to be killed:\n%s", out)
	}
	s.lab("remove gce-us-east1-b")
	if out, err := s.try("start gce-us-east1-b"); err == nil || !strings.Contains(out, "no cluster") {
		t.Errorf("start of a removed cluster: %v\n%s", err, out)
	}
	s.lab("down")
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lab's directory is left behind (%v)", err)
	}
}
