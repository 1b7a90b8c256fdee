package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

const (
	stdinName   = "-"
	stdinSource = "STDIN" // what kubectl calls it
	fetchFor    = 30 * time.Second
	// maxSource bounds one file, stream or URL, in bytes.
	maxSource = 256 << 20
)

// source is one file, URL or stream with what it holds.
type source struct {
	name string
	docs []manifest.Document
}

// readSources reads everything that -f names, once.
func (s *session) readSources(ctx context.Context, names []string, recursive bool) ([]source, error) {
	var all []source
	var faults []error
	stdin := false
	for _, name := range names {
		var found []source
		var err error
		switch {
		case name == stdinName && stdin:
			continue
		case name == stdinName:
			stdin = true
			found, err = one(stdinSource, s.In)
		case strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://"):
			found, err = fetch(ctx, name)
		default:
			found, err = readPath(name, recursive)
		}
		if err != nil {
			faults = append(faults, err)
		}
		all = append(all, found...)
	}
	return all, errors.Join(faults...)
}

func one(name string, r io.Reader) ([]source, error) {
	docs, err := manifest.Documents(name, io.LimitReader(r, maxSource))
	return []source{{name, docs}}, err
}

func fetch(ctx context.Context, url string) ([]source, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("unable to read URL %q, server reported %s, status code=%d", url, resp.Status, resp.StatusCode)
	}
	return one(url, resp.Body)
}

// readPath reads a file of any name, a directory's manifests, or what a
// pattern matches.
func readPath(name string, recursive bool) ([]source, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		matches, globErr := filepath.Glob(name)
		if globErr != nil || len(matches) == 0 {
			return nil, fmt.Errorf("the path %q does not exist", name)
		}
		var all []source
		for _, m := range matches {
			found, err := readPath(m, recursive)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the path %q cannot be accessed: %w", name, err)
	}
	if info.IsDir() {
		return readDir(name, recursive)
	}
	return readFile(name)
}

func readFile(name string) ([]source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	return one(name, f)
}

// extensions are what kubectl reads of a directory.
var extensions = []string{".json", ".yaml", ".yml"}

func readDir(dir string, recursive bool) ([]source, error) {
	var all []source
	var faults []error
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != dir && !recursive:
			return filepath.SkipDir
		case e.IsDir() || !mayBeManifest(path):
			return nil
		}
		found, err := readFile(path)
		if err != nil {
			faults = append(faults, err)
		}
		all = append(all, found...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	if len(all) == 0 && len(faults) == 0 {
		return nil, fmt.Errorf("error reading [%s]: recognized file extensions are %v", dir, extensions)
	}
	return all, errors.Join(faults...)
}

// mayBeManifest takes what kubectl takes of a directory, and files without an
// ending that look like one: manifests have been called "rs/k8shserver".
func mayBeManifest(path string) bool {
	ending := filepath.Ext(path)
	if ending != "" {
		return slices.Contains(extensions, ending)
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4<<10)
	n, _ := io.ReadFull(f, head) // a short file is short
	return bytes.Contains(head[:n], []byte("apiVersion:")) && bytes.Contains(head[:n], []byte("kind:"))
}

// decoded is a source's objects, converted, and the warnings on the way.
type decoded struct {
	name     string
	objects  []*manifest.Object
	warnings []string
}

// decodeSources decodes every document strictly. All faults are in the error,
// a line each.
func decodeSources(sources []source, table *kinds.Table) ([]decoded, error) {
	var all []decoded
	var faults []error
	for _, src := range sources {
		d := decoded{name: src.name}
		for _, doc := range src.docs {
			objects, warnings, err := manifest.Decode(doc, table)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			d.objects = append(d.objects, objects...)
			d.warnings = append(d.warnings, warnings...)
		}
		all = append(all, d)
	}
	return all, errors.Join(faults...)
}

// definedIn are the kinds that the sources' own definitions declare.
func definedIn(sources []source, table *kinds.Table) []kinds.Kind {
	var found []kinds.Kind
	for _, src := range sources {
		for _, doc := range src.docs {
			if !bytes.Contains(doc.Raw, []byte("CustomResourceDefinition")) {
				continue
			}
			objects, _, err := manifest.Decode(doc, table)
			if err != nil {
				continue // told when all is decoded
			}
			for _, o := range objects {
				if o.Kind.Kind == "CustomResourceDefinition" {
					more, _ := kinds.FromDefinition(o.Object) // a bad one defines nothing
					found = append(found, more...)
				}
			}
		}
	}
	return found
}
