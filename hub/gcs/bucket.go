// Package gcs keeps a bucket in Google Cloud Storage.
//
// In go keys and bodies, out come the objects of hub.Bucket; generations are
// the storage's own and preconditions are its own. It repeats what the storage
// did not answer, within the caller's context, and finds out whether a write
// whose answer was lost took effect. It reads through the JSON API, because the
// XML one drops the conditions. It never lets a cache serve an object.
package gcs

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"runtime/debug"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// Bucket is a hub.Bucket, hub.Historian and hub.Provisioner over gs://.
type Bucket struct {
	client *storage.Client
	bucket *storage.BucketHandle
	name   string
	prefix string // empty, or ends with a slash
	retry  retry
}

// Open returns the bucket of that name; prefix, which may be empty, is put
// before every key. Credentials are Google's application default ones, unless
// STORAGE_EMULATOR_HOST names an emulator. The bucket itself is not asked for.
func Open(ctx context.Context, name, prefix string, opts ...option.ClientOption) (*Bucket, error) {
	b := &Bucket{name: name, retry: defaultRetry()}
	if prefix != "" {
		if err := hub.CheckKey(prefix); err != nil {
			return nil, fmt.Errorf("open gs://%s: its prefix: %w", name, err)
		}
		b.prefix = prefix + "/"
	}
	opts = append([]option.ClientOption{option.WithUserAgent(userAgent()), storage.WithJSONReads()}, opts...)
	client, err := storage.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w (to log in: gcloud auth application-default login)", b, err)
	}
	// The client's own repetitions would hide whether a write may have
	// happened twice.
	client.SetRetry(storage.WithPolicy(storage.RetryNever))
	b.client, b.bucket = client, client.Bucket(name)
	return b, nil
}

// userAgent tells Google's audit logs which program and version it was.
func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return "kubectl-fed/" + version
}

// Close releases idle connections.
func (b *Bucket) Close() error { return b.client.Close() }

// String is the bucket's URL.
func (b *Bucket) String() string {
	if b.prefix == "" {
		return "gs://" + b.name
	}
	return "gs://" + b.name + "/" + b.prefix[:len(b.prefix)-1]
}

func (b *Bucket) checkKey(key string) error {
	if err := hub.CheckKey(key); err != nil {
		return err
	}
	if len(b.prefix)+len(key) > hub.MaxKeyLength {
		return fmt.Errorf("%w: with the bucket's prefix, %d bytes are more than %d",
			hub.ErrInvalidKey, len(b.prefix)+len(key), hub.MaxKeyLength)
	}
	return nil
}

func (b *Bucket) object(key string) *storage.ObjectHandle { return b.bucket.Object(b.prefix + key) }

// Read implements hub.Bucket.
func (b *Bucket) Read(ctx context.Context, key string, notGeneration int64) (*hub.Object, error) {
	if err := b.checkKey(key); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	handle := b.object(key)
	if notGeneration != 0 {
		handle = handle.If(storage.Conditions{GenerationNotMatch: notGeneration})
	}
	var obj *hub.Object
	err := b.run(ctx, reading, func(ctx context.Context, _ bool) (err error) {
		obj, err = download(ctx, handle, key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return obj, nil
}

func download(ctx context.Context, handle *storage.ObjectHandle, key string) (*hub.Object, error) {
	r, err := handle.NewReader(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Attrs.Size > hub.MaxObjectSize {
		return nil, fmt.Errorf("%w: %d bytes are more than %d", hub.ErrTooLarge, r.Attrs.Size, hub.MaxObjectSize)
	}
	body, err := io.ReadAll(io.LimitReader(r, hub.MaxObjectSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > hub.MaxObjectSize { // it grew while it was unpacked
		return nil, fmt.Errorf("%w: more than %d bytes", hub.ErrTooLarge, hub.MaxObjectSize)
	}
	return &hub.Object{Attrs: hub.Attrs{Key: key, Generation: r.Attrs.Generation, Size: int64(len(body))}, Body: body}, nil
}

// Delete implements hub.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string, generation int64) error {
	if err := b.checkKey(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	handle := b.object(key)
	if generation != 0 {
		handle = handle.If(storage.Conditions{GenerationMatch: generation})
	}
	err := b.run(ctx, writing, func(ctx context.Context, unsure bool) error {
		err := handle.Delete(ctx)
		if unsure && isMissingObject(err) {
			return nil // an attempt that was not answered removed it
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
