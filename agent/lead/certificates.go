package lead

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

const (
	// mostCertificate is the most that certificate and key may have together.
	mostCertificate = 64 << 10
	// certificateKept is how long one is kept that no document names any more:
	// carriers read a document first, then what it names.
	certificateKept = 10 * time.Minute
	// certificatesEvery is how often those are looked for.
	certificatesEvery = 5 * time.Minute
)

// certificates are the TLS Secrets that are served, and what the bucket holds
// of them.
type certificates struct {
	*term
	// opened by key, so that each is checked once.
	opened map[v1alpha1.Key]opened
	// stored digests, as far as it is known; nil before the bucket was asked.
	stored map[string]bool
	// idle since when no document has named them.
	idle map[string]time.Time
	next time.Time
}

// opened is a Secret that was looked at; nil is none that can be served.
type opened struct {
	object      *unstructured.Unstructured
	certificate *v1alpha1.Certificate
}

func newCertificates(t *term) *certificates {
	return &certificates{term: t, opened: map[v1alpha1.Key]opened{}, idle: map[string]time.Time{}}
}

// usable are the Secrets that can be served, by "namespace/name".
func (c *certificates) usable(secrets []traffic.Object) map[string]v1alpha1.Certificate {
	found, next := map[string]v1alpha1.Certificate{}, make(map[v1alpha1.Key]opened, len(secrets))
	for _, s := range secrets {
		o, known := c.opened[s.Key]
		if !known || o.object != s.Object {
			o = opened{s.Object, openSecret(s.Key, s.Object)}
		}
		if next[s.Key] = o; o.certificate != nil {
			found[o.certificate.Secret] = *o.certificate
		}
	}
	c.opened = next
	return found
}

// openSecret takes certificate and key out of a Secret; nil where they are
// none, or do not belong together.
func openSecret(k v1alpha1.Key, o *unstructured.Unstructured) *v1alpha1.Certificate {
	cert, key := secretValue(o, "tls.crt"), secretValue(o, "tls.key")
	if len(cert) == 0 || len(key) == 0 || len(cert)+len(key) > mostCertificate {
		return nil
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return nil
	}
	return &v1alpha1.Certificate{Secret: k.Namespace + "/" + k.Name, Certificate: cert, Key: key}
}

// secretValue is a value of a Secret; an API server lets stringData win.
func secretValue(o *unstructured.Unstructured, name string) []byte {
	if text, ok, _ := unstructured.NestedString(o.Object, "stringData", name); ok {
		return []byte(text)
	}
	text, _, _ := unstructured.NestedString(o.Object, "data", name)
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return value
}

// put stores those that the bucket lacks: before the document that names them.
func (c *certificates) put(ctx context.Context, wanted map[string]v1alpha1.Certificate) error {
	if len(wanted) > 0 && c.stored == nil {
		if err := c.list(ctx); err != nil {
			return err
		}
	}
	for _, digest := range slices.Sorted(maps.Keys(wanted)) {
		if c.stored[digest] {
			continue
		}
		cert := wanted[digest]
		if err := c.fence.write(ctx, func(ctx context.Context) error { return c.cfg.Store.PutCertificate(ctx, &cert) }); err != nil {
			return fmt.Errorf("store the certificate of %s: %w", cert.Secret, err)
		}
		c.stored[digest] = true
		logr.FromContextOrDiscard(ctx).Info("certificate stored", "secret", cert.Secret)
	}
	return nil
}

// list asks the bucket which ones it has.
func (c *certificates) list(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	digests, err := c.cfg.Store.Certificates(limited)
	if err != nil {
		return fmt.Errorf("list the certificates: %w", err)
	}
	c.stored = make(map[string]bool, len(digests))
	for _, digest := range digests {
		c.stored[digest] = true
	}
	return nil
}

// tidy removes, now and then, those that the document does not name, once that
// has been so for a while.
func (c *certificates) tidy(ctx context.Context, doc *v1alpha1.Traffic) {
	now := time.Now()
	if now.Before(c.next) {
		return
	}
	c.next = now.Add(certificatesEvery)
	log := logr.FromContextOrDiscard(ctx)
	if err := c.list(ctx); err != nil {
		log.Info("certificates are not tidied", "err", err.Error())
		return
	}
	named, idle := namedBy(doc), map[string]time.Time{}
	for _, digest := range slices.Sorted(maps.Keys(c.stored)) {
		since, seen := c.idle[digest]
		if !seen {
			since = now
		}
		switch {
		case named[digest]:
		case now.Sub(since) < certificateKept:
			idle[digest] = since
		case c.remove(ctx, digest):
			delete(c.stored, digest)
			log.Info("certificate removed: no document names it", "digest", digest)
		default:
			idle[digest] = since
		}
	}
	c.idle = idle
}

func (c *certificates) remove(ctx context.Context, digest string) bool {
	err := c.fence.write(ctx, func(ctx context.Context) error { return c.cfg.Store.DeleteCertificate(ctx, digest) })
	if err != nil && !apierrors.IsNotFound(err) {
		logr.FromContextOrDiscard(ctx).Info("certificate not removed", "digest", digest, "err", err.Error())
		return false
	}
	return true
}

// namedBy are the certificates that a document names.
func namedBy(doc *v1alpha1.Traffic) map[string]bool {
	named := map[string]bool{}
	for _, f := range doc.Frontends {
		for _, t := range f.TLS {
			named[t.Certificate] = true
		}
	}
	return named
}
