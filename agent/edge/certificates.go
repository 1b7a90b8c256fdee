package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// fetchTimeout bounds how long a document waits for all its certificates.
	fetchTimeout = 10 * time.Second
	// fetchAtOnce is how many are read side by side.
	fetchAtOnce = 16
)

// pairs are certificates ready to be served.
type pairs struct {
	// parsed by digest; nil is one that cannot be served.
	parsed map[string]*tls.Certificate
	// served by Secret, and those of them that came from files.
	served, files map[string]*tls.Certificate
}

// fetch reads the certificates that the document names and forgets others. One
// that cannot be read is asked for again later.
func (f *Follower) fetch(ctx context.Context) {
	named, unread := map[string]*v1alpha1.Certificate{}, []string(nil)
	for _, digest := range f.digests() {
		if c := f.fetched[digest]; c != nil {
			named[digest] = c
		} else {
			unread = append(unread, digest)
		}
	}
	read := f.read(ctx, unread)
	for digest, c := range read {
		named[digest] = c
	}
	f.missing = len(read) < len(unread)
	if f.missing { // what is held may be all that there is for a while
		for digest, c := range f.fetched {
			named[digest] = cmp.Or(named[digest], c)
		}
	}
	f.fetched = named
}

// digests that the document names, each once.
func (f *Follower) digests() []string {
	var all []string
	for _, t := range f.tls() {
		if t.Certificate != "" {
			all = append(all, t.Certificate)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// read certificates, some side by side: what can be had in time.
func (f *Follower) read(ctx context.Context, digests []string) map[string]*v1alpha1.Certificate {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	read, failed := make([]*v1alpha1.Certificate, len(digests)), make([]error, len(digests))
	slots := make(chan struct{}, fetchAtOnce)
	var all sync.WaitGroup
	for i, digest := range digests {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			read[i], failed[i] = f.Bucket.Certificate(ctx, digest)
		})
	}
	all.Wait()
	got := map[string]*v1alpha1.Certificate{}
	for i, digest := range digests {
		if failed[i] == nil {
			got[digest] = read[i]
			continue
		}
		f.Metrics.bucketErrors.Inc()
	}
	if i := slices.IndexFunc(failed, func(err error) bool { return err != nil }); i >= 0 {
		f.say(ctx, fmt.Errorf("read certificate %.12s: %w", digests[i], failed[i]), "a certificate cannot be read, will retry")
	}
	return got
}

// certificates by Secret: the federation's before a file of the edge's own.
// While the newest of a Secret is missing, or is none, the one before goes on.
func (f *Follower) certificates(ctx context.Context) map[string]*tls.Certificate {
	all, own := map[string]*tls.Certificate{}, map[string]*tls.Certificate{}
	f.parse(ctx)
	for digest, c := range f.fetched {
		if pair := f.pairs.parsed[digest]; pair != nil {
			all[c.Secret] = pair
		}
	}
	for _, t := range f.tls() {
		switch c := f.fetched[t.Certificate]; {
		case c != nil && c.Secret == t.Secret && f.pairs.parsed[t.Certificate] != nil:
			all[t.Secret] = f.pairs.parsed[t.Certificate]
		case all[t.Secret] != nil:
		case c != nil && f.pairs.served[t.Secret] != nil:
			all[t.Secret] = f.pairs.served[t.Secret]
		default:
			if pair := f.file(ctx, t.Secret); pair != nil {
				all[t.Secret], own[t.Secret] = pair, pair
			}
		}
	}
	f.pairs.served, f.pairs.files = all, own
	return all
}

// parse what was fetched, each once.
func (f *Follower) parse(ctx context.Context) {
	parsed := map[string]*tls.Certificate{}
	for digest, c := range f.fetched {
		pair, known := f.pairs.parsed[digest]
		if !known {
			pair = f.parseOne(ctx, c)
		}
		parsed[digest] = pair
	}
	f.pairs.parsed = parsed
}

func (f *Follower) parseOne(ctx context.Context, c *v1alpha1.Certificate) *tls.Certificate {
	pair, err := tls.X509KeyPair(c.Certificate, c.Key)
	if err != nil {
		f.say(ctx, fmt.Errorf("certificate of Secret %s: %w", c.Secret, err), "a certificate cannot be served")
		return nil
	}
	return &pair
}

// file of the edge's own for a Secret. One that is gone, or half written, leaves
// what it held before.
func (f *Follower) file(ctx context.Context, secret string) *tls.Certificate {
	pair, err := f.files.read(secret)
	if err == nil {
		return pair
	}
	before := f.pairs.files[secret]
	if before != nil || !errors.Is(err, errNoFile) {
		f.say(ctx, fmt.Errorf("certificate of Secret %s: %w", secret, err), "a certificate cannot be served")
	}
	return before
}

// maxNamed Secrets are named in one line of the log.
const maxNamed = 20

// lack tells, when that changes, for which Secrets there is nothing to serve:
// their hosts' clients get no answer over HTTPS.
func (f *Follower) lack(ctx context.Context, held map[string]*tls.Certificate) {
	lacking := slices.DeleteFunc(f.secrets(), func(secret string) bool { return held[secret] != nil })
	slices.Sort(lacking)
	lacking = slices.Compact(lacking)
	f.Metrics.lacking.Set(float64(len(lacking)))
	if slices.Equal(lacking, f.lacking) {
		return
	}
	f.lacking = lacking
	log := logr.FromContextOrDiscard(ctx)
	if len(lacking) == 0 {
		log.Info("every certificate that the document names can be served")
		return
	}
	log.Info("no certificate to serve: neither the document brings it nor is there a file in --certificates-dir",
		"secrets", lacking[:min(len(lacking), maxNamed)], "count", len(lacking))
}

// tls is what the document says of certificates.
func (f *Follower) tls() []v1alpha1.FrontendTLS {
	var all []v1alpha1.FrontendTLS
	for _, frontend := range f.document.Frontends {
		all = append(all, frontend.TLS...)
	}
	return all
}

// secrets that the document names.
func (f *Follower) secrets() []string {
	var names []string
	for _, t := range f.tls() {
		names = append(names, t.Secret)
	}
	return names
}
