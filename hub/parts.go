package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Sizes in bytes of JSON. One edit among thousands of specs rewrites one part
// and the revision that lists them.
const (
	inlineShard  = 256 << 10 // a shard up to this is one object
	inlineObject = 32 << 10  // a manifest over this is a blob of its own
	partTarget   = 16 << 10  // parts are at most about this, on average
)

// shardPart is the content of one part.
type shardPart struct {
	Objects  []v1alpha1.ShardObject                    `json:"objects"`
	Replicas map[v1alpha1.Key]v1alpha1.ReplicaDecision `json:"replicas,omitempty"`
}

// split returns the shard as it is stored, and the blobs it names. The number
// of parts is a power of two, so that growth moves few objects.
func split(shard *v1alpha1.Shard) (*v1alpha1.Shard, map[string][]byte, error) {
	size := 0
	for _, o := range shard.Objects {
		size += len(o.Manifest)
	}
	if size <= inlineShard {
		return shard, nil, nil
	}
	stored, blobs := *shard, map[string][]byte{}
	parts := make([]shardPart, partCount(size))
	for _, o := range shard.Objects {
		p := &parts[partOf(o.Key, len(parts))]
		p.Objects = append(p.Objects, outline(o, blobs))
		if d, ok := shard.Decision.Replicas[o.Key]; ok {
			if p.Replicas == nil {
				p.Replicas = map[v1alpha1.Key]v1alpha1.ReplicaDecision{}
			}
			p.Replicas[o.Key] = d
		}
	}
	stored.Objects, stored.Decision.Replicas, stored.Parts = nil, nil, nil
	for _, p := range parts {
		body, err := json.Marshal(p)
		if err != nil {
			return nil, nil, err
		}
		sha := digest(body)
		blobs[sha] = body
		stored.Parts = append(stored.Parts, v1alpha1.ShardPart{SHA256: sha, Size: int64(len(body))})
	}
	return &stored, blobs, nil
}

func partCount(size int) int {
	n := 1
	for size/n > partTarget {
		n *= 2
	}
	return n
}

func partOf(k v1alpha1.Key, parts int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.String()))
	return int(h.Sum32() % uint32(parts)) //nolint:gosec // parts is a small positive number
}

// outline moves a large manifest out of its object.
func outline(o v1alpha1.ShardObject, blobs map[string][]byte) v1alpha1.ShardObject {
	if len(o.Manifest) <= inlineObject {
		return o
	}
	o.Body = digest(o.Manifest)
	blobs[o.Body] = o.Manifest
	o.Manifest = nil
	return o
}

// resolve fills in what split took out.
func (s *Store) resolve(ctx context.Context, shard *v1alpha1.Shard) error {
	if len(shard.Parts) == 0 && !slices.ContainsFunc(shard.Objects, func(o v1alpha1.ShardObject) bool { return o.Body != "" }) {
		return nil
	}
	used := map[string][]byte{}
	if err := s.joinParts(ctx, shard, used); err != nil {
		return err
	}
	if err := s.fillBodies(ctx, shard, used); err != nil {
		return err
	}
	s.blobs.replace(shard.Cluster, used)
	return nil
}

func (s *Store) joinParts(ctx context.Context, shard *v1alpha1.Shard, used map[string][]byte) error {
	parts, errs := make([]*shardPart, len(shard.Parts)), make([]error, len(shard.Parts))
	var mu sync.Mutex
	each(len(parts), func(i int) {
		body, err := s.blob(ctx, shard.Cluster, shard.Parts[i].SHA256)
		if err == nil {
			mu.Lock()
			used[shard.Parts[i].SHA256] = body
			mu.Unlock()
			parts[i], err = decodePart(shard.Cluster, shard.Parts[i].SHA256, body)
		}
		errs[i] = err
	})
	if err := errors.Join(errs...); err != nil {
		return firstError(errs)
	}
	for _, p := range parts {
		shard.Objects = append(shard.Objects, p.Objects...)
		for k, d := range p.Replicas {
			if shard.Decision.Replicas == nil {
				shard.Decision.Replicas = map[v1alpha1.Key]v1alpha1.ReplicaDecision{}
			}
			shard.Decision.Replicas[k] = d
		}
	}
	slices.SortFunc(shard.Objects, func(a, b v1alpha1.ShardObject) int { return a.Key.Compare(b.Key) })
	shard.Parts = nil
	return nil
}

// firstError keeps an API error recognisable, which a join would hide.
func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) fillBodies(ctx context.Context, shard *v1alpha1.Shard, used map[string][]byte) error {
	var out []int
	for i, o := range shard.Objects {
		if o.Body != "" {
			out = append(out, i)
		}
	}
	bodies, errs := make([][]byte, len(out)), make([]error, len(out))
	each(len(out), func(i int) {
		bodies[i], errs[i] = s.blob(ctx, shard.Cluster, shard.Objects[out[i]].Body)
	})
	if err := firstError(errs); err != nil {
		return err
	}
	for i, at := range out {
		o := &shard.Objects[at]
		used[o.Body] = bodies[i]
		o.Manifest, o.Body = bodies[i], ""
	}
	return nil
}

func (s *Store) readPart(ctx context.Context, cluster string, p v1alpha1.ShardPart) (*shardPart, error) {
	body, err := s.blob(ctx, cluster, p.SHA256)
	if err != nil {
		return nil, err
	}
	return decodePart(cluster, p.SHA256, body)
}

func decodePart(cluster, sha string, body []byte) (*shardPart, error) {
	p := &shardPart{}
	if err := decodeJSON(body, p); err != nil {
		return nil, shardOf(cluster).corrupt(blobPath(cluster, sha), err)
	}
	return p, nil
}

// blob reads content by its hash. Missing or different content is corruption:
// the revision that names it can never be read.
func (s *Store) blob(ctx context.Context, cluster, sha string) ([]byte, error) {
	if body := s.blobs.get(cluster, sha); body != nil {
		return body, nil
	}
	w, path := shardOf(cluster), blobPath(cluster, sha)
	o, err := s.bucket.Read(ctx, path, 0)
	if errors.Is(err, ErrNotExist) || errors.Is(err, ErrInvalidKey) {
		return nil, w.corrupt(path, err)
	}
	if err != nil {
		return nil, w.apiError(err)
	}
	if digest(o.Body) != sha {
		return nil, w.corrupt(path, fmt.Errorf("content does not have the hash it is named by"))
	}
	return o.Body, nil
}

// blobCache holds the blobs of each cluster's newest revision, so that the
// next one is read and written by its difference alone.
type blobCache struct {
	mu       sync.Mutex
	clusters map[string]map[string][]byte
}

func newBlobCache() *blobCache { return &blobCache{clusters: map[string]map[string][]byte{}} }

func (c *blobCache) has(cluster, sha string) bool { return c.get(cluster, sha) != nil }

func (c *blobCache) get(cluster, sha string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clusters[cluster][sha]
}

func (c *blobCache) replace(cluster string, blobs map[string][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clusters[cluster] = blobs
}

// drop makes the cache forget blobs that are no longer in the bucket.
func (c *blobCache) drop(cluster, sha string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.clusters[cluster], sha)
}

func (c *blobCache) forget(cluster string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.clusters, cluster)
}
