package gcs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"path"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// nonceKey is the custom metadata by which a writer knows its own write again.
// Callers never see it.
const nonceKey = "kubectl-fed-write"

// upload is one write, however often it is tried.
type upload struct {
	handle   *storage.ObjectHandle // with the precondition
	body     []byte
	nonce    string
	metadata map[string]string
	crc      uint32
}

// Write implements hub.Bucket.
func (b *Bucket) Write(ctx context.Context, key string, body []byte, opts hub.WriteOptions) (int64, error) {
	if err := b.checkKey(key); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	if len(body) > hub.MaxObjectSize {
		return 0, fmt.Errorf("write %s: %w: %d bytes are more than %d", key, hub.ErrTooLarge, len(body), hub.MaxObjectSize)
	}
	u := upload{handle: b.object(key), body: body, nonce: rand.Text(), crc: crc32.Checksum(body, castagnoli)}
	u.metadata = map[string]string{nonceKey: u.nonce}
	maps.Copy(u.metadata, opts.Metadata)
	if opts.IfGeneration != nil {
		u.handle = u.handle.If(generationIs(*opts.IfGeneration))
	}
	var generation int64
	err := b.run(ctx, writing, func(ctx context.Context, unsure bool) (err error) {
		generation, err = u.send(ctx)
		if unsure && errors.Is(judge(err).kind, hub.ErrPrecondition) {
			generation, err = b.find(ctx, key, u)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", key, err)
	}
	return generation, nil
}

func generationIs(generation int64) storage.Conditions {
	if generation == 0 {
		return storage.Conditions{DoesNotExist: true}
	}
	return storage.Conditions{GenerationMatch: generation}
}

func (u upload) send(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := u.handle.NewWriter(ctx)
	w.ChunkSize = 0 // one request
	w.ContentType = contentType(u.handle.ObjectName())
	w.CacheControl = "no-store"
	w.Metadata = u.metadata
	w.CRC32C, w.SendCRC32C = u.crc, true
	if _, err := w.Write(u.body); err != nil {
		return 0, errors.Join(err, w.CloseWithError(err)) //nolint:staticcheck // the only way to give an upload up
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return w.Attrs().Generation, nil
}

// find looks for our own write behind a failed precondition: the attempt whose
// answer was lost may be what is in the way, and somebody may have replaced it
// since. It returns the write's generation, or that the precondition failed.
func (b *Bucket) find(ctx context.Context, key string, u upload) (int64, error) {
	attrs, err := b.object(key).Attrs(ctx)
	if err == nil && u.wrote(attrs) {
		return attrs.Generation, nil
	}
	if err != nil && !isMissingObject(err) {
		return 0, err
	}
	it := b.bucket.Objects(ctx, versionsOf(b.prefix+key))
	for {
		attrs, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return 0, hub.ErrPrecondition
		}
		if err != nil {
			return 0, err
		}
		if attrs.Name == b.prefix+key && u.wrote(attrs) {
			return attrs.Generation, nil
		}
	}
}

func (u upload) wrote(attrs *storage.ObjectAttrs) bool {
	return attrs.Metadata[nonceKey] == u.nonce && attrs.CRC32C == u.crc
}

// contentType is what a person's browser or gcloud is told.
func contentType(key string) string {
	switch path.Ext(key) {
	case ".json":
		return "application/json"
	case ".yaml":
		return "application/yaml"
	default:
		return "application/octet-stream"
	}
}
