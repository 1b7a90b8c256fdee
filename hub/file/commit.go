package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// settle says which state the key's file is in, or none when there is no file.
// A file nobody recorded gets its generation here. The lock is held.
func (b *Bucket) settle(root *os.Root, key string) (record, *state, error) {
	rec, err := loadRecord(root, key)
	if err != nil {
		return record{}, nil, err
	}
	f, found, err := openObject(root, key)
	if isMissing(err) {
		return rec, nil, nil
	}
	if err != nil {
		return record{}, nil, err
	}
	defer f.Close()
	if st, ok := rec.match(found.id); ok {
		return rec, &st, nil
	}
	return b.adopt(root, rec, f, found)
}

// adopt records a file that somebody else placed.
func (b *Bucket) adopt(root *os.Root, rec record, f *os.File, found sighting) (record, *state, error) {
	st := state{Identity: found.id, Updated: found.changed}
	body, err := readAll(f)
	if err != nil && !errors.Is(err, hub.ErrTooLarge) {
		return record{}, nil, err
	}
	if err == nil {
		st.SHA256 = digest(body)
	}
	last := rec.newest()
	if last != nil && st.SHA256 != "" && last.SHA256 == st.SHA256 {
		st = *last // copied again, unchanged
		st.Identity = found.id
	} else if st.Generation, err = b.nextGeneration(root, rec); err != nil {
		return record{}, nil, err
	}
	rec = record{Key: rec.Key, States: []state{st}}
	if err := b.saveRecord(root, rec); err != nil {
		return record{}, nil, err
	}
	return rec, &st, b.archive(root, rec.Key, st, body)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// nextGeneration is a number no version of the key ever had: the time in
// microseconds, unless the clock went back.
func (b *Bucket) nextGeneration(root *os.Root, rec record) (int64, error) {
	high, err := highWater(root)
	if err != nil {
		return 0, err
	}
	return max(time.Now().UnixMicro(), rec.highest()+1, high+1), nil
}

func highWater(root *os.Root) (int64, error) {
	data, err := root.ReadFile(highFile)
	if isMissing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the highest generation: %w", err)
	}
	high, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, nil // torn by a power cut: the clock is left
	}
	return high, nil
}

// raiseWater remembers a generation whose record is about to go.
func (b *Bucket) raiseWater(root *os.Root, generation int64) error {
	high, err := highWater(root)
	if err != nil || generation <= high {
		return err
	}
	return b.replace(root, highFile, []byte(strconv.FormatInt(generation, 10)+"\n"))
}

// stage writes the body to a file of its own, durably.
func (b *Bucket) stage(root *os.Root, body []byte) (temp, error) {
	staged, err := b.writeTemp(root, body, true)
	if isMissing(err) {
		return temp{}, b.noBucket()
	}
	if err == nil {
		b.disk.step("staged")
	}
	return staged, err
}

// commit puts the staged file in the key's place if the precondition holds.
func (b *Bucket) commit(ctx context.Context, root *os.Root, key string, body []byte, staged temp, opts hub.WriteOptions) (int64, error) {
	unlock, err := b.lock(ctx, root)
	if err != nil {
		return 0, err
	}
	defer unlock()
	rec, current, err := b.settle(root, key)
	if err != nil {
		return 0, err
	}
	if err := demand(opts.IfGeneration, current); err != nil {
		return 0, err
	}
	next := state{Identity: staged.id, SHA256: digest(body), Updated: time.Now().UTC(), Metadata: opts.Metadata}
	if next.Generation, err = b.nextGeneration(root, rec); err != nil {
		return 0, err
	}
	if err := makeRoom(root, key); err != nil {
		return 0, err
	}
	if err := b.swap(root, key, current, next, staged); err != nil {
		return 0, err
	}
	b.seen.put(key, next)
	// The object is written; a version that cannot be kept is made up for by
	// the next write.
	_ = b.archive(root, key, next, body)
	b.disk.step("archived")
	return next.Generation, nil
}

func demand(want *int64, current *state) error {
	var have int64
	if current != nil {
		have = current.Generation
	}
	if want != nil && *want != have {
		return hub.ErrPrecondition
	}
	return nil
}

// swap announces the next state in the record, then renames its file into
// place.
func (b *Bucket) swap(root *os.Root, key string, current *state, next state, staged temp) error {
	before := record{Key: key}
	if current != nil {
		before.States = []state{*current}
		if err := b.archiveFile(root, key, *current); err != nil {
			return err
		}
	}
	b.disk.step("settled")
	if err := b.saveRecord(root, record{Key: key, States: append(before.States[:len(before.States):len(before.States)], next)}); err != nil {
		return err
	}
	b.disk.step("announced")
	if err := b.disk.rename(root, staged.name, key); err != nil {
		if isMissing(err) { // not the object: somebody removed its directory, or the staged file
			err = fmt.Errorf("%w: %w", hub.ErrUnavailable, trim(err))
		}
		return errors.Join(err, b.saveRecord(root, before))
	}
	b.disk.step("renamed")
	return nil
}

// makeRoom creates the directories of a key, and tells when the key is itself
// a directory of others, or one of its directories an object.
func makeRoom(root *os.Root, key string) error {
	err := root.MkdirAll(path.Dir(key), 0o777)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: a part of %q is an object itself, which a directory cannot hold both", hub.ErrInvalidKey, key)
	}
	if err != nil {
		return err
	}
	info, err := root.Lstat(key)
	if err != nil || !info.IsDir() {
		return nil
	}
	if root.Remove(key) == nil { // it was empty
		return nil
	}
	return fmt.Errorf("%w: %q is the beginning of other objects' keys, which a directory cannot hold both", hub.ErrInvalidKey, key)
}

// remove deletes the key's file if it is at the generation.
func (b *Bucket) remove(ctx context.Context, root *os.Root, key string, generation int64) error {
	unlock, err := b.lock(ctx, root)
	if err != nil {
		return err
	}
	defer unlock()
	_, current, err := b.settle(root, key)
	if err != nil {
		return err
	}
	if current == nil {
		return hub.ErrNotExist
	}
	if generation != 0 && generation != current.Generation {
		return hub.ErrPrecondition
	}
	if err := b.archiveFile(root, key, *current); err != nil {
		return err
	}
	if err := b.raiseWater(root, current.Generation); err != nil {
		return err
	}
	if err := b.saveRecord(root, record{Key: key, States: []state{*current}, Deleting: true}); err != nil {
		return err
	}
	b.disk.step("announced")
	if err := root.Remove(key); err != nil {
		return err
	}
	b.disk.step("removed")
	b.bury(root, key, current.Generation, time.Now())
	_ = root.Remove(recordPath(key))
	removeEmptyParents(root, key)
	return nil
}

// removeEmptyParents keeps directories at the top, into which somebody may be
// copying just now.
func removeEmptyParents(root *os.Root, key string) {
	for _, dir := range parents(key) {
		if root.Remove(dir) != nil {
			return
		}
	}
}

// persist makes a rename or removal survive a power cut. The change has
// happened; when this fails, only its durability is unknown.
func (b *Bucket) persist(root *os.Root, key string) error {
	for dir := path.Dir(key); ; dir = path.Dir(dir) {
		f, err := root.Open(dir)
		if isMissing(err) && dir != "." {
			continue // removed with its last object
		}
		if err == nil {
			err = b.disk.sync(f)
			f.Close()
		}
		if err != nil {
			return fmt.Errorf("sync the directory of %s: %w: %w: %w", key, hub.ErrUnavailable, hub.ErrUnknownOutcome, err)
		}
		return nil
	}
}
