package hub

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Traffic reads the document that carriers serve, and its generation. It
// returns no document while it is at generation last.
func (s *Store) Traffic(ctx context.Context, last int64) (*v1alpha1.Traffic, int64, error) {
	w := own("traffic", trafficPath)
	o, err := s.bucket.Read(ctx, trafficPath, last)
	if errors.Is(err, ErrNotModified) {
		return nil, last, nil
	}
	if err != nil {
		return nil, 0, w.apiError(err)
	}
	t := &v1alpha1.Traffic{}
	if err := decodeJSON(o.Body, t); err != nil {
		return nil, o.Generation, w.corrupt(trafficPath, err)
	}
	if t.Kind != "Traffic" || t.FederationUID == "" {
		return nil, o.Generation, w.corrupt(trafficPath, errors.New("want kind Traffic with a federationUID"))
	}
	return t, o.Generation, nil
}

// PutTraffic replaces the document if it is at that generation; 0 creates it.
// Conflict tells a leader that another one has written.
func (s *Store) PutTraffic(ctx context.Context, t *v1alpha1.Traffic, generation int64) (int64, error) {
	gen, _, err := s.writeJSON(ctx, own("traffic", trafficPath), trafficPath, t, WriteOptions{IfGeneration: IfGeneration(generation)})
	return gen, err
}

// Certificate reads a certificate by its digest, and checks that it has it.
func (s *Store) Certificate(ctx context.Context, digest string) (*v1alpha1.Certificate, error) {
	if err := checkDigest(digest); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	c := &v1alpha1.Certificate{}
	w := own("certificates", digest)
	if _, err := s.readJSON(ctx, w, certificatePath(digest), c); err != nil {
		return nil, err
	}
	if c.Digest() != digest {
		return nil, w.corrupt(certificatePath(digest), errors.New("its content has another digest"))
	}
	return c, nil
}

// PutCertificate stores a certificate under its digest; one that is there
// already is left as it is.
func (s *Store) PutCertificate(ctx context.Context, c *v1alpha1.Certificate) error {
	w := own("certificates", c.Digest())
	_, _, err := s.writeJSON(ctx, w, certificatePath(c.Digest()), c, WriteOptions{IfGeneration: IfAbsent()})
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// Certificates lists the digests of those that are stored.
func (s *Store) Certificates(ctx context.Context) ([]string, error) {
	var digests []string
	for a, err := range s.bucket.List(ctx, certificatesPrefix, "") {
		if err != nil {
			return nil, own("certificates", "").apiError(err)
		}
		digest, ok := strings.CutSuffix(strings.TrimPrefix(a.Key, certificatesPrefix), jsonEnding)
		if ok && checkDigest(digest) == nil {
			digests = append(digests, digest)
		}
	}
	return digests, nil
}

// DeleteCertificate removes one.
func (s *Store) DeleteCertificate(ctx context.Context, digest string) error {
	if err := checkDigest(digest); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return own("certificates", digest).apiError(s.bucket.Delete(ctx, certificatePath(digest), 0))
}

func checkDigest(digest string) error {
	if b, err := hex.DecodeString(digest); err != nil || len(b) != 32 || strings.ToLower(digest) != digest {
		return fmt.Errorf("digest %q: want 64 hexadecimal digits in lower case", digest)
	}
	return nil
}

// metaEdge carries the registration itself, without what the edge sees, so
// that listing reads them all.
const metaEdge = "edge"

// Edge reads one registration, what the edge sees included, and its generation.
func (s *Store) Edge(ctx context.Context, name string) (*v1alpha1.Edge, int64, error) {
	if err := checkEdgeName(name); err != nil {
		return nil, 0, apierrors.NewBadRequest(err.Error())
	}
	e := &v1alpha1.Edge{}
	w := own("edges", name)
	o, err := s.readJSON(ctx, w, edgePath(name), e)
	if err != nil {
		return nil, 0, err
	}
	if e.Name != name {
		return nil, 0, w.corrupt(edgePath(name), fmt.Errorf("it is edge %q's", e.Name))
	}
	return e, o.Generation, nil
}

// Edges reads every registration in one listing, by name, without what the
// edges see. One that was put there without what the listing tells, by a copy
// for example, is read by itself; one that is corrupt is left out.
func (s *Store) Edges(ctx context.Context) ([]v1alpha1.Edge, error) {
	var edges []v1alpha1.Edge
	for a, err := range s.bucket.List(ctx, edgesPrefix, "") {
		if err != nil {
			return nil, own("edges", "").apiError(err)
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(a.Key, edgesPrefix), jsonEnding)
		if !ok || checkEdgeName(name) != nil {
			continue
		}
		e, err := s.listedEdge(ctx, name, a.Metadata[metaEdge])
		switch {
		case err == nil:
			edges = append(edges, *e)
		case v1alpha1.Unusable(err) || apierrors.IsNotFound(err):
		default:
			return nil, err
		}
	}
	return edges, nil
}

// listedEdge is a registration as a listing tells it, else as it is stored.
func (s *Store) listedEdge(ctx context.Context, name, listed string) (*v1alpha1.Edge, error) {
	e := &v1alpha1.Edge{}
	if decodeJSON([]byte(listed), e) == nil && e.Name == name {
		return e, nil
	}
	e, _, err := s.Edge(ctx, name)
	if err != nil {
		return nil, err
	}
	e.Health = nil
	return e, nil
}

// PutEdge overwrites a registration if it is at that generation, or creates it
// when generation is 0. Conflict tells an edge that another one has its name, or
// that it was unregistered.
func (s *Store) PutEdge(ctx context.Context, e *v1alpha1.Edge, generation int64) (int64, error) {
	if err := checkEdgeName(e.Name); err != nil {
		return 0, apierrors.NewBadRequest(err.Error())
	}
	listed := *e
	listed.Health = nil
	meta, err := json.Marshal(listed)
	if err != nil {
		return 0, fmt.Errorf("encode edge: %w", err)
	}
	gen, _, err := s.writeJSON(ctx, own("edges", e.Name), edgePath(e.Name), e,
		WriteOptions{IfGeneration: IfGeneration(generation), Metadata: map[string]string{metaEdge: string(meta)}})
	return gen, err
}

// DeleteEdge unregisters an edge: its addresses are no longer the Ingresses'.
func (s *Store) DeleteEdge(ctx context.Context, name string) error {
	if err := checkEdgeName(name); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return own("edges", name).apiError(s.bucket.Delete(ctx, edgePath(name), 0))
}

func checkEdgeName(name string) error {
	if msgs := validation.IsDNS1123Label(name); len(msgs) > 0 {
		return fmt.Errorf("edge name %q: %s", name, strings.Join(msgs, "; "))
	}
	return nil
}
