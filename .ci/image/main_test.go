package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// build writes an image of a small file and returns its bytes.
func build(t *testing.T, name string) []byte {
	t.Helper()
	dir := t.TempDir()
	bin, lic, out := filepath.Join(dir, "fed-agent"), filepath.Join(dir, "LICENSE"), filepath.Join(dir, "image.tar")
	for f, body := range map[string]string{bin: "binary", lic: "licence"} {
		if err := os.WriteFile(f, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(bin, lic, "arm64", name, out); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func unpack(t *testing.T, b []byte) (map[string][]byte, map[string]*tar.Header) {
	t.Helper()
	bodies, headers := map[string][]byte{}, map[string]*tar.Header{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return bodies, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		bodies[h.Name], headers[h.Name] = body, h
	}
}

func decode(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
}

// get returns the blob a descriptor names, after checking digest and size.
func get(t *testing.T, files map[string][]byte, d descriptor) []byte {
	t.Helper()
	body, ok := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
	if !ok {
		t.Fatalf("blob %s is missing", d.Digest)
	}
	if got := describe("", body); got.Digest != d.Digest || got.Size != d.Size {
		t.Fatalf("blob is %s (%d bytes), the descriptor says %s (%d)", got.Digest, got.Size, d.Digest, d.Size)
	}
	return body
}

func TestImageCanBeFollowedFromItsIndex(t *testing.T) {
	t.Parallel()
	const name = "localhost:5000/kubectl-fed/fed-agent:v1.2.3"
	files, _ := unpack(t, build(t, name))

	var index struct{ Manifests []descriptor }
	decode(t, files["index.json"], &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("index has %d manifests, want 1", len(index.Manifests))
	}
	if got := index.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; got != "v1.2.3" {
		t.Errorf("tag = %q, want v1.2.3", got)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(t, get(t, files, index.Manifests[0]), &manifest)
	var config struct {
		Architecture string
		Config       struct {
			User       string
			Entrypoint []string
			Env        []string
		}
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	decode(t, get(t, files, manifest.Config), &config)
	layer := get(t, files, manifest.Layers[0])
	if config.Architecture != "arm64" || config.Config.User != user || config.Rootfs.DiffIDs[0] != "sha256:"+digest(layer) {
		t.Errorf("config = %+v", config)
	}
	content, headers := unpack(t, layer)
	if got := config.Config.Entrypoint[0]; got != "/usr/local/bin/fed-agent" {
		t.Errorf("entrypoint = %s", got)
	}
	if h := headers[strings.TrimPrefix(config.Config.Entrypoint[0], "/")]; h == nil || h.Mode != 0o755 {
		t.Errorf("entrypoint %v is not an executable of the layer", config.Config.Entrypoint)
	}
	if string(content["LICENSE"]) != "licence" {
		t.Error("the licence is missing")
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(content[caPath]) {
		t.Error("there are no CA certificates")
	}
}

func TestDockerIndexNamesTheSameBlobs(t *testing.T) {
	t.Parallel()
	files, _ := unpack(t, build(t, "example.com/fed-agent"))
	var docker []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	decode(t, files["manifest.json"], &docker)
	for _, f := range append(docker[0].Layers, docker[0].Config) {
		if _, ok := files[f]; !ok {
			t.Errorf("manifest.json names %s, which is missing", f)
		}
	}
	if docker[0].RepoTags[0] != "example.com/fed-agent" {
		t.Errorf("RepoTags = %v", docker[0].RepoTags)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	if !bytes.Equal(build(t, "a/b:c"), build(t, "a/b:c")) {
		t.Error("two builds of the same input differ")
	}
}
