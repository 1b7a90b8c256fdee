package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// archives builds the plugin for every platform and packs it with the licence,
// one archive each, and writes checksums.txt beside them.
func archives(root, out, version, ldflags string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "kubectl-fed-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	var sums strings.Builder
	for _, p := range platforms {
		bin := filepath.Join(temp, p.os+"-"+p.arch, p.binary())
		if err := compile(root, bin, ldflags, p); err != nil {
			return fmt.Errorf("build for %s/%s: %w", p.os, p.arch, err)
		}
		archive := filepath.Join(out, p.archive(version))
		if err := pack(archive, bin, filepath.Join(root, "LICENSE")); err != nil {
			return fmt.Errorf("pack %s: %w", archive, err)
		}
		s, err := sum(archive)
		if err != nil {
			return fmt.Errorf("checksum: %w", err)
		}
		fmt.Println(archive)
		fmt.Fprintf(&sums, "%s  %s\n", s, filepath.Base(archive))
	}
	return os.WriteFile(filepath.Join(out, "checksums.txt"), []byte(sums.String()), 0o644)
}

func compile(root, bin, ldflags string, p platform) error {
	cmd := exec.Command("go", "build", "-ldflags", ldflags, "-o", bin, "./cmd/kubectl-fed")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// pack writes a .tar.gz of a binary and the licence, without times or owners.
func pack(archive, binary, license string) (err error) {
	f, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	for _, c := range []struct {
		file string
		mode int64
	}{{binary, 0o755}, {license, 0o644}} {
		body, err := os.ReadFile(c.file)
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.Base(c.file), Mode: c.mode, Size: int64(len(body)), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(body); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return z.Close()
}

// sum is the SHA-256 of a file, in hexadecimal.
func sum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
