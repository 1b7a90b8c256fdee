//go:build !linux && !darwin

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// lock refuses: without advisory locks and inode numbers a bucket in a
// directory cannot keep its promises.
func (b *Bucket) lock(context.Context, *os.Root) (unlock func(), err error) {
	return nil, fmt.Errorf("file:// buckets work on Linux and macOS only: %w", errors.ErrUnsupported)
}

func identify(f *os.File) (sighting, error) {
	info, err := f.Stat()
	if err != nil {
		return sighting{}, err
	}
	return sight(info), nil
}

func sight(info os.FileInfo) sighting {
	return sighting{
		id:      identity{ModTime: info.ModTime().UnixNano(), Size: info.Size()},
		changed: info.ModTime().UTC(),
		regular: info.Mode().IsRegular(),
	}
}
