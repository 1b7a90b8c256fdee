// Package open turns the URL people write into the bucket it names: in go
// gs://NAME[/PREFIX] or file:///DIRECTORY, out comes a hub.Bucket. It never
// asks the bucket anything.
package open

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/file"
	"github.com/kubectl-fed/kubectl-fed/hub/gcs"
)

const want = "write gs://NAME, gs://NAME/PREFIX or file:///DIRECTORY"

// Bucket is what every backend offers. Its String is the URL in one form, fit
// for display and comparison.
type Bucket interface {
	hub.Bucket
	hub.Historian
	hub.Provisioner
	fmt.Stringer
}

// Open returns the bucket a URL names. Whether it exists is seen at its first
// use.
func Open(ctx context.Context, bucket string) (Bucket, error) {
	where, err := parse(bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %q: %w", bucket, err)
	}
	if where.dir != "" {
		return file.Open(where.dir)
	}
	return gcs.Open(ctx, where.name, where.prefix)
}

// Canonical is the URL in the form Bucket's String has, so that two spellings
// of one bucket compare equal.
func Canonical(bucket string) (string, error) {
	where, err := parse(bucket)
	if err != nil {
		return "", fmt.Errorf("bucket %q: %w", bucket, err)
	}
	return where.String(), nil
}

// location is a URL taken apart: a directory, or a name with a prefix.
type location struct{ dir, name, prefix string }

func (l location) String() string {
	switch {
	case l.dir != "":
		return "file://" + filepath.ToSlash(l.dir)
	case l.prefix != "":
		return "gs://" + l.name + "/" + l.prefix
	default:
		return "gs://" + l.name
	}
}

// parse takes the text as it is, without percent-decoding: what people write
// is a path or an object's name.
func parse(bucket string) (location, error) {
	if bucket == "" {
		return location{}, errors.New("it is empty; " + want)
	}
	scheme, rest, ok := strings.Cut(bucket, "://")
	if !ok {
		return location{}, fmt.Errorf("it has no scheme; %s", want)
	}
	switch scheme {
	case "gs":
		return parseGS(rest)
	case "file":
		return parseFile(rest)
	default:
		return location{}, fmt.Errorf("scheme %q is not supported; %s", scheme, want)
	}
}

func parseGS(rest string) (location, error) {
	name, prefix, _ := strings.Cut(rest, "/")
	if name == "" {
		return location{}, errors.New("it names no bucket; " + want)
	}
	if u, err := url.Parse("gs://" + name); err != nil || u.Host != name || strings.ContainsAny(name, "@:") {
		return location{}, fmt.Errorf("%q is no bucket's name; %s", name, want)
	}
	prefix = strings.TrimRight(prefix, "/")
	if prefix != "" {
		if err := hub.CheckKey(prefix); err != nil {
			return location{}, fmt.Errorf("its prefix: %w", err)
		}
	}
	return location{name: name, prefix: prefix}, nil
}

func parseFile(rest string) (location, error) {
	rest = strings.TrimPrefix(rest, "localhost")
	if !strings.HasPrefix(rest, "/") {
		return location{}, fmt.Errorf("the directory %q is not absolute; write file:///%s with the whole path", rest, rest)
	}
	if strings.ContainsRune(rest, 0) {
		return location{}, errors.New("the path holds a NUL character")
	}
	dir := filepath.Clean(rest)
	if dir == "/" {
		return location{}, errors.New("the root of the file system cannot be a bucket; name a directory in it")
	}
	return location{dir: dir}, nil
}
