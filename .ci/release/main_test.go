package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const version = "v1.2.3"

// archived writes a small archive for every platform and returns the folder.
func archived(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range platforms {
		bin := filepath.Join(t.TempDir(), p.binary())
		if err := os.WriteFile(bin, []byte(p.os+p.arch), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := pack(filepath.Join(dir, p.archive(version)), bin, "../../LICENSE"); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// names lists the files of an archive.
func names(t *testing.T, archive string) []string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, h.Name)
	}
}

type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string `json:"version"`
		Homepage         string `json:"homepage"`
		ShortDescription string `json:"shortDescription"`
		Description      string `json:"description"`
		Caveats          string `json:"caveats"`
		Platforms        []struct {
			URI      string `json:"uri"`
			SHA256   string `json:"sha256"`
			Bin      string `json:"bin"`
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
			Files []struct{ From, To string } `json:"files"`
		} `json:"platforms"`
	} `json:"spec"`
}

// TestRenderedManifest checks what krew's validator does, and that every
// archive it points to is the one that was packed.
func TestRenderedManifest(t *testing.T) {
	t.Parallel()
	dir := archived(t)
	out := filepath.Join(dir, "fed.yaml")
	if err := run([]string{"krew", "-template", "../../krew.yaml", "-archives", dir, "-version", version, "-out", out}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.UnmarshalStrict(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || m.Kind != "Plugin" || m.Metadata.Name != "fed" {
		t.Errorf("header is %s %s %s", m.APIVersion, m.Kind, m.Metadata.Name)
	}
	if m.Spec.Version != version || m.Spec.ShortDescription == "" || len(m.Spec.ShortDescription) > 50 || strings.HasSuffix(m.Spec.ShortDescription, ".") {
		t.Errorf("version %q, short description %q", m.Spec.Version, m.Spec.ShortDescription)
	}
	if len(m.Spec.Platforms) != len(platforms) {
		t.Fatalf("%d platforms, want %d", len(m.Spec.Platforms), len(platforms))
	}
	for _, got := range m.Spec.Platforms {
		labels := got.Selector.MatchLabels
		p := platform{labels["os"], labels["arch"]}
		archive := filepath.Join(dir, filepath.Base(got.URI))
		want, err := sum(archive)
		if err != nil {
			t.Errorf("%v points to an archive that was not packed: %v", p, err)
			continue
		}
		if got.SHA256 != want || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(got.SHA256) {
			t.Errorf("%v: sha256 %q, want %q", p, got.SHA256, want)
		}
		if got.Bin != p.binary() || filepath.Base(archive) != p.archive(version) {
			t.Errorf("%v: bin %s of %s", p, got.Bin, got.URI)
		}
		var from []string
		for _, f := range got.Files {
			from = append(from, f.From)
		}
		if packed := names(t, archive); !slices.Equal(packed, from) || !slices.Contains(packed, "LICENSE") {
			t.Errorf("%v: the archive holds %v, the manifest takes %v", p, packed, from)
		}
	}
	// A number-like or octal-like checksum must stay a string.
	if n := bytes.Count(text, []byte(`sha256: "`)); n != len(platforms) {
		t.Errorf("%d checksums are quoted, want %d", n, len(platforms))
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	sums := map[platform]string{{"linux", "amd64"}: "abc"}
	for name, c := range map[string]struct{ template, says string }{
		"an unknown name":    {"${VERSION} ${SHA256_LINUX_AMD64} ${SHA256_PLAN9_ARM}", "${SHA256_PLAN9_ARM} has no value"},
		"an unused checksum": {"${VERSION}", "${SHA256_LINUX_AMD64} is not used"},
	} {
		if _, err := render(c.template, version, sums); err == nil || err.Error() != c.says {
			t.Errorf("%s: error is %v, want %s", name, err, c.says)
		}
	}
}

func TestKrewNeedsTheArchives(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "fed.yaml")
	err := run([]string{"krew", "-template", "../../krew.yaml", "-archives", t.TempDir(), "-version", version, "-out", out})
	if err == nil || !strings.Contains(err.Error(), "make dist") {
		t.Errorf("error is %v, want it to name make dist", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a manifest was written all the same")
	}
}

func TestPackIsReproducible(t *testing.T) {
	t.Parallel()
	a, b := archived(t), archived(t)
	for _, p := range platforms {
		x, err := sum(filepath.Join(a, p.archive(version)))
		if err != nil {
			t.Fatal(err)
		}
		if y, err := sum(filepath.Join(b, p.archive(version))); err != nil || x != y {
			t.Errorf("%v: %s and %s differ (%v)", p, x, y, err)
		}
	}
}
