// Package hub is where a federation is kept: a typed store over a bucket of
// named objects.
//
// In go the types of pkg/api/v1alpha1; out come the same types, with the
// bucket's object generation as resourceVersion and apimachinery's errors
// (NotFound, AlreadyExists, Conflict, Invalid, Forbidden, ServiceUnavailable).
// It knows neither agent nor plugin, decides nothing and logs nothing.
package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// parallel is how many objects are read at once: enough to hide a bucket's
// latency, little enough not to be asked to slow down.
const parallel = 16

// Store is the typed view of one federation's bucket. It is safe for
// concurrent use.
type Store struct {
	bucket Bucket
	blobs  *blobCache
}

// New returns the store over a bucket.
func New(b Bucket) *Store {
	return &Store{bucket: b, blobs: newBlobCache()}
}

// readYAML strictly decodes a document that people write.
func (s *Store) readYAML(ctx context.Context, w what, path string, into any) (int64, error) {
	o, err := s.bucket.Read(ctx, path, 0)
	if err != nil {
		return 0, w.apiError(err)
	}
	if err := yaml.UnmarshalStrict(o.Body, into); err != nil {
		return 0, w.corrupt(path, err)
	}
	return o.Generation, nil
}

// readJSON decodes a document that agents and leaders write. Unknown fields
// pass: a newer release may write what an older one reads.
func (s *Store) readJSON(ctx context.Context, w what, path string, into any) (*Object, error) {
	o, err := s.bucket.Read(ctx, path, 0)
	if err != nil {
		return nil, w.apiError(err)
	}
	if err := decodeJSON(o.Body, into); err != nil {
		return nil, w.corrupt(path, err)
	}
	return o, nil
}

func decodeJSON(body []byte, into any) error {
	return kjson.UnmarshalCaseSensitivePreserveInts(body, into)
}

func (s *Store) writeJSON(ctx context.Context, w what, path string, v any, opts WriteOptions) (int64, []byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return 0, nil, fmt.Errorf("encode %s: %w", path, err)
	}
	gen, err := s.bucket.Write(ctx, path, body, opts)
	return gen, body, w.apiError(err)
}

func formatVersion(generation int64) string { return strconv.FormatInt(generation, 10) }

// parseVersion reads a resourceVersion; an empty one is 0, which no object has.
func parseVersion(v string) (int64, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("resourceVersion %q: want a positive number", v)
	}
	return n, nil
}

// each calls do for 0 … n-1, at most parallel at a time, and waits for all.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}
