package edge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestFilesThatAreHalfWrittenOrGone(t *testing.T) {
	w := newWorld(t)
	f := w.follower()
	own, next := newCertificate(t, "d/own"), newCertificate(t, "d/own")
	writeFiles(t, w.config.CertificatesDir, "d/own", own, noon)
	w.bucket.put(1, 1, withTLS("d/own", ""))
	_ = w.poll(f)
	half := *next
	half.Key = own.Key
	writeFiles(t, w.config.CertificatesDir, "d/own", &half, noon.Add(time.Second))
	_ = w.poll(f)
	if !isServed(w, "d/own", own) {
		t.Error("a key that is not this certificate's takes the one before away")
	}
	if err := os.Remove(filepath.Join(w.config.CertificatesDir, "d/own/tls.key")); err != nil {
		t.Fatal(err)
	}
	_ = w.poll(f)
	w.bucket.put(1, 2, withTLS("d/own", ""))
	_ = w.poll(f)
	if !isServed(w, "d/own", own) {
		t.Error("a file that is gone takes the certificate away")
	}
	writeFiles(t, w.config.CertificatesDir, "d/own", next, noon.Add(2*time.Second))
	_ = w.poll(f)
	if !isServed(w, "d/own", next) {
		t.Error("the next one is not served")
	}
	w.bucket.put(1, 3, nil)
	_ = w.poll(f)
	if len(w.sink.certificates) != 0 {
		t.Error("a certificate that nobody names is kept")
	}
}

func TestACertificateThatIsNoneLeavesTheOneBefore(t *testing.T) {
	w := newWorld(t)
	f := w.follower()
	first, none := newCertificate(t, "d/web"), &v1alpha1.Certificate{Secret: "d/web", Certificate: []byte("none"), Key: []byte("none")}
	w.bucket.certificates[first.Digest()], w.bucket.certificates[none.Digest()] = first, none
	for serial, digest := range []string{first.Digest(), none.Digest(), none.Digest()} {
		w.bucket.put(1, int64(serial+1), withTLS("d/web", digest))
		_ = w.poll(f)
		if !isServed(w, "d/web", first) {
			t.Errorf("document %d: the certificate is lost", serial+1)
		}
	}
	w.bucket.put(1, 9, withTLS("d/web", "")) // the federation holds it no more
	_ = w.poll(f)
	if len(w.sink.certificates) != 0 {
		t.Error("it is still served")
	}
}

func TestFallbackFollowsItsFiles(t *testing.T) {
	dir, clock := t.TempDir(), clocktesting.NewFakeClock(noon)
	first, next := newCertificate(t, "d/own"), newCertificate(t, "d/own")
	crt, key := filepath.Join(dir, "d/own/tls.crt"), filepath.Join(dir, "d/own/tls.key")
	if _, err := OpenFallback(crt, key); err == nil {
		t.Error("no files, and no error")
	}
	writeFiles(t, dir, "d/own", first, noon)
	f, err := OpenFallback(crt, key)
	if err != nil {
		t.Fatal(err)
	}
	before, half := f.Certificate(), *next
	half.Key = first.Key
	writeFiles(t, dir, "d/own", &half, noon.Add(time.Second))
	if err := f.read(); err == nil || f.Certificate() != before {
		t.Errorf("half written: %v", err)
	}
	writeFiles(t, dir, "d/own", next, noon.Add(2*time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	var loop sync.WaitGroup
	loop.Go(func() { f.Run(ctx, clock) })
	defer loop.Wait()
	defer cancel()
	for range 2000 {
		if f.Certificate() != before {
			return
		}
		clock.Step(lookEvery)
		time.Sleep(time.Millisecond)
	}
	t.Error("still the one before")
}

func TestManyCertificatesAreReadAndParsedOnce(t *testing.T) {
	w := newWorld(t)
	f := w.follower()
	var named []func(*v1alpha1.Traffic)
	for i := range 5 * fetchAtOnce {
		c := newCertificate(t, fmt.Sprint("d/web", i))
		w.bucket.certificates[c.Digest()] = c
		named = append(named, withTLS(c.Secret, c.Digest()))
	}
	all := func(doc *v1alpha1.Traffic) {
		for _, name := range named {
			name(doc)
		}
	}
	w.bucket.put(1, 1, all)
	_ = w.poll(f)
	before := w.sink.certificates["d/web0"]
	w.bucket.put(1, 2, all)
	_ = w.poll(f)
	if len(w.sink.certificates) != len(named) || w.bucket.reads != len(named) || f.missing {
		t.Errorf("%d certificates, %d reads, missing: %t", len(w.sink.certificates), w.bucket.reads, f.missing)
	}
	if before == nil || w.sink.certificates["d/web0"] != before {
		t.Error("parsed again")
	}
}
