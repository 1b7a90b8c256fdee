package file

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"
)

// disk is the part of the file system that can fail or stop half way. Tests
// replace it to fill the disk, or to die between two steps.
type disk struct {
	write  func(*os.File, []byte) (int, error)
	sync   func(*os.File) error
	rename func(root *os.Root, from, to string) error
	step   func(name string) // called between the steps of a change
}

func realDisk() disk {
	return disk{
		write:  (*os.File).Write,
		sync:   (*os.File).Sync,
		rename: (*os.Root).Rename,
		step:   func(string) {},
	}
}

// temp is a written file that waits to be renamed.
type temp struct {
	name string
	id   identity
}

// writeTemp writes a new file in the folder for temporary ones. On error
// nothing of it stays.
func (b *Bucket) writeTemp(root *os.Root, data []byte, durable bool) (temp, error) {
	name := tempDir + "/" + rand.Text()
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return temp{}, err
	}
	id, err := b.fill(root, f, name, data, durable)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = root.Remove(name)
		return temp{}, err
	}
	return temp{name: name, id: id}, nil
}

func (b *Bucket) fill(root *os.Root, f *os.File, name string, data []byte, durable bool) (identity, error) {
	if _, err := b.disk.write(f, data); err != nil {
		return identity{}, err
	}
	now := time.Now()
	if err := root.Chtimes(name, now, now); err != nil {
		return identity{}, fmt.Errorf("set its time: %w", err)
	}
	if durable {
		if err := b.disk.sync(f); err != nil {
			return identity{}, err
		}
	}
	s, err := identify(f)
	return s.id, err
}
