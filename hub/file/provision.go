package file

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// topLevel is what a directory may hold before it is set up as a bucket: specs
// may be copied there first. Anything else is somebody's data, which Empty
// would remove.
var topLevel = []string{
	"federation.yaml", "clusters", "specs", "requests", "bell", "shards", "reports", "status", "traffic", "edges", "leader",
	"lost+found",
}

// Provision implements hub.Provisioner: it creates the directory, for its
// owner only, and the hidden folder. It refuses a directory that holds
// anything else than a federation.
func (b *Bucket) Provision(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, explain("create", b.String(), err)
	}
	root, err := b.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := b.layOut(root); err != nil {
		return nil, explain("set up", b.String(), err)
	}
	removeStaleTemps(root, time.Now())
	return nil, b.tryWrite(ctx, root)
}

func (b *Bucket) layOut(root *os.Root) error {
	if _, err := root.Lstat(formatFile); isMissing(err) {
		if err := onlyFederation(root); err != nil {
			return err
		}
	}
	for _, dir := range []string{hidden, tempDir, recordDir, versionDir} {
		if err := root.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	lock, err := root.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}
	return b.replace(root, formatFile, []byte(format)) // last: now it is a bucket
}

func onlyFederation(root *os.Root) error {
	entries, err := entriesInKeyOrder(root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); !slices.Contains(topLevel, name) && !isIgnored(name) {
			return fmt.Errorf("%w: the directory holds %q, which is not of a federation; name an empty or new directory",
				hub.ErrForbidden, name)
		}
	}
	return nil
}

// tryWrite finds out whether the lock can be had and a file written.
func (b *Bucket) tryWrite(ctx context.Context, root *os.Root) error {
	staged, err := b.stage(root, []byte("can this be written?\n"))
	if err == nil {
		err = root.Remove(staged.name)
	}
	if err == nil {
		var unlock func()
		if unlock, err = b.lock(ctx, root); err == nil {
			unlock()
		}
	}
	return explain("try to write", b.String(), err)
}

// Empty implements hub.Provisioner. It refuses a directory that was never set
// up as a bucket. Hidden files that are not ours stay at the top.
func (b *Bucket) Empty(ctx context.Context, progress func(removed int)) error {
	root, err := b.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := b.isSetUp(root); err != nil {
		return fmt.Errorf("%w; nothing was removed", err)
	}
	unlock, err := b.lock(ctx, root)
	if err != nil {
		return explain("empty", b.String(), err)
	}
	defer unlock()
	e := emptying{ctx: ctx, root: root, progress: progress}
	return explain("empty", b.String(), e.all())
}

type emptying struct {
	ctx      context.Context
	root     *os.Root
	progress func(removed int)
	removed  int
}

// all leaves the format file to the end: until then the directory is known for
// a bucket, and emptying it can be repeated.
func (e *emptying) all() error {
	entries, err := entriesInKeyOrder(e.root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); !isIgnored(name) && name != "lost+found" {
			if err := e.tree(name, entry); err != nil {
				return err
			}
		}
	}
	for _, dir := range []string{versionDir, recordDir, tempDir} {
		if err := e.root.RemoveAll(dir); err != nil {
			return err
		}
	}
	return e.root.RemoveAll(hidden)
}

func (e *emptying) tree(name string, entry fs.DirEntry) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if !entry.IsDir() {
		if err := e.root.Remove(name); err != nil && !isMissing(err) {
			return err
		}
		e.removed++
		if e.progress != nil {
			e.progress(e.removed)
		}
		return nil
	}
	if err := e.children(name); err != nil {
		return err
	}
	return e.root.RemoveAll(name)
}

func (e *emptying) children(dir string) error {
	sub, err := e.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer sub.Close()
	entries, err := entriesInKeyOrder(sub)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := e.tree(path.Join(dir, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}
