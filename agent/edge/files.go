package edge

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxFile is what a file of a certificate may hold.
const maxFile = 1 << 20

var errNoFile = errors.New("there is no file of it")

// files are certificates that the edge has itself, as Secrets are mounted:
// <namespace>/<name>/tls.crt and tls.key.
type files struct {
	dir string
	// seen is when they had been changed when they were last looked at.
	seen map[string][2]time.Time
}

func newFiles(dir string) *files { return &files{dir: dir, seen: map[string][2]time.Time{}} }

// paths of a Secret's files; false for a name that is none.
func (f *files) paths(secret string) (crt, key string, ok bool) {
	namespace, name, ok := strings.Cut(secret, "/")
	if !ok || f.dir == "" || !plain(namespace) || !plain(name) {
		return "", "", false
	}
	dir := filepath.Join(f.dir, namespace, name)
	return filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), true
}

// plain says whether a name is one folder, and not another one's.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\`+"\x00")
}

func (f *files) read(secret string) (*tls.Certificate, error) {
	crt, key, ok := f.paths(secret)
	if !ok {
		return nil, errNoFile
	}
	return readPair(crt, key)
}

func readPair(crt, key string) (*tls.Certificate, error) {
	certificate, err := readFile(crt)
	if err != nil {
		return nil, err
	}
	private, err := readFile(key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		return nil, fmt.Errorf("certificate in %s: %w", filepath.Dir(crt), err)
	}
	return &pair, nil
}

func readFile(path string) ([]byte, error) {
	i, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoFile
	case err != nil:
		return nil, err
	case !i.Mode().IsRegular() || i.Size() > maxFile:
		return nil, fmt.Errorf("%s: no certificate or key is so large", path)
	}
	return os.ReadFile(path)
}

// changed says whether any of these was changed since the last look.
func (f *files) changed(secrets []string) bool {
	now, changed := map[string][2]time.Time{}, false
	for _, s := range secrets {
		now[s] = f.times(s)
		changed = changed || now[s] != f.seen[s]
	}
	f.seen = now
	return changed
}

func (f *files) times(secret string) [2]time.Time {
	crt, key, ok := f.paths(secret)
	if !ok {
		return [2]time.Time{}
	}
	return timesOf(crt, key)
}

// timesOf files when they were changed; zero for one that is not there.
func timesOf(crt, key string) [2]time.Time {
	var times [2]time.Time
	for i, path := range []string{crt, key} {
		if info, err := os.Stat(path); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}
