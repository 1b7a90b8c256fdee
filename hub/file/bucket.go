// Package file keeps a bucket in a directory. Objects are plain files, so that
// people and rsync can read and place them; what a file cannot carry (its
// generation, metadata and past versions) lies in a hidden folder beside them.
//
// In go keys and bodies, out come the objects of hub.Bucket. A reader takes no
// lock: it opens the file and looks its identity (inode, time, size) up in the
// record of the key. A writer prepares the new file first, then under a lock
// between processes writes the record that names both the old and the new
// identity, and renames the file into place. That rename is the only moment at
// which anything changes, so a process killed at any point leaves the old
// object or the new one. A file whose identity no record knows was put there
// by somebody else: it gets the next generation, unless its content is the one
// the key had, which changes nothing.
//
// It never follows a symbolic link out of the directory, and never creates the
// directory but in Provision.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// readAttempts bounds how often a read starts over because the file was
// replaced under it.
const readAttempts = 10

// Bucket is a hub.Bucket, hub.Historian and hub.Provisioner over a directory.
type Bucket struct {
	dir  string
	disk disk
	turn chan struct{} // one writer of this process at a time
	seen sightings
	tidy sync.Once
}

// Open returns the bucket in the directory. It touches nothing: a directory
// that does not exist, or was never provisioned, is told by every call as
// hub.ErrNoBucket.
func Open(dir string) (*Bucket, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the bucket's directory %q: %w", dir, err)
	}
	return &Bucket{dir: abs, disk: realDisk(), turn: make(chan struct{}, 1)}, nil
}

// String is the bucket's URL.
func (b *Bucket) String() string { return "file://" + filepath.ToSlash(b.dir) }

// root opens the directory anew for every call: the one that is there now
// counts, not one that was moved away meanwhile.
func (b *Bucket) root() (*os.Root, error) {
	root, err := os.OpenRoot(b.dir)
	if err == nil {
		return root, nil
	}
	if info, statErr := os.Stat(b.dir); isMissing(statErr) || (statErr == nil && !info.IsDir()) {
		return nil, b.noBucket()
	}
	return nil, explain("open", b.String(), err)
}

// Read implements hub.Bucket.
func (b *Bucket) Read(ctx context.Context, key string, notGeneration int64) (*hub.Object, error) {
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	root, err := b.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for range readAttempts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		obj, err := b.readOnce(ctx, root, key, notGeneration)
		if !errors.Is(err, errChanged) {
			return obj, explain("read", key, err)
		}
	}
	return nil, fmt.Errorf("read %s: %w: the file is being rewritten all the time", key, hub.ErrUnavailable)
}

func (b *Bucket) readOnce(ctx context.Context, root *os.Root, key string, notGeneration int64) (*hub.Object, error) {
	f, id, err := openObject(root, key)
	if isMissing(err) {
		return nil, b.missing(root)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := b.stateOf(ctx, root, key, id)
	if err != nil {
		return nil, err
	}
	if notGeneration != 0 && st.Generation == notGeneration {
		return nil, hub.ErrNotModified
	}
	body, err := readAll(f)
	if err != nil {
		return nil, err
	}
	if after, err := identify(f); err != nil || after.id != id.id {
		return nil, errors.Join(errChanged, err)
	}
	return &hub.Object{Attrs: hub.Attrs{Key: key, Generation: st.Generation, Size: int64(len(body))}, Body: body}, nil
}

// stateOf finds what is recorded of the file with that identity, cheapest
// first: remembered, in the record, or settled under the lock.
func (b *Bucket) stateOf(ctx context.Context, root *os.Root, key string, id sighting) (state, error) {
	if st, ok := b.seen.get(key, id.id); ok {
		return st, nil
	}
	rec, err := loadRecord(root, key)
	if err != nil {
		return state{}, err
	}
	if st, ok := rec.match(id.id); ok {
		b.seen.put(key, st)
		return st, nil
	}
	unlock, err := b.lock(ctx, root)
	if err != nil {
		return state{}, err
	}
	defer unlock()
	_, st, err := b.settle(root, key)
	if err != nil {
		return state{}, err
	}
	if st == nil || st.Identity != id.id {
		return state{}, errChanged
	}
	b.seen.put(key, *st)
	return *st, nil
}

// Write implements hub.Bucket.
func (b *Bucket) Write(ctx context.Context, key string, body []byte, opts hub.WriteOptions) (int64, error) {
	if err := checkKey(key); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	if len(body) > hub.MaxObjectSize {
		return 0, fmt.Errorf("write %s: %w: %d bytes are more than %d", key, hub.ErrTooLarge, len(body), hub.MaxObjectSize)
	}
	root, err := b.root()
	if err != nil {
		return 0, err
	}
	defer root.Close()
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("write %s: %w", key, err)
	}
	b.tidy.Do(func() { removeStaleTemps(root, time.Now()) })
	if b.alreadyLost(ctx, root, key, opts.IfGeneration) {
		return 0, explain("write", key, hub.ErrPrecondition)
	}
	staged, err := b.stage(root, body)
	if err != nil {
		return 0, explain("write", key, err)
	}
	defer func() { _ = root.Remove(staged.name) }() // gone already when the write succeeds
	generation, err := b.commit(ctx, root, key, body, staged, opts)
	if err != nil {
		return 0, explain("write", key, err)
	}
	return generation, b.persist(root, key)
}

// alreadyLost spares a write that cannot succeed the trouble of preparing its
// file. Whatever is in doubt is decided under the lock.
func (b *Bucket) alreadyLost(ctx context.Context, root *os.Root, key string, want *int64) bool {
	if want == nil {
		return false
	}
	f, id, err := openObject(root, key)
	if isMissing(err) {
		return *want != 0 && b.isSetUp(root) == nil
	}
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := b.stateOf(ctx, root, key, id)
	return err == nil && st.Generation != *want
}

// Delete implements hub.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string, generation int64) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	root, err := b.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	if err := b.remove(ctx, root, key, generation); err != nil {
		return explain("delete", key, err)
	}
	return b.persist(root, key)
}

// openObject opens the regular file of a key. It does not wait for the other
// end of a pipe somebody put there.
func openObject(root *os.Root, key string) (*os.File, sighting, error) {
	f, err := root.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, sighting{}, err
	}
	s, err := identify(f)
	if err == nil && !s.regular {
		err = os.ErrNotExist // a directory holds objects, it is none
	}
	if err != nil {
		f.Close()
		return nil, sighting{}, err
	}
	return f, s, nil
}

func readAll(f *os.File) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(f, hub.MaxObjectSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > hub.MaxObjectSize {
		return nil, fmt.Errorf("%w: more than %d bytes", hub.ErrTooLarge, hub.MaxObjectSize)
	}
	return body, nil
}
