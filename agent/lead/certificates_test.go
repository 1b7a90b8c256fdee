package lead

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// keyPair makes a certificate that names itself.
func keyPair(t *testing.T) (cert, private string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func secretSpec(field, cert, private string) string {
	if field == "data" {
		cert, private = base64.StdEncoding.EncodeToString([]byte(cert)), base64.StdEncoding.EncodeToString([]byte(private))
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{},%q:{"tls.crt":%q,"tls.key":%q}}`, field, cert, private)
}

const withTLS = `,"tls":[{"hosts":["shop.example.com"],"secretName":"shop-tls"}]`

func TestCertificatesComeBeforeTheDocumentAndGoAfterIt(t *testing.T) {
	cert1, key1 := keyPair(t)
	cert2, key2 := keyPair(t)
	b, _ := seed(t)
	b.federation.Spec.Secrets = v1alpha1.SecretsPlaintext
	b.put(shop, ingressSpec("shop.example.com", withTLS), ringing)
	b.put(cert, secretSpec("data", cert1, key1), ringing)
	said := ""
	ctx := logr.NewContext(t.Context(), funcr.New(func(_, args string) { said += args }, funcr.Options{Verbosity: 9}))
	d := dispatching(t, b, 1)
	plans := newPlanner(d.term)
	replan := func() {
		t.Helper()
		for k, s := range b.specs { // a bell names them
			plans.intake.nursery.named[k.SpecPath()] = s.Generation
		}
		if _, err := plans.pass(ctx); err != nil {
			t.Fatal(err)
		}
	}
	again := func() {
		t.Helper()
		replan()
		d.certs.next = time.Time{}
		if _, err := d.pass(ctx); err != nil {
			t.Fatal(err)
		}
	}
	digest := func() string { return b.doc().Frontends[0].TLS[0].Certificate }
	b.setFail(failing(errAway, func(call, _ string) bool { return call == "PutCertificate" }))
	replan()
	d.dispatch(t, errAway)
	equal(t, "no document without its certificate", b.calls["PutTraffic"], 0)
	b.setFail(func(string, string) error { return nil })
	again()
	first := digest()
	if held, ok := b.certificates[first]; !ok || string(held.Key) != key1 || held.Secret != "default/shop-tls" {
		t.Fatalf("the document names %q, the bucket holds %d", first, len(b.certificates))
	}
	again()
	equal(t, "stored once", b.calls["PutCertificate"], 2)

	b.put(cert, secretSpec("stringData", cert2, key2), ringing)
	again()
	second := digest()
	if second == first || len(b.certificates) != 2 {
		t.Fatalf("%q after %q, %d stored", second, first, len(b.certificates))
	}
	// Nobody names it any more, but a carrier may have read who did.
	d.certs.idle[first] = time.Now().Add(time.Minute - certificateKept)
	again()
	equal(t, "stored", len(b.certificates), 2)
	d.certs.idle[first] = time.Now().Add(-certificateKept)
	again()
	if _, still := b.certificates[first]; still || len(b.certificates) != 1 {
		t.Errorf("%d stored", len(b.certificates))
	}
	// One that was taken away by hand is put back.
	delete(b.certificates, second)
	again()
	again()
	equal(t, "put back", len(b.certificates), 1)
	b.federation.Spec.Secrets = v1alpha1.SecretsRefuse
	again()
	equal(t, "the carriers' own", digest(), "")
	d.certs.idle[second] = time.Now().Add(-certificateKept)
	again() // without another document
	equal(t, "no key stays", len(b.certificates), 0)
	if strings.Contains(said, "BEGIN") || strings.Contains(said, "PRIVATE") || strings.Contains(said, base64.StdEncoding.EncodeToString([]byte(key1))) {
		t.Error("a secret was logged")
	}
}

// A leader that begins anew writes none that is there.
func TestCertificatesThatAreThereAreNotStoredAgain(t *testing.T) {
	crt, private := keyPair(t)
	b, _ := seed(t)
	b.federation.Spec.Secrets = v1alpha1.SecretsPlaintext
	b.put(shop, ingressSpec("shop.example.com", withTLS), ringing)
	b.put(cert, secretSpec("data", crt, private), ringing)
	b.locked(func() {
		for k, s := range b.specs {
			s.Updated = s.Updated.Add(-time.Hour)
			b.specs[k] = s
		}
	})
	for epoch := range int64(2) {
		d := dispatching(t, b, epoch+1)
		b.setFail(failing(errAway, func(call, _ string) bool { return call == "Certificates" }))
		d.dispatch(t, errAway)
		b.setFail(func(string, string) error { return nil })
		d.dispatch(t, nil)
	}
	equal(t, "epoch", b.doc().Epoch, 2)
	equal(t, "named", len(b.doc().Frontends[0].TLS), 1)
	equal(t, "stored", b.calls["PutCertificate"], 1)
}

func TestOnlyKeyPairsAreServed(t *testing.T) {
	cert1, key1 := keyPair(t)
	_, key2 := keyPair(t)
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"data":         {secretSpec("data", cert1, key1), true},
		"stringData":   {secretSpec("stringData", cert1, key1), true},
		"not a pair":   {secretSpec("data", cert1, key2), false},
		"no PEM":       {secretSpec("data", "x", "y"), false},
		"no base64":    {`{"data":{"tls.crt":"%","tls.key":"%"}}`, false},
		"not a string": {`{"data":{"tls.crt":1,"tls.key":{}}}`, false},
		"another":      {`{"data":{"password":"eA=="}}`, false},
		"empty":        {`{}`, false},
		"too large":    {secretSpec("stringData", strings.Repeat(cert1, 1+mostCertificate/len(cert1)), key1), false},
	} {
		o, err := decode(v1alpha1.SpecRecord{Key: key(cert), Body: []byte(c.body)})
		if err != nil {
			t.Fatal(err)
		}
		if got := openSecret(key(cert), o); (got != nil) != c.ok {
			t.Errorf("%s: %v", name, got != nil)
		}
	}
}

func TestCertificatesStayWhileTheyCannotBeListedOrRemoved(t *testing.T) {
	b := newBucket(t, "a")
	d := newDispatcher(newTerm(Config{Cluster: "a", Lock: &lease{left: time.Minute}, Snapshots: b, Store: b, Decode: decode}, 1))
	idle := v1alpha1.Certificate{Secret: "default/old"}
	b.certificates[idle.Digest()] = idle
	d.certs.idle[idle.Digest()] = time.Now().Add(-time.Hour)
	for _, refused := range []string{"Certificates", "DeleteCertificate"} {
		b.setFail(failing(errAway, func(call, _ string) bool { return call == refused }))
		d.certs.next = time.Time{}
		d.certs.tidy(t.Context(), &v1alpha1.Traffic{})
		equal(t, refused, len(b.certificates), 1)
	}
	b.setFail(func(string, string) error { return nil })
	d.certs.tidy(t.Context(), &v1alpha1.Traffic{})
	equal(t, "not so soon", len(b.certificates), 1)
	d.certs.next = time.Time{}
	d.certs.tidy(t.Context(), &v1alpha1.Traffic{})
	equal(t, "removed", len(b.certificates), 0)
}
