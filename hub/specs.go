package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// MaxSpecSize is the most one spec may hold, in bytes.
const MaxSpecSize = 1 << 20

// Keys of the custom metadata in which writers say who they are.
const (
	metaAuthor = "author"
	metaReason = "reason"
	metaClient = "client"
)

func provenance(m map[string]string) v1alpha1.Provenance {
	return v1alpha1.Provenance{Author: m[metaAuthor], Reason: m[metaReason], Client: m[metaClient]}
}

func metadata(p v1alpha1.Provenance) map[string]string {
	m := map[string]string{}
	for k, v := range map[string]string{metaAuthor: p.Author, metaReason: p.Reason, metaClient: p.Client} {
		if v != "" {
			m[k] = v
		}
	}
	return m
}

func record(k v1alpha1.Key, a Attrs, body []byte) v1alpha1.SpecRecord {
	return v1alpha1.SpecRecord{Key: k, Generation: a.Generation, Size: a.Size, Updated: a.Updated,
		Provenance: provenance(a.Metadata), Body: body}
}

// Spec reads one spec with its body. Who wrote it and when is in listings only.
func (s *Store) Spec(ctx context.Context, k v1alpha1.Key) (*v1alpha1.SpecRecord, error) {
	if err := k.Validate(); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	o, err := s.bucket.Read(ctx, k.SpecPath(), 0)
	if err != nil {
		return nil, ofKey(k).apiError(err)
	}
	if len(o.Body) > MaxSpecSize {
		return nil, ofKey(k).apiError(tooLargeSpec(int64(len(o.Body))))
	}
	r := record(k, o.Attrs, o.Body)
	return &r, nil
}

func tooLargeSpec(size int64) error {
	return fmt.Errorf("%w: %d bytes, a spec may have %d", ErrTooLarge, size, MaxSpecSize)
}

// ListSpecs lists the specs whose path below specs/ begins with prefix, by
// key, without bodies, and the paths that name no spec.
func (s *Store) ListSpecs(ctx context.Context, prefix string) ([]v1alpha1.SpecRecord, []v1alpha1.InvalidPath, error) {
	var specs []v1alpha1.SpecRecord
	var invalid []v1alpha1.InvalidPath
	for a, err := range s.bucket.List(ctx, specsPrefix+prefix, "") {
		if err != nil {
			return nil, nil, own("specs", prefix).apiError(err)
		}
		rest := strings.TrimPrefix(a.Key, specsPrefix)
		k, err := parseSpecPath(rest)
		if err != nil {
			invalid = append(invalid, v1alpha1.InvalidPath{Path: rest, Generation: a.Generation, Message: err.Error()})
			continue
		}
		specs = append(specs, record(k, a, nil))
	}
	return specs, invalid, nil
}

// ReadSpecs reads the bodies of listed specs. A spec deleted meanwhile is in
// failed as NotFound.
func (s *Store) ReadSpecs(ctx context.Context, list []v1alpha1.SpecRecord) (read []v1alpha1.SpecRecord, failed map[v1alpha1.Key]error) {
	found, errs := make([]*v1alpha1.SpecRecord, len(list)), make([]error, len(list))
	each(len(list), func(i int) { found[i], errs[i] = s.Spec(ctx, list[i].Key) })
	failed = map[v1alpha1.Key]error{}
	for i, r := range found {
		if errs[i] != nil {
			failed[list[i].Key] = errs[i]
			continue
		}
		read = append(read, *r)
	}
	return read, failed
}

// CreateSpec stores a new spec.
func (s *Store) CreateSpec(ctx context.Context, k v1alpha1.Key, body []byte, p v1alpha1.Provenance) (*v1alpha1.SpecRecord, error) {
	r, err := s.writeSpec(ctx, k, body, p, IfAbsent())
	return r, ofKey(k).creating(err)
}

// UpdateSpec replaces a spec that is at that generation; 0 replaces any, and
// creates one that is missing.
func (s *Store) UpdateSpec(ctx context.Context, k v1alpha1.Key, generation int64, body []byte, p v1alpha1.Provenance) (*v1alpha1.SpecRecord, error) {
	var when *int64
	if generation != 0 {
		when = IfGeneration(generation)
	}
	r, err := s.writeSpec(ctx, k, body, p, when)
	return r, ofKey(k).apiError(err)
}

func (s *Store) writeSpec(ctx context.Context, k v1alpha1.Key, body []byte, p v1alpha1.Provenance, when *int64) (*v1alpha1.SpecRecord, error) {
	if err := k.Validate(); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if len(body) > MaxSpecSize {
		return nil, tooLargeSpec(int64(len(body)))
	}
	gen, err := s.bucket.Write(ctx, k.SpecPath(), body, WriteOptions{IfGeneration: when, Metadata: metadata(p)})
	if err != nil {
		return nil, err
	}
	return &v1alpha1.SpecRecord{Key: k, Generation: gen, Size: int64(len(body)), Provenance: p, Body: body}, nil
}

// DeleteSpec removes a spec at that generation; 0 removes any.
func (s *Store) DeleteSpec(ctx context.Context, k v1alpha1.Key, generation int64) error {
	if err := k.Validate(); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return ofKey(k).apiError(s.bucket.Delete(ctx, k.SpecPath(), generation))
}

// SpecHistory lists a spec's versions, newest first, without bodies. A bucket
// that keeps none answers MethodNotSupported.
func (s *Store) SpecHistory(ctx context.Context, k v1alpha1.Key) ([]v1alpha1.SpecRecord, error) {
	h, ok := s.bucket.(Historian)
	if !ok {
		return nil, apierrors.NewMethodNotSupported(k.GroupResource(), "history")
	}
	versions, err := h.History(ctx, k.SpecPath())
	if err != nil {
		return nil, ofKey(k).apiError(err)
	}
	records := make([]v1alpha1.SpecRecord, len(versions))
	for i, v := range versions {
		records[i] = record(k, v.Attrs, nil)
	}
	return records, nil
}

// SpecAt reads one version of a spec, present or past, as History lists them.
// One that is no longer kept is NotFound.
func (s *Store) SpecAt(ctx context.Context, k v1alpha1.Key, generation int64) (*v1alpha1.SpecRecord, error) {
	if err := k.Validate(); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	h, ok := s.bucket.(Historian)
	if !ok {
		return nil, apierrors.NewMethodNotSupported(k.GroupResource(), "history")
	}
	o, err := h.ReadVersion(ctx, k.SpecPath(), generation)
	if err != nil {
		return nil, ofKey(k).apiError(err)
	}
	if len(o.Body) > MaxSpecSize {
		return nil, ofKey(k).apiError(tooLargeSpec(int64(len(o.Body))))
	}
	r := record(k, o.Attrs, o.Body)
	return &r, nil
}

func sortSpecs(specs []v1alpha1.SpecRecord) {
	slices.SortFunc(specs, func(a, b v1alpha1.SpecRecord) int { return a.Key.Compare(b.Key) })
}
