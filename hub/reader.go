package hub

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Reader takes snapshots of what users wrote. It keeps bodies by generation,
// so that a snapshot of an unchanged bucket is a few listings.
type Reader struct {
	store    *Store
	specs    map[v1alpha1.Key]v1alpha1.SpecRecord
	clusters map[string]v1alpha1.Cluster // by name; its resourceVersion is the generation
	fed      *v1alpha1.Federation
}

// NewReader returns a Reader with nothing cached. It is not safe for
// concurrent use.
func NewReader(s *Store) *Reader {
	return &Reader{store: s, specs: map[v1alpha1.Key]v1alpha1.SpecRecord{}, clusters: map[string]v1alpha1.Cluster{}}
}

// Snapshot reads federation, clusters, specs and requests. Any error means
// that nothing is known, never that nothing is there; a single spec that
// cannot be read is told in Unread.
func (r *Reader) Snapshot(ctx context.Context) (*v1alpha1.Snapshot, error) {
	fed, err := r.federation(ctx)
	if err != nil {
		return nil, err
	}
	clusters, err := r.readClusters(ctx)
	if err != nil {
		return nil, err
	}
	snap := &v1alpha1.Snapshot{Federation: fed, Clusters: clusters}
	if err := r.readSpecs(ctx, snap); err != nil {
		return nil, err
	}
	snap.Requests, err = r.store.Requests(ctx)
	return snap, err
}

func (r *Reader) federation(ctx context.Context) (*v1alpha1.Federation, error) {
	if r.fed != nil {
		gen, _ := parseVersion(r.fed.ResourceVersion)
		_, err := r.store.bucket.Read(ctx, federationPath, gen)
		if errors.Is(err, ErrNotModified) {
			return r.fed, nil
		}
	}
	fed, err := r.store.Federation(ctx)
	if err == nil {
		r.fed = fed
	}
	return fed, err
}

// readClusters keeps what was last read of a member that cannot be read now:
// one spoilt file must not stop the planning for all.
func (r *Reader) readClusters(ctx context.Context) ([]v1alpha1.Cluster, error) {
	var clusters []v1alpha1.Cluster
	seen := map[string]v1alpha1.Cluster{}
	for a, err := range r.store.bucket.List(ctx, clustersPrefix, "") {
		if err != nil {
			return nil, own("clusters", "").apiError(err)
		}
		name, ok := clusterName(a.Key)
		if !ok {
			continue
		}
		c, known := r.clusters[name]
		if !known || c.ResourceVersion != formatVersion(a.Generation) {
			read, err := r.store.Cluster(ctx, name)
			if apierrors.IsNotFound(err) {
				continue // deleted since the listing
			}
			if err == nil {
				c = *read
			} else if !known {
				return nil, err
			}
		}
		seen[name] = c
		clusters = append(clusters, c)
	}
	r.clusters = seen
	return clusters, nil
}

func (r *Reader) readSpecs(ctx context.Context, snap *v1alpha1.Snapshot) error {
	listed, invalid, err := r.store.ListSpecs(ctx, "")
	if err != nil {
		return err
	}
	snap.Invalid, snap.Unread = invalid, map[v1alpha1.Key]error{}
	var changed []v1alpha1.SpecRecord
	for _, l := range listed {
		if l.Size > MaxSpecSize {
			snap.Unread[l.Key] = ofKey(l.Key).apiError(tooLargeSpec(l.Size))
		} else if r.specs[l.Key].Generation != l.Generation {
			changed = append(changed, l)
		}
	}
	read, failed := r.store.ReadSpecs(ctx, changed)
	for k, err := range failed {
		if !apierrors.IsNotFound(err) {
			snap.Unread[k] = err
		}
	}
	r.merge(snap, listed, read, failed)
	return ctx.Err()
}

// merge keeps what is still listed, in the listing's order made key order.
func (r *Reader) merge(snap *v1alpha1.Snapshot, listed, read []v1alpha1.SpecRecord, failed map[v1alpha1.Key]error) {
	fresh := map[v1alpha1.Key]v1alpha1.SpecRecord{}
	for _, s := range read {
		fresh[s.Key] = s
	}
	next := map[v1alpha1.Key]v1alpha1.SpecRecord{}
	for _, l := range listed {
		s, ok := fresh[l.Key]
		if !ok {
			s, ok = r.specs[l.Key]
			ok = ok && s.Generation == l.Generation
		}
		if _, bad := failed[l.Key]; bad || !ok {
			continue
		}
		s.Updated, s.Provenance = l.Updated, l.Provenance // only listings tell
		next[l.Key] = s
		snap.Specs = append(snap.Specs, s)
	}
	r.specs = next
	sortSpecs(snap.Specs)
}
