package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// blobGrace keeps a blob that no kept revision names: a leader may be about to
// append the revision that does.
const blobGrace = 10 * time.Minute

func shardOf(cluster string) what { return own("shards", cluster) }

// HeadRevision is the highest revision present, 0 when there is none.
func (s *Store) HeadRevision(ctx context.Context, cluster string) (int64, error) {
	if err := checkClusterName(cluster); err != nil {
		return 0, apierrors.NewBadRequest(err.Error())
	}
	revisions, err := s.revisions(ctx, cluster)
	if err != nil || len(revisions) == 0 {
		return 0, err
	}
	return revisions[len(revisions)-1], nil
}

// revisions lists the numbers present, ascending. Blobs sort after them, so
// the listing stops there.
func (s *Store) revisions(ctx context.Context, cluster string) ([]int64, error) {
	var found []int64
	prefix := shardPrefix(cluster)
	for a, err := range s.bucket.List(ctx, prefix, "") {
		if err != nil {
			return nil, shardOf(cluster).apiError(err)
		}
		rest := strings.TrimPrefix(a.Key, prefix)
		if rest > ":" { // past every digit
			break
		}
		if n, ok := parseRevision(rest); ok {
			found = append(found, n)
		}
	}
	return found, nil
}

// Revision reads one revision whole, its parts and bodies included, and the
// SHA-256 of its stored bytes. Invalid means that it can never be read:
// corrupt, another's, or lacking a part.
func (s *Store) Revision(ctx context.Context, cluster string, n int64) (*v1alpha1.Shard, string, error) {
	if err := checkClusterName(cluster); err != nil {
		return nil, "", apierrors.NewBadRequest(err.Error())
	}
	path, w := revisionPath(cluster, n), shardOf(cluster)
	shard := &v1alpha1.Shard{}
	o, err := s.readJSON(ctx, w, path, shard)
	if err != nil {
		return nil, "", err
	}
	if shard.Revision != n || shard.Cluster != cluster {
		return nil, "", w.corrupt(path, fmt.Errorf("it says revision %d of cluster %q", shard.Revision, shard.Cluster))
	}
	if err := s.resolve(ctx, shard); err != nil {
		return nil, "", err
	}
	return shard, digest(o.Body), nil
}

// AppendRevision creates the shard's revision and returns the SHA-256 of its
// stored bytes. AlreadyExists means that another leader has decided. A large
// shard is split, so that one changed object rewrites one part.
func (s *Store) AppendRevision(ctx context.Context, shard *v1alpha1.Shard) (string, error) {
	if err := checkClusterName(shard.Cluster); err != nil {
		return "", apierrors.NewBadRequest(err.Error())
	}
	w := shardOf(shard.Cluster)
	stored, blobs, err := split(shard)
	if err != nil {
		return "", fmt.Errorf("encode shard: %w", err)
	}
	if err := s.writeBlobs(ctx, shard.Cluster, blobs); err != nil {
		return "", w.apiError(err)
	}
	body, err := json.Marshal(stored)
	if err != nil {
		return "", fmt.Errorf("encode shard: %w", err)
	}
	_, err = s.bucket.Write(ctx, revisionPath(shard.Cluster, shard.Revision), body, WriteOptions{IfGeneration: IfAbsent()})
	if err != nil {
		return "", w.creating(err)
	}
	return digest(body), nil
}

