package lead

import (
	"context"
	"errors"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func (b *bucket) Traffic(ctx context.Context, last int64) (*v1alpha1.Traffic, int64, error) {
	leave, err := b.enter(ctx, "Traffic", "")
	if err != nil {
		return nil, b.written, err
	}
	defer leave()
	switch {
	case b.document == nil:
		return nil, 0, notFound("traffic")
	case b.written == last:
		return nil, last, nil
	}
	doc := *b.document
	return &doc, b.written, nil
}

// PutTraffic loses its answer when "lost answer" is to fail.
func (b *bucket) PutTraffic(ctx context.Context, t *v1alpha1.Traffic, generation int64) (int64, error) {
	leave, err := b.enter(ctx, "PutTraffic", "")
	if err != nil {
		return 0, err
	}
	defer leave()
	if generation != b.written {
		return 0, apierrors.NewConflict(res, "traffic", errors.New("changed"))
	}
	b.generation++
	doc := *t
	b.document, b.written = &doc, b.generation
	return b.written, b.fail("lost answer", "")
}

func (b *bucket) Edges(ctx context.Context) ([]v1alpha1.Edge, error) {
	leave, err := b.enter(ctx, "Edges", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	var edges []v1alpha1.Edge
	for _, name := range slices.Sorted(maps.Keys(b.edges)) {
		edges = append(edges, b.edges[name])
	}
	return edges, nil
}

func (b *bucket) Certificates(ctx context.Context) ([]string, error) {
	leave, err := b.enter(ctx, "Certificates", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Sorted(maps.Keys(b.certificates)), nil
}

func (b *bucket) PutCertificate(ctx context.Context, c *v1alpha1.Certificate) error {
	leave, err := b.enter(ctx, "PutCertificate", c.Secret)
	if err != nil {
		return err
	}
	defer leave()
	b.certificates[c.Digest()] = *c
	return nil
}

func (b *bucket) DeleteCertificate(ctx context.Context, digest string) error {
	leave, err := b.enter(ctx, "DeleteCertificate", digest)
	if err != nil {
		return err
	}
	defer leave()
	delete(b.certificates, digest)
	return nil
}

// register lets an edge register, or beat once more.
func (b *bucket) register(name string, addresses ...string) {
	b.locked(func() {
		e := b.edges[name]
		b.edges[name] = v1alpha1.Edge{Name: name, FederationUID: b.federation.UID, Addresses: addresses, Sequence: e.Sequence + 1}
	})
}

// doc is the traffic document, the zero one for none.
func (b *bucket) doc() (doc v1alpha1.Traffic) {
	b.locked(func() {
		if b.document != nil {
			doc = *b.document
		}
	})
	return doc
}
