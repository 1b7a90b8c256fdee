package gcs

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

const pageSize = 1000 // the most Cloud Storage gives

// listed are the only fields a listing asks for.
var listed = []string{"Name", "Generation", "Size", "Updated", "Deleted", "Metadata", "CRC32C"}

// List implements hub.Bucket. Objects whose names are no valid keys, such as
// the empty ones that stand for folders, are left out.
func (b *Bucket) List(ctx context.Context, prefix, offset string) iter.Seq2[hub.Attrs, error] {
	return func(yield func(hub.Attrs, error) bool) {
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			if err := hub.CheckKey(prefix[:i]); err != nil {
				yield(hub.Attrs{}, fmt.Errorf("list: %w", err))
				return
			}
		}
		query := &storage.Query{Prefix: b.prefix + prefix, Projection: storage.ProjectionNoACL}
		if offset != "" {
			query.StartOffset = b.prefix + offset
		}
		for attrs, err := range b.pages(ctx, query) {
			if err != nil {
				yield(hub.Attrs{}, fmt.Errorf("list %s/%s: %w", b, prefix, err))
				return
			}
			if a := b.attrs(attrs); hub.CheckKey(a.Key) == nil && !yield(a, nil) {
				return
			}
		}
	}
}

// pages yields what a query finds, each page repeated by itself.
func (b *Bucket) pages(ctx context.Context, query *storage.Query) iter.Seq2[*storage.ObjectAttrs, error] {
	return func(yield func(*storage.ObjectAttrs, error) bool) {
		if err := query.SetAttrSelection(listed); err != nil {
			yield(nil, err)
			return
		}
		for token, more := "", true; more; more = token != "" {
			page, next, err := b.page(ctx, query, token)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, attrs := range page {
				if !yield(attrs, nil) {
					return
				}
			}
			token = next
		}
	}
}

func (b *Bucket) page(ctx context.Context, query *storage.Query, token string) (page []*storage.ObjectAttrs, next string, err error) {
	err = b.run(ctx, reading, func(ctx context.Context, _ bool) (err error) {
		page = nil
		next, err = iterator.NewPager(b.bucket.Objects(ctx, query), pageSize, token).NextPage(&page)
		if isMissingObject(err) {
			return storage.ErrBucketNotExist // a listing names no object
		}
		return err
	})
	return page, next, err
}

func (b *Bucket) attrs(a *storage.ObjectAttrs) hub.Attrs {
	metadata := maps.Clone(a.Metadata)
	delete(metadata, nonceKey)
	if len(metadata) == 0 {
		metadata = nil
	}
	return hub.Attrs{
		Key: strings.TrimPrefix(a.Name, b.prefix), Generation: a.Generation, Size: a.Size,
		Updated: a.Updated, Metadata: metadata,
	}
}

// versionsOf asks for the versions of one object; names that merely begin like
// it may be among the answers.
func versionsOf(name string) *storage.Query {
	return &storage.Query{Prefix: name, StartOffset: name, EndOffset: name + "\x00", Versions: true}
}

// History implements hub.Historian.
func (b *Bucket) History(ctx context.Context, key string) ([]hub.Version, error) {
	if err := b.checkKey(key); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	var versions []hub.Version
	for a, err := range b.pages(ctx, versionsOf(b.prefix+key)) {
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", key, err)
		}
		if a.Name == b.prefix+key {
			versions = append(versions, hub.Version{Attrs: b.attrs(a), Deleted: a.Deleted})
		}
	}
	slices.SortFunc(versions, func(x, y hub.Version) int { return cmp.Compare(y.Generation, x.Generation) })
	return versions, nil
}

// ReadVersion implements hub.Historian.
func (b *Bucket) ReadVersion(ctx context.Context, key string, generation int64) (*hub.Object, error) {
	if err := b.checkKey(key); err != nil {
		return nil, fmt.Errorf("read a version: %w", err)
	}
	handle := b.object(key).Generation(generation)
	var obj *hub.Object
	err := b.run(ctx, reading, func(ctx context.Context, _ bool) error {
		attrs, err := handle.Attrs(ctx)
		if err != nil {
			return err
		}
		if obj, err = download(ctx, handle, key); err != nil {
			return err
		}
		obj.Attrs = b.attrs(attrs)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read generation %s of %s: %w", strconv.FormatInt(generation, 10), key, err)
	}
	return obj, nil
}