// writeBlobs stores what is not known to be there. Blobs are named by their
// content, so finding one in place is success.
func (s *Store) writeBlobs(ctx context.Context, cluster string, blobs map[string][]byte) error {
	var missing []string
	for sha := range blobs {
		if !s.blobs.has(cluster, sha) {
			missing = append(missing, sha)
		}
	}
	errs := make([]error, len(missing))
	each(len(missing), func(i int) {
		_, err := s.bucket.Write(ctx, blobPath(cluster, missing[i]), blobs[missing[i]], WriteOptions{IfGeneration: IfAbsent()})
		if !errors.Is(err, ErrPrecondition) {
			errs[i] = err
		}
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.blobs.replace(cluster, blobs)
	return nil
}

// PruneRevisions removes all but the newest keep revisions, and the blobs that
// none of those names. It returns how many objects went.
func (s *Store) PruneRevisions(ctx context.Context, cluster string, keep int) (int, error) {
	revisions, err := s.revisions(ctx, cluster)
	if err != nil || len(revisions) <= keep {
		return 0, err
	}
	old, kept := revisions[:len(revisions)-keep], revisions[len(revisions)-keep:]
	errs := make([]error, len(old))
	each(len(old), func(i int) {
		errs[i] = ignoreMissing(s.bucket.Delete(ctx, revisionPath(cluster, old[i]), 0))
	})
	if err := errors.Join(errs...); err != nil {
		return 0, shardOf(cluster).apiError(err)
	}
	blobs, err := s.pruneBlobs(ctx, cluster, kept)
	return len(old) + blobs, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

func (s *Store) pruneBlobs(ctx context.Context, cluster string, kept []int64) (int, error) {
	w, prefix := shardOf(cluster), shardPrefix(cluster)+"objects/"
	var present []Attrs
	for a, err := range s.bucket.List(ctx, prefix, "") {
		if err != nil {
			return 0, w.apiError(err)
		}
		if time.Since(a.Updated) > blobGrace {
			present = append(present, a)
		}
	}
	if len(present) == 0 {
		return 0, nil
	}
	named, err := s.namedBlobs(ctx, cluster, kept)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, a := range present {
		sha := strings.TrimPrefix(a.Key, prefix)
		if named[sha] {
			continue
		}
		s.blobs.drop(cluster, sha) // a reader of an older revision may have cached it
		if err := ignoreMissing(s.bucket.Delete(ctx, a.Key, a.Generation)); err != nil {
			return removed, w.apiError(err)
		}
		removed++
	}
	return removed, nil
}

// namedBlobs collects what the kept revisions need. One that cannot be read
// fails the call: what it names is unknown.
func (s *Store) namedBlobs(ctx context.Context, cluster string, kept []int64) (map[string]bool, error) {
	named := map[string]bool{}
	for _, n := range kept {
		shard := &v1alpha1.Shard{}
		_, err := s.readJSON(ctx, shardOf(cluster), revisionPath(cluster, n), shard)
		if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
			continue // gone, or unreadable to everybody
		}
		if err != nil {
			return nil, err
		}
		if err := s.collectBlobs(ctx, shard, named); err != nil {
			return nil, err
		}
	}
	return named, nil
}

func (s *Store) collectBlobs(ctx context.Context, shard *v1alpha1.Shard, named map[string]bool) error {
	for _, p := range shard.Parts {
		if named[p.SHA256] {
			continue
		}
		named[p.SHA256] = true
		part, err := s.readPart(ctx, shard.Cluster, p)
		if apierrors.IsInvalid(err) {
			continue
		}
		if err != nil {
			return err
		}
		nameBodies(part.Objects, named)
	}
	nameBodies(shard.Objects, named)
	return nil
}

func nameBodies(objects []v1alpha1.ShardObject, named map[string]bool) {
	for _, o := range objects {
		if o.Body != "" {
			named[o.Body] = true
		}
	}
}

// ShardClusters names the clusters that have anything below shards/.
func (s *Store) ShardClusters(ctx context.Context) ([]string, error) {
	var names []string
	offset := ""
	for {
		name, err := s.firstCluster(ctx, offset)
		if err != nil || name == "" {
			return names, err
		}
		names = append(names, name)
		offset = shardsPrefix + name + "0" // the byte after '/'
	}
}

// firstCluster jumps from cluster to cluster instead of listing every blob.
func (s *Store) firstCluster(ctx context.Context, offset string) (string, error) {
	for a, err := range s.bucket.List(ctx, shardsPrefix, offset) {
		if err != nil {
			return "", own("shards", "").apiError(err)
		}
		name, _, ok := strings.Cut(strings.TrimPrefix(a.Key, shardsPrefix), "/")
		if ok && checkClusterName(name) == nil {
			return name, nil
		}
	}
	return "", nil
}

// ForgetCluster removes what a departed cluster left: shards, reports, status.
func (s *Store) ForgetCluster(ctx context.Context, cluster string) error {
	if err := checkClusterName(cluster); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	for _, prefix := range []string{shardPrefix(cluster), reportsPrefix + cluster + "/", clusterStatusPath(cluster)} {
		if err := s.removeAll(ctx, prefix); err != nil {
			return own("clusters", cluster).apiError(err)
		}
	}
	s.blobs.forget(cluster)
	return nil
}

func (s *Store) removeAll(ctx context.Context, prefix string) error {
	var keys []string
	for a, err := range s.bucket.List(ctx, prefix, "") {
		if err != nil {
			return err
		}
		keys = append(keys, a.Key)
	}
	errs := make([]error, len(keys))
	each(len(keys), func(i int) { errs[i] = ignoreMissing(s.bucket.Delete(ctx, keys[i], 0)) })
	return errors.Join(errs...)
}
