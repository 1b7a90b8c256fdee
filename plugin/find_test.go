package plugin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: fed
  cluster:
    server: https://x.invalid
    extensions: [{name: kubectl-fed.io/bucket, extension: {bucket: "gs://from-context"}}]
- name: plain
  cluster: {server: https://plain.invalid}
contexts:
- {name: fed, context: {cluster: fed, namespace: shop}}
- {name: plain, context: {cluster: plain}}
`

func TestBucketIsFound(t *testing.T) {
	tests := []struct {
		name, flag, env, context, current string
		want, says                        string
	}{
		{"by flag", "gs://flag", "gs://env", "fed", "fed", "gs://flag", ""},
		{"by environment", "", "gs://env", "", "fed", "gs://env", ""},
		{"by a context that is asked for", "", "gs://env", "fed", "", "gs://from-context", ""},
		{"by the current context", "", "", "", "fed", "gs://from-context", ""},
		{"not by a plain context", "", "gs://env", "plain", "fed", "", "is not a federation's"},
		{"not by a plain current context", "", "", "", "plain", "", "no federation is named"},
		{"not by a context that is not there", "", "", "none", "fed", "", `context "none" does not exist`},
		{"not at all", "", "", "", "", "", "--bucket gs://NAME"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(kubeconfig+"current-context: "+tt.current+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("KUBECONFIG", path)
			t.Setenv(envBucket, tt.env)
			s := newSession(t.Context(), genericiooptions.NewTestIOStreamsDiscard(), nil)
			s.bucket, *s.config.Context = tt.flag, tt.context
			got, err := s.bucketURL()
			if got != tt.want || (tt.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestContextIsWrittenAndRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(kubeconfig+"current-context: plain\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", path)
	t.Setenv(envBucket, "")
	s := newSession(t.Context(), genericiooptions.NewTestIOStreamsDiscard(), nil)
	if err := s.freeContext("plain", "gs://new"); err == nil {
		t.Error("another cluster's context was free")
	}
	if err := s.freeContext("fed", "gs://from-context"); err != nil {
		t.Errorf("its own context was not: %v", err)
	}
	if err := s.writeContext("new", "gs://new"); err != nil {
		t.Fatal(err)
	}
	s = newSession(t.Context(), genericiooptions.NewTestIOStreamsDiscard(), nil)
	*s.config.Context = "new"
	if got, err := s.bucketURL(); got != "gs://new" {
		t.Errorf("got %q, %v", got, err)
	}
	config, err := s.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil || config.CurrentContext != "plain" {
		t.Errorf("the current context is %q, %v", config.CurrentContext, err)
	}
	if removed, err := s.removeContexts("gs://new"); err != nil || !slices.Equal(removed, []string{"new"}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if body, err := os.ReadFile(path); err != nil || strings.Contains(string(body), "gs://new") || !strings.Contains(string(body), "gs://from-context") {
		t.Errorf("left\n%s", body)
	}
}

func TestInit(t *testing.T) {
	hub := memory.New()
	hub.Fed.Name = ""
	got := command(t, hub, "", "init", "shop", "--bucket", "memory:", "--dns-zone-name", "example.com", "--host-cluster-context=x")
	if got.code != 0 || !strings.Contains(got.out, "federation/shop created") || hub.Fed.Spec.DNSZone != "example.com" || hub.Fed.UID == "" {
		t.Fatalf("%+v", got)
	}
	uid := hub.Fed.UID
	if got := command(t, hub, "", "init", "shop", "--dns-zone-name", "other.com"); got.code != 0 || !strings.Contains(got.out, "unchanged") ||
		!strings.Contains(got.err, "kubectl fed edit federation shop") || hub.Fed.UID != uid || hub.Fed.Spec.DNSZone != "example.com" {
		t.Errorf("again: %+v", got)
	}
	if got := command(t, hub, "", "init", "other"); got.code != 1 || !strings.Contains(got.err, `holds the federation "shop" already`) {
		t.Errorf("another: %+v", got)
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	cm := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %}\n"
	for _, name := range []string{"a.yaml", "b.json", "c.txt", "sub/d.yml", "e", "LICENSE"} {
		text := strings.Replace(cm, "%", filepath.Base(name), 1)
		if name == "LICENSE" {
			text = "Do what you like.\n"
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for recursive, want := range map[bool]string{false: "a.yaml b.json e", true: "a.yaml b.json e d.yml"} {
		sources, err := readPath(dir, recursive)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range sources {
			names = append(names, filepath.Base(s.name))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("recursive %v: got %s", recursive, got)
		}
	}
	if _, err := readPath(t.TempDir(), false); err == nil {
		t.Error("an empty directory is no error")
	}
	if sources, err := readPath(filepath.Join(dir, "*.json"), false); err != nil || len(sources) != 1 {
		t.Errorf("a pattern: %v, %v", sources, err)
	}
}

func TestEscape(t *testing.T) {
	in := "a\tb\n\x1b[31mred\x1b[0m\r\x7f\u009b1mé\xff"
	want := "a\tb\n^[[31mred^[[0m^M^?^[[1mé\xff"
	if got := string(escape([]byte(in))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWordsOfFields(t *testing.T) {
	for field, want := range map[string]string{"replicas": "Replicas", "minReadySeconds": "Min Ready Seconds", "clusterIP": "Cluster IP", "x": "X"} {
		if got := words(field); got != want {
			t.Errorf("%s: got %q", field, got)
		}
	}
}

func TestQuoted(t *testing.T) {
	got := strings.Join(quoted([]string{"helm", "--set", "a=b c", "it's"}), " ")
	if want := `helm --set 'a=b c' 'it'\''s'`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestParseTaint(t *testing.T) {
	if got, err := parseTaint("gpu=yes:NoSchedule"); err != nil || got.Key != "gpu" || got.Value != "yes" || got.Effect != "NoSchedule" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "gpu", "gpu=yes", ":NoSchedule", "gpu=yes:Maybe", "a b=c:NoExecute"} {
		if _, err := parseTaint(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
