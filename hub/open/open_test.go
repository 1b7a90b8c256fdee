package open_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/open"
)

func TestCanonical(t *testing.T) {
	for bucket, want := range map[string]string{
		"gs://fed":                  "gs://fed",
		"gs://fed/":                 "gs://fed",
		"gs://fed/team/blue/":       "gs://fed/team/blue",
		"file:///srv/fed":           "file:///srv/fed",
		"file:///srv//fed/../fed/.": "file:///srv/fed",
		"file://localhost/srv/fed":  "file:///srv/fed",
		"file:///srv/a b%20c":       "file:///srv/a b%20c",
	} {
		if got, err := open.Canonical(bucket); err != nil || got != want {
			t.Errorf("Canonical(%q) = %q, %v, want %q", bucket, got, err, want)
		}
	}
}

func TestRefusedURLs(t *testing.T) {
	for bucket, words := range map[string]string{
		"":                  "it is empty; write gs://NAME",
		"fed":               "no scheme; write gs://NAME",
		"/srv/fed":          "no scheme",
		"s3://fed":          `scheme "s3" is not supported`,
		"GS://fed":          `scheme "GS" is not supported`,
		"gs://":             "names no bucket",
		"gs:///x":           "names no bucket",
		"gs://user@fed":     "no bucket's name",
		"gs://fed/../x":     "invalid key",
		"gs://fed//x":       "invalid key",
		"file://fed":        "not absolute",
		"file://./fed":      "not absolute",
		"file://":           "not absolute",
		"file:///":          "root of the file system",
		"file:///srv/../..": "root of the file system",
		"file:///a\x00b":    "NUL",
	} {
		_, err := open.Open(t.Context(), bucket)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("Open(%q): %v, want %q", bucket, err, words)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
	dir := filepath.Join(t.TempDir(), "bucket")
	for _, url := range []string{"gs://fed/team", "file://" + dir} {
		b, err := open.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != url {
			t.Errorf("%s calls itself %s", url, b)
		}
	}
	b, err := open.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), "bell", 0); !errors.Is(err, hub.ErrNoBucket) {
		t.Errorf("read: %v", err)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"gs://fed/a", "file:///srv//x/..", "file://localhost/x", "gs://a@b", "file:////x", "gs://f/a//"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bucket string) {
		once, err := open.Canonical(bucket)
		if err != nil {
			return
		}
		if twice, err := open.Canonical(once); err != nil || twice != once {
			t.Errorf("%q becomes %q, and that %q, %v", bucket, once, twice, err)
		}
		if strings.Contains(once, "/../") || strings.HasSuffix(once, "/") {
			t.Errorf("%q becomes %q", bucket, once)
		}
	})
}
