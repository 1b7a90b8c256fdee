package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// Fallback is the certificate for names that the federation has none for, from
// files that may change.
type Fallback struct {
	crt, key string
	seen     [2]time.Time
	now      atomic.Pointer[tls.Certificate]
}

// OpenFallback reads it; without files there is none, ever.
func OpenFallback(crt, key string) (*Fallback, error) {
	f := &Fallback{crt: crt, key: key}
	if crt == "" {
		return f, nil
	}
	return f, f.read()
}

// Certificate as it was read last; nil for none.
func (f *Fallback) Certificate() *tls.Certificate { return f.now.Load() }

// Run reads it again when it changes, until the context ends. What cannot be
// read leaves the one before.
func (f *Fallback) Run(ctx context.Context, c clock.WithTicker) {
	if f.crt == "" {
		return
	}
	ticker := c.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		if timesOf(f.crt, f.key) == f.seen {
			continue
		}
		if err := f.read(); err != nil {
			logr.FromContextOrDiscard(ctx).Error(err, "serving the default certificate of before")
		}
	}
}

func (f *Fallback) read() error {
	f.seen = timesOf(f.crt, f.key)
	pair, err := readPair(f.crt, f.key)
	if err != nil {
		return fmt.Errorf("read the default certificate: %w", err)
	}
	f.now.Store(pair)
	return nil
}
