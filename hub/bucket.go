package hub

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Errors every Bucket answers with, wrapped or bare; test with errors.Is.
var (
	// ErrNotExist: there is no such object (or no such bucket).
	ErrNotExist = errors.New("object does not exist")
	// ErrNoBucket: the bucket itself is missing, or the directory is none. It
	// matches ErrNotExist too, but nothing may be concluded about the object.
	ErrNoBucket error = noBucketError{}
	// ErrPrecondition: the object's generation is not the one demanded.
	ErrPrecondition = errors.New("precondition failed")
	// ErrNotModified: the object is still at the generation the reader has.
	ErrNotModified = errors.New("not modified")
	// ErrForbidden: the caller may not do this. Never to be taken for
	// ErrNotExist, nor for an empty listing.
	ErrForbidden = errors.New("forbidden")
	// ErrUnavailable: the bucket did not answer, or asked to slow down, beyond
	// the retries; whether a write took effect is unknown only if the error
	// says so by also matching ErrUnknownOutcome.
	ErrUnavailable = errors.New("bucket unavailable")
	// ErrUnknownOutcome: a write may or may not have happened.
	ErrUnknownOutcome = errors.New("outcome of the write is unknown")
	// ErrInvalidKey: the key is empty, absolute, too long, or tries to leave
	// the root.
	ErrInvalidKey = errors.New("invalid key")
	// ErrTooLarge: the object is over MaxObjectSize.
	ErrTooLarge = errors.New("object too large")
)

type noBucketError struct{}

func (noBucketError) Error() string        { return "bucket does not exist" }
func (noBucketError) Is(target error) bool { return target == ErrNotExist }

const (
	// MaxObjectSize is the most a Bucket reads or writes as one object, in
	// bytes; whoever can write the bucket cannot exhaust a reader's memory.
	MaxObjectSize = 16 << 20
	// MaxKeyLength is Google Cloud Storage's limit, in bytes of UTF-8.
	MaxKeyLength = 1024
)

// Attrs is what a listing tells of an object.
type Attrs struct {
	Key        string
	Generation int64 // never 0; unique per key, compare for equality only
	Size       int64
	Updated    time.Time // the bucket's clock
	Metadata   map[string]string
}

// Object is an object with its content.
type Object struct {
	Attrs
	Body []byte
}

// WriteOptions of Bucket.Write.
type WriteOptions struct {
	// IfGeneration, when set, makes the write conditional: 0 demands that the
	// object does not exist, anything else that it is at that generation.
	IfGeneration *int64
	// Metadata replaces the object's custom metadata.
	Metadata map[string]string
}

// IfAbsent is the precondition of a write that creates.
func IfAbsent() *int64 { return IfGeneration(0) }

// IfGeneration is the precondition of a write that replaces generation g.
func IfGeneration(g int64) *int64 { return &g }

// Bucket is a store of small named objects with strong consistency: after a
// write returns, every read and listing sees it. Every method is bounded by its
// context and safe for concurrent use. A conditional write or delete that fails
// has changed nothing. Keys are relative, slash-separated, without empty, "."
// or ".." elements.
type Bucket interface {
	// Read returns the object, or ErrNotExist. When notGeneration is not 0
	// and the object is at that generation: ErrNotModified, without the body.
	// It leaves Updated and Metadata empty, because Cloud Storage does not
	// send them with the content: a listing and ReadVersion tell them.
	Read(ctx context.Context, key string, notGeneration int64) (*Object, error)
	// Write stores the object whole and returns its new generation.
	Write(ctx context.Context, key string, body []byte, opts WriteOptions) (int64, error)
	// Delete removes the object if it is at the generation; 0 removes any. A
	// missing object is ErrNotExist.
	Delete(ctx context.Context, key string, generation int64) error
	// List yields the objects whose key begins with prefix and is not before
	// offset (either may be empty), in byte order of the keys. It stops after
	// the first error.
	List(ctx context.Context, prefix, offset string) iter.Seq2[Attrs, error]
}

// Historian is a Bucket that keeps past versions.
type Historian interface {
	// History lists the versions of one key, newest first, the live one (if
	// any) included; deleted tells when a version stopped being live.
	History(ctx context.Context, key string) ([]Version, error)
	// ReadVersion returns one version, live or not.
	ReadVersion(ctx context.Context, key string, generation int64) (*Object, error)
}

// Version is one past or present version of an object.
type Version struct {
	Attrs
	Deleted time.Time // zero while live
}

// Provisioner sets a bucket up and takes it down. It is apart from Bucket
// because agents hold no such rights.
type Provisioner interface {
	// Provision checks that the bucket exists and can be written, and sets
	// what the layout needs (versioning, lifecycle). It returns warnings for
	// what it could not check or set, and can be run again.
	Provision(ctx context.Context) (warnings []string, err error)
	// Empty removes every object under the root, past versions included where
	// the caller may. The bucket itself stays.
	Empty(ctx context.Context, progress func(removed int)) error
}
