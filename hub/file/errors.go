package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// errChanged: the file was replaced while it was looked at; look again.
var errChanged = errors.New("the file changed meanwhile")

// isMissing: no file of that name, or a part of its path is a file.
func isMissing(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// noBucket tells a missing directory from one that is no bucket.
func (b *Bucket) noBucket() error {
	info, err := os.Stat(b.dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%w: %s is a file, not a directory", hub.ErrNoBucket, b)
	}
	if err == nil {
		return fmt.Errorf("%w: the directory of %s is there but was never set up as one (is the right file system mounted?); create it with kubectl fed init",
			hub.ErrNoBucket, b)
	}
	return fmt.Errorf("%w: %s; create it with kubectl fed init", hub.ErrNoBucket, b)
}

// isSetUp returns an error unless the directory is a bucket: an empty mount
// point must not look like a bucket whose objects are all gone.
func (b *Bucket) isSetUp(root *os.Root) error {
	_, err := root.Lstat(formatFile)
	if isMissing(err) {
		return b.noBucket()
	}
	return err
}

// missing is what a missing file means.
func (b *Bucket) missing(root *os.Root) error {
	if err := b.isSetUp(root); err != nil {
		return err
	}
	return hub.ErrNotExist
}

// explain gives an error of the system the meaning hub knows, with the
// system's own words.
func explain(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%s %s: %w: %w", verb, key, kind, trim(err))
	}
	return fmt.Errorf("%s %s: %w", verb, key, err)
}

// kindOf is the error of hub an error of the system stands for, or nil when it
// is one already.
func kindOf(err error) error {
	for _, known := range []error{
		hub.ErrNotExist, hub.ErrPrecondition, hub.ErrNotModified, hub.ErrForbidden, hub.ErrUnavailable,
		hub.ErrInvalidKey, hub.ErrTooLarge, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return nil
		}
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		if strings.Contains(err.Error(), "escapes") {
			return hub.ErrInvalidKey // os.Root: a symbolic link leads out of the directory
		}
		return hub.ErrUnavailable
	}
	switch errno {
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return hub.ErrForbidden
	case syscall.ENOENT, syscall.ENOTDIR:
		return hub.ErrNotExist
	case syscall.ENAMETOOLONG, syscall.EISDIR, syscall.ELOOP:
		return hub.ErrInvalidKey
	default:
		return hub.ErrUnavailable
	}
}

// trim drops the system call and the path from an error whose key is told.
func trim(err error) error {
	var pathErr *os.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	default:
		return err
	}
}
