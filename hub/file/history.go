package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// A past version is one file: its state as a line of JSON, then the content.
// Beside a version that was deleted, not replaced, lies a file that says when.
const buriedSuffix = ".deleted"

// archive keeps a copy of a version, if the key's past is kept, and drops the
// oldest ones.
func (b *Bucket) archive(root *os.Root, key string, st state, body []byte) error {
	if !isVersioned(key) {
		return nil
	}
	header, err := json.Marshal(st)
	if err != nil {
		return err
	}
	data := slices.Concat(header, []byte("\n"), body)
	if err := b.replace(root, versionPath(key, st.Generation), data); err != nil {
		return fmt.Errorf("keep the version: %w", err)
	}
	return pruneVersions(root, key)
}

// archiveFile makes sure that the version about to be replaced is kept; the
// process that wrote it may have died before it did so itself.
func (b *Bucket) archiveFile(root *os.Root, key string, st state) error {
	if !isVersioned(key) {
		return nil
	}
	if _, err := root.Lstat(versionPath(key, st.Generation)); !isMissing(err) {
		return err
	}
	f, _, err := openObject(root, key)
	if err != nil {
		return err
	}
	defer f.Close()
	body, err := readAll(f)
	if err != nil {
		return err
	}
	return b.archive(root, key, st, body)
}

// bury notes when a version was deleted. History can do without: then the
// time it is noticed counts.
func (b *Bucket) bury(root *os.Root, key string, generation int64, at time.Time) {
	if isVersioned(key) {
		_ = b.replace(root, versionPath(key, generation)+buriedSuffix, []byte(at.UTC().Format(time.RFC3339Nano)+"\n"))
	}
}

func pruneVersions(root *os.Root, key string) error {
	generations, err := keptGenerations(root, key)
	if err != nil || len(generations) <= keptVersions {
		return err
	}
	for _, g := range generations[keptVersions:] {
		_ = root.Remove(versionPath(key, g) + buriedSuffix)
		if err := root.Remove(versionPath(key, g)); err != nil && !isMissing(err) {
			return err
		}
	}
	return nil
}

// keptGenerations are the versions in the folder, newest first.
func keptGenerations(root *os.Root, key string) ([]int64, error) {
	dir, err := root.Open(versionsPath(key))
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var generations []int64
	for _, name := range names {
		if g, err := strconv.ParseInt(name, 10, 64); err == nil {
			generations = append(generations, g)
		}
	}
	slices.SortFunc(generations, func(a, b int64) int { return cmp.Compare(b, a) })
	return generations, nil
}

// History implements hub.Historian. Past versions are kept for specs and
// clusters only, the newest 50 of each.
func (b *Bucket) History(ctx context.Context, key string) ([]hub.Version, error) {
	var versions []hub.Version
	err := b.locked(ctx, key, func(root *os.Root) error {
		_, current, err := b.settle(root, key)
		if err != nil {
			return err
		}
		versions, err = b.versions(root, key, current)
		return err
	})
	if err != nil {
		return nil, explain("read the history of", key, err)
	}
	return versions, nil
}

// locked does something with a key under the lock.
func (b *Bucket) locked(ctx context.Context, key string, do func(*os.Root) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	root, err := b.root()
	if err != nil {
		return err
	}
	defer root.Close()
	unlock, err := b.lock(ctx, root)
	if err != nil {
		return err
	}
	defer unlock()
	return do(root)
}

func (b *Bucket) versions(root *os.Root, key string, current *state) ([]hub.Version, error) {
	generations, err := keptGenerations(root, key)
	if err != nil {
		return nil, err
	}
	var versions []hub.Version
	replaced := time.Time{} // when the version after this one took its place
	if current != nil {
		versions = append(versions, hub.Version{Attrs: current.attrs(key)})
		replaced = current.Updated
	}
	for _, g := range generations {
		if current != nil && g >= current.Generation {
			continue // the live one, or one that a crash kept from becoming live
		}
		st, _, err := readVersion(root, key, g)
		if errors.Is(err, hub.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, hub.Version{Attrs: st.attrs(key), Deleted: b.deletedAt(root, key, g, replaced)})
		replaced = st.Updated
	}
	return versions, nil
}

// deletedAt is when a version was deleted, else when it was replaced, else now:
// its file was removed by hand, and this is the first to notice.
func (b *Bucket) deletedAt(root *os.Root, key string, generation int64, replaced time.Time) time.Time {
	data, err := root.ReadFile(versionPath(key, generation) + buriedSuffix)
	if err == nil {
		if at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(data))); err == nil {
			return at
		}
	}
	if !replaced.IsZero() {
		return replaced
	}
	now := time.Now().UTC()
	b.bury(root, key, generation, now)
	return now
}

// readVersion reads a kept version; a torn one does not exist.
func readVersion(root *os.Root, key string, generation int64) (state, []byte, error) {
	f, err := root.Open(versionPath(key, generation))
	if isMissing(err) {
		return state{}, nil, hub.ErrNotExist
	}
	if err != nil {
		return state{}, nil, err
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil {
		return state{}, nil, err
	}
	header, body, _ := bytes.Cut(data, []byte("\n"))
	var st state
	if json.Unmarshal(header, &st) != nil || st.Generation != generation || digest(body) != st.SHA256 {
		return state{}, nil, hub.ErrNotExist
	}
	return st, body, nil
}

// ReadVersion implements hub.Historian.
func (b *Bucket) ReadVersion(ctx context.Context, key string, generation int64) (*hub.Object, error) {
	var obj *hub.Object
	err := b.locked(ctx, key, func(root *os.Root) error {
		_, current, err := b.settle(root, key)
		if err != nil {
			return err
		}
		if current != nil && current.Generation == generation {
			obj, err = readLive(root, key, *current)
			return err
		}
		st, body, err := readVersion(root, key, generation)
		obj = &hub.Object{Attrs: st.attrs(key), Body: body}
		return err
	})
	if err != nil {
		return nil, explain("read generation "+strconv.FormatInt(generation, 10)+" of", key, err)
	}
	return obj, nil
}

func readLive(root *os.Root, key string, st state) (*hub.Object, error) {
	f, _, err := openObject(root, key)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := readAll(f)
	if err != nil {
		return nil, err
	}
	return &hub.Object{Attrs: st.attrs(key), Body: body}, nil
}
