package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// List implements hub.Bucket. A symbolic link to a file inside the bucket
// counts as that file; other links are left out.
func (b *Bucket) List(ctx context.Context, prefix, offset string) iter.Seq2[hub.Attrs, error] {
	return func(yield func(hub.Attrs, error) bool) {
		w := &walk{bucket: b, ctx: ctx, prefix: prefix, offset: offset, yield: yield}
		if err := w.run(); err != nil {
			yield(hub.Attrs{}, explain("list", b.String()+"/"+prefix, err))
		}
	}
}

// walk goes through the directories in byte order of the keys.
type walk struct {
	bucket         *Bucket
	ctx            context.Context
	root           *os.Root
	prefix, offset string
	yield          func(hub.Attrs, error) bool
}

// errStop: the reader of the listing has seen enough.
var errStop = errors.New("stop")

func (w *walk) run() error {
	dir := "."
	if i := strings.LastIndexByte(w.prefix, '/'); i >= 0 {
		dir = w.prefix[:i]
		if err := hub.CheckKey(dir); err != nil {
			return err
		}
	}
	root, err := w.bucket.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := w.bucket.isSetUp(root); err != nil {
		return err
	}
	w.root = root
	if checkKey(dir) != nil && dir != "." {
		return nil // nothing is listed below a hidden name
	}
	if err := w.dir(dir); !errors.Is(err, errStop) {
		return err
	}
	return nil
}

func (w *walk) dir(name string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	dir, err := w.root.OpenRoot(name)
	if err != nil {
		if info, statErr := w.root.Stat(name); isMissing(statErr) || (statErr == nil && !info.IsDir()) {
			return nil
		}
		return err
	}
	defer dir.Close()
	entries, err := entriesInKeyOrder(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if isIgnored(entry.Name()) {
			continue
		}
		if err := w.entry(dir, join(name, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(dir *os.Root, key string, entry fs.DirEntry) error {
	if entry.IsDir() {
		if !w.wants(key + "/") {
			return nil
		}
		return w.dir(key)
	}
	if !strings.HasPrefix(key, w.prefix) || key < w.offset || hub.CheckKey(key) != nil {
		return nil
	}
	return w.file(dir, key, entry)
}

// wants tells whether the listing reaches into the directory.
func (w *walk) wants(dir string) bool {
	if !strings.HasPrefix(dir, w.prefix) && !strings.HasPrefix(w.prefix, dir) {
		return false
	}
	return dir >= w.offset || strings.HasPrefix(w.offset, dir)
}

func (w *walk) file(dir *os.Root, key string, entry fs.DirEntry) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	for range readAttempts {
		info, err := w.stat(dir, key, entry)
		if err != nil || info == nil {
			return err
		}
		found := sight(info)
		st, err := w.bucket.stateOf(w.ctx, w.root, key, found)
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if !w.yield(st.attrs(key), nil) {
			return errStop
		}
		return nil
	}
	return fmt.Errorf("%s: %w: the file is being rewritten all the time", key, hub.ErrUnavailable)
}

// stat tells nothing of what is gone meanwhile or is no regular file.
func (w *walk) stat(dir *os.Root, key string, entry fs.DirEntry) (fs.FileInfo, error) {
	info, err := dir.Lstat(entry.Name())
	if isMissing(err) {
		return nil, nil
	}
	if err == nil && info.Mode().Type() == fs.ModeSymlink {
		if info, err = w.root.Stat(key); err != nil {
			return nil, nil
		}
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return info, nil
}

func (st state) attrs(key string) hub.Attrs {
	return hub.Attrs{
		Key: key, Generation: st.Generation, Size: st.Identity.Size,
		Updated: st.Updated, Metadata: maps.Clone(st.Metadata),
	}
}

// entriesInKeyOrder sorts a directory's entries as the keys below them sort:
// a directory's name with the slash that follows it.
func entriesInKeyOrder(dir *os.Root) ([]fs.DirEntry, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return entries, nil
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
