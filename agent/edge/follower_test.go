package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestAccept(t *testing.T) {
	at := position{federation: "fed", epoch: 3, serial: 7}
	for name, tc := range map[string]struct {
		federation    types.UID
		epoch, serial int64
		want          string
	}{
		"the next":                {"fed", 3, 8, ""},
		"the same":                {"fed", 3, 7, ""},
		"of the next leader":      {"fed", 4, 1, ""},
		"of the leader before":    {"fed", 2, 9, "its epoch is 2"},
		"before the last":         {"fed", 3, 6, "its serial is 6"},
		"of another federation":   {"other", 9, 9, `of federation "other"`},
		"of no federation at all": {"", 9, 9, "names no federation"},
	} {
		t.Run(name, func(t *testing.T) {
			err := accept(at, &v1alpha1.Traffic{FederationUID: tc.federation, Epoch: tc.epoch, Serial: tc.serial})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if err := accept(at, &v1alpha1.Traffic{FederationUID: "fed", Epoch: 4, Frontends: make([]v1alpha1.Frontend, maxFrontends+1)}); err == nil {
		t.Error("too many frontends are accepted")
	}
}

func TestTheLastGoodDocumentIsKept(t *testing.T) {
	w := newWorld(t)
	f := w.follower()
	if err := w.poll(f); err != nil || w.sink.document != nil || f.Asked() {
		t.Fatalf("no document yet: %v, %v", err, w.sink.document)
	}
	w.bucket.put(2, 5, nil)
	_ = w.poll(f)
	w.serves(5)
	for name, spoil := range map[string]func(){
		"older":              func() { w.bucket.put(2, 4, nil) },
		"of a leader before": func() { w.bucket.put(1, 9, nil) },
		"of others":          func() { w.bucket.put(9, 9, func(t *v1alpha1.Traffic) { t.FederationUID = "other" }) },
		"corrupt":            func() { w.bucket.put(9, 9, nil); w.bucket.corrupt = true },
		"gone":               func() { w.bucket.document = nil },
	} {
		before := w.sink.served
		spoil()
		for range 3 {
			if err := w.poll(f); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.serves(5)
		if w.sink.served != before {
			t.Errorf("%s: served anew", name)
		}
	}
	w.bucket.away = true
	if err := w.poll(f); err == nil {
		t.Error("no error while the bucket is away")
	}
	w.bucket.away = false
	w.bucket.put(3, 1, nil)
	_ = w.poll(f)
	w.serves(1)
}

func TestAStartWithoutTheBucket(t *testing.T) {
	w := newWorld(t)
	c := newCertificate(t, "d/web")
	w.bucket.certificates[c.Digest()] = c
	w.bucket.put(2, 5, withTLS("d/web", c.Digest()))
	_ = w.poll(w.follower())
	w.restart()
	w.bucket.away = true
	f := w.follower()
	w.serves(5)
	if w.sink.certificates["d/web"] == nil {
		t.Error("the certificate is lost")
	}
	if uid, epoch, serial := f.At(); uid != "fed" || epoch != 2 || serial != 5 || !f.Asked() {
		t.Errorf("at %s %d %d", uid, epoch, serial)
	}
	i, err := os.Stat(filepath.Join(w.config.StateDir, savedFile))
	if err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("keys may be read by others: %v, %v", i.Mode(), err)
	}
	w.bucket.away = false
	w.bucket.put(2, 4, nil) // older than what was served before
	_ = w.poll(f)
	w.serves(5)
}

func TestABrokenStateIsPassedOver(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"", "{", "{}", `{"document":{"serial":3}}`} {
		if err := os.WriteFile(filepath.Join(w.config.StateDir, savedFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if w.follower(); w.sink.document != nil {
			t.Errorf("%q is served", text)
		}
	}
}

func TestCertificates(t *testing.T) {
	w := newWorld(t)
	f := w.follower()
	first, second := newCertificate(t, "d/web"), newCertificate(t, "d/web")
	w.bucket.certificates[first.Digest()] = first
	w.bucket.put(1, 1, withTLS("d/web", first.Digest()))
	_ = w.poll(f)
	_ = w.poll(f)
	if w.bucket.reads != 1 || !isServed(w, "d/web", first) {
		t.Errorf("%d reads", w.bucket.reads)
	}
	// The next one is not there yet: the one before goes on.
	w.bucket.put(1, 2, withTLS("d/web", second.Digest()))
	_ = w.poll(f)
	if !isServed(w, "d/web", first) {
		t.Error("no certificate while the next one is missing")
	}
	w.bucket.certificates[second.Digest()] = second
	_ = w.poll(f)
	if !isServed(w, "d/web", second) {
		t.Error("the next one is not served")
	}
	w.bucket.put(1, 3, nil)
	_ = w.poll(f)
	if len(w.sink.certificates) != 0 || len(f.fetched) != 0 {
		t.Error("a certificate that nobody names is kept")
	}
}

func TestCertificateFiles(t *testing.T) {
	w := newWorld(t)
	f := w.follower()
	held, own, next := newCertificate(t, "d/web"), newCertificate(t, "d/own"), newCertificate(t, "d/own")
	w.bucket.certificates[held.Digest()] = held
	writeFiles(t, w.config.CertificatesDir, "d/web", own, noon)
	w.bucket.put(1, 1, func(doc *v1alpha1.Traffic) {
		withTLS("d/web", held.Digest())(doc)
		withTLS("d/own", "")(doc)
		withTLS("../../etc", "")(doc)
		withTLS("none", "")(doc)
	})
	_ = w.poll(f)
	if !isServed(w, "d/web", held) || len(w.sink.certificates) != 1 {
		t.Errorf("the federation's comes first: %v", w.sink.certificates)
	}
	if want := []string{"../../etc", "d/own", "none"}; !slices.Equal(f.lacking, want) {
		t.Errorf("told of %v, want %v", f.lacking, want)
	}
	writeFiles(t, w.config.CertificatesDir, "d/own", own, noon)
	_ = w.poll(f)
	if !isServed(w, "d/own", own) {
		t.Error("a file that appears is not served")
	}
	if want := []string{"../../etc", "none"}; !slices.Equal(f.lacking, want) {
		t.Errorf("told of %v, want %v", f.lacking, want)
	}
	writeFiles(t, w.config.CertificatesDir, "d/own", next, noon.Add(time.Second))
	_ = w.poll(f)
	if !isServed(w, "d/own", next) {
		t.Error("a file that changes is not served")
	}
	before := w.sink.served
	_ = w.poll(f)
	if w.sink.served != before {
		t.Error("served anew although nothing changed")
	}
}

func TestPause(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 3: 8 * time.Second, 5: mostBackoff, 1000: mostBackoff} {
		if got := pause(time.Second, failures, 0.5); got != want {
			t.Errorf("%d failures: %s, want %s", failures, got, want)
		}
	}
	if got := pause(time.Minute, 9, 0.5); got != time.Minute {
		t.Errorf("a long interval: %s", got)
	}
}

func withTLS(secret, digest string) func(*v1alpha1.Traffic) {
	return func(t *v1alpha1.Traffic) {
		t.Frontends = append(t.Frontends, v1alpha1.Frontend{
			Ingress: v1alpha1.Key{Group: "networking.k8s.io", Resource: "ingresses", Namespace: "d", Name: "web"},
			TLS:     []v1alpha1.FrontendTLS{{Secret: secret, Certificate: digest}},
		})
	}
}

// isServed compares by the certificate's bytes.
func isServed(w *world, secret string, c *v1alpha1.Certificate) bool {
	got := w.sink.certificates[secret]
	block, _ := pem.Decode(c.Certificate)
	return got != nil && string(got.Certificate[0]) == string(block.Bytes)
}

func newCertificate(t *testing.T, secret string) *v1alpha1.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: secret}, NotBefore: noon, NotAfter: noon.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &v1alpha1.Certificate{
		Secret:      secret,
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func writeFiles(t *testing.T, dir, secret string, c *v1alpha1.Certificate, when time.Time) {
	t.Helper()
	dir = filepath.Join(dir, filepath.FromSlash(secret))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"tls.crt": c.Certificate, "tls.key": c.Key} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
}
