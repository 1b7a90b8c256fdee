package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// ringPause is Google Cloud Storage's one write per second and name.
	ringPause = time.Second
	ringTries = 5
)

// Ring tells the leader to look now. It names what was just written by bucket
// path and generation, 0 for a delete. When another's ring makes the bucket
// ask for patience and the bell has changed meanwhile, the leader is awake
// already and will list: that is as good.
func (s *Store) Ring(ctx context.Context, changed map[string]int64) error {
	w := own("bells", bellPath)
	before, _ := s.bellGeneration(ctx)
	var err error
	for range ringTries {
		bell := v1alpha1.Bell{Nonce: rand.String(10), Changed: changed}
		if _, _, err = s.writeJSON(ctx, w, bellPath, bell, WriteOptions{}); err == nil || !apierrors.IsServiceUnavailable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ring: %w", ctx.Err())
		case <-time.After(ringPause):
		}
		if now, readErr := s.bellGeneration(ctx); readErr == nil && now != before {
			return nil
		}
	}
	return err
}

func (s *Store) bellGeneration(ctx context.Context) (int64, error) {
	o, err := s.bucket.Read(ctx, bellPath, 0)
	if err != nil {
		return 0, err
	}
	return o.Generation, nil
}

// Listen reads the bell if it rang since last. A bell that was never rung, or
// that cannot be decoded, still tells its generation: the leader lists anyway.
func (s *Store) Listen(ctx context.Context, last int64) (*v1alpha1.Bell, int64, error) {
	o, err := s.bucket.Read(ctx, bellPath, last)
	switch {
	case errors.Is(err, ErrNotModified):
		return nil, last, nil
	case errors.Is(err, ErrNotExist):
		return nil, 0, nil
	case err != nil:
		return nil, last, own("bells", bellPath).apiError(err)
	}
	bell := &v1alpha1.Bell{}
	if decodeJSON(o.Body, bell) != nil {
		bell = &v1alpha1.Bell{}
	}
	return bell, o.Generation, nil
}

// CreateRequest stores a user's word under a new ID.
func (s *Store) CreateRequest(ctx context.Context, r *v1alpha1.Request) error {
	w := own("requests", r.ID)
	_, _, err := s.writeJSON(ctx, w, requestPath(r.ID), r, WriteOptions{IfGeneration: IfAbsent()})
	if apierrors.IsConflict(err) {
		return apierrors.NewAlreadyExists(w.gr, w.name)
	}
	return err
}

// Requests reads all requests, by ID. One that is corrupt is left out: it is
// nobody's word.
func (s *Store) Requests(ctx context.Context) ([]v1alpha1.Request, error) {
	var ids []string
	for a, err := range s.bucket.List(ctx, requestsPrefix, "") {
		if err != nil {
			return nil, own("requests", "").apiError(err)
		}
		id, ok := strings.CutSuffix(strings.TrimPrefix(a.Key, requestsPrefix), jsonEnding)
		if ok {
			ids = append(ids, id)
		}
	}
	found, errs := make([]v1alpha1.Request, len(ids)), make([]error, len(ids))
	each(len(ids), func(i int) {
		_, errs[i] = s.readJSON(ctx, own("requests", ids[i]), requestPath(ids[i]), &found[i])
	})
	var requests []v1alpha1.Request
	for i, r := range found {
		switch err := errs[i]; {
		case apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || (err == nil && r.ID != ids[i]):
		case err != nil:
			return nil, err
		default:
			requests = append(requests, r)
		}
	}
	return requests, nil
}

// DeleteRequest removes a request that has been answered.
func (s *Store) DeleteRequest(ctx context.Context, id string) error {
	return own("requests", id).apiError(s.bucket.Delete(ctx, requestPath(id), 0))
}
