// Command image writes a container image as a tar: one static binary, the CA
// certificates that Mozilla trusts and the licence on an empty base. What goes
// in is a file; what comes out is an OCI layout that also carries the index
// `docker load` reads, the same bytes for the same input. It never speaks to a
// registry or a container engine.
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	user      = "65532:65532"
	binaryDir = "usr/local/bin"
	caPath    = "etc/ssl/certs/ca-certificates.crt"
	mediaType = "application/vnd.oci.image."
)

func main() {
	binary := flag.String("binary", "", "static linux binary to pack")
	license := flag.String("license", "", "licence file to pack")
	arch := flag.String("arch", "", "architecture of the binary, as GOARCH")
	name := flag.String("name", "", "reference of the image, such as example.com/a/b:v1")
	out := flag.String("out", "", "tar to write")
	flag.Parse()
	if err := run(*binary, *license, *arch, *name, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(binary, license, arch, name, out string) error {
	bin, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read binary: %w", err)
	}
	lic, err := os.ReadFile(license)
	if err != nil {
		return fmt.Errorf("read licence: %w", err)
	}
	entrypoint := path.Join(binaryDir, filepath.Base(binary))
	layer, err := pack([]file{
		{entrypoint, 0o755, bin},
		{caPath, 0o644, certificates()},
		{"LICENSE", 0o644, lic},
	})
	if err != nil {
		return fmt.Errorf("pack layer: %w", err)
	}
	image, err := assemble(layer, entrypoint, arch, name)
	if err != nil {
		return fmt.Errorf("assemble image: %w", err)
	}
	if err := os.WriteFile(out, image, 0o644); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	fmt.Printf("%s\n  %s, linux/%s, %d MiB, sha256:%s\n", out, name, arch, len(image)>>20, digest(image))
	return nil
}

// certificates are the roots that need no constraint: a PEM file cannot carry one.
func certificates() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return b.Bytes()
}

type file struct {
	name string
	mode int64
	body []byte
}

// pack writes a tar without times or owners, with the folders its files need.
func pack(files []file) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	seen := map[string]bool{".": true}
	for _, f := range files {
		if err := folders(w, path.Dir(f.name), seen); err != nil {
			return nil, err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.body)), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func folders(w *tar.Writer, dir string, seen map[string]bool) error {
	if seen[dir] {
		return nil
	}
	if err := folders(w, path.Dir(dir), seen); err != nil {
		return err
	}
	seen[dir] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, Format: tar.FormatUSTAR})
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func describe(kind string, body []byte) descriptor {
	return descriptor{MediaType: mediaType + kind, Digest: "sha256:" + digest(body), Size: len(body)}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func blob(body []byte) file { return file{"blobs/sha256/" + digest(body), 0o644, body} }

// assemble puts layer, configuration, manifest and both indexes into one tar.
func assemble(layer []byte, entrypoint, arch, name string) ([]byte, error) {
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": arch,
		"config": map[string]any{
			"User": user, "Entrypoint": []string{"/" + entrypoint}, "WorkingDir": "/",
			"Env":    []string{"PATH=/" + binaryDir, "SSL_CERT_FILE=/" + caPath},
			"Labels": map[string]string{"org.opencontainers.image.source": "https://github.com/kubectl-fed/kubectl-fed", "org.opencontainers.image.licenses": "Apache-2.0"},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType + "manifest.v1+json",
		"config": describe("config.v1+json", config), "layers": []descriptor{describe("layer.v1.tar", layer)},
	})
	if err != nil {
		return nil, err
	}
	head := describe("manifest.v1+json", manifest)
	head.Annotations = map[string]string{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tagOf(name)}
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType + "index.v1+json", "manifests": []descriptor{head},
	})
	if err != nil {
		return nil, err
	}
	docker, err := json.Marshal([]map[string]any{{
		"Config": blob(config).name, "RepoTags": []string{name}, "Layers": []string{blob(layer).name},
	}})
	if err != nil {
		return nil, err
	}
	return pack([]file{
		{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", 0o644, index},
		{"manifest.json", 0o644, docker},
		blob(config), blob(layer), blob(manifest),
	})
}

func tagOf(name string) string {
	for i := len(name) - 1; i >= 0 && name[i] != '/'; i-- {
		if name[i] == ':' {
			return name[i+1:]
		}
	}
	return "latest"
}
