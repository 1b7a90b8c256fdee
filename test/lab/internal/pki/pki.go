// Package pki makes the certificates of one cluster. The addresses that its
// API server answers on go in; a directory of PEM files and kubeconfigs comes
// out. It never replaces what is there: a cluster is given them once.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files of a cluster's directory that its components are pointed at.
const (
	CACert          = "ca.crt"
	CAKey           = "ca.key"
	ServerCert      = "apiserver.crt"
	ServerKey       = "apiserver.key"
	AccountKey      = "service-accounts.key"
	ProxyCACert     = "front-proxy-ca.crt"
	ProxyCert       = "front-proxy.crt"
	ProxyKey        = "front-proxy.key"
	AdminConfig     = "admin.kubeconfig"
	ManagerConfig   = "controller-manager.kubeconfig"
	SchedulerConfig = "scheduler.kubeconfig"
)

// validity is long: a lab's certificates protect nothing that outlives it.
const validity = 10 * 365 * 24 * time.Hour

// Cluster is what the certificates speak of.
type Cluster struct {
	Name      string
	Server    string // URL
	Addresses []net.IP
	Nodes     []string // names of those with a kubelet
}

// Files that only a cluster with real nodes has: the API server's identity
// towards kubelets, and that of each kubelet.
const (
	KubeletClientCert = "kubelet-client.crt"
	KubeletClientKey  = "kubelet-client.key"
)

// NodeCert is the certificate of a node's kubelet.
func NodeCert(node string) string { return node + ".crt" }

// NodeKey is the key of a node's kubelet.
func NodeKey(node string) string { return node + ".key" }

// Write makes all files in dir, which must exist.
func Write(dir string, c Cluster) error {
	w := &writer{dir: dir, now: time.Now()}
	ca := w.authority("ca", "lab-"+c.Name)
	w.issue(ca, "apiserver", subject{name: "kube-apiserver", addresses: c.Addresses, server: true})
	proxyCA := w.authority("front-proxy-ca", "lab-front-proxy-"+c.Name)
	w.issue(proxyCA, "front-proxy", subject{name: "front-proxy-client"})
	w.key("service-accounts")
	// The controller manager runs its controllers under one identity: that saves a client for each.
	w.user(ca, c, AdminConfig, subject{name: "kubernetes-admin", group: "system:masters"})
	w.user(ca, c, ManagerConfig, subject{name: "system:kube-controller-manager", group: "system:masters"})
	w.user(ca, c, SchedulerConfig, subject{name: "system:kube-scheduler"})
	for _, n := range c.Nodes {
		w.issue(ca, n, subject{name: "system:node:" + n, group: "system:nodes"})
	}
	if len(c.Nodes) > 0 {
		w.issue(ca, "kubelet-client", subject{name: "kube-apiserver-kubelet-client", group: "system:masters"})
	}
	if w.err != nil {
		return fmt.Errorf("make certificates of cluster %s: %w", c.Name, w.err)
	}
	return nil
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

type subject struct {
	name, group string
	addresses   []net.IP
	server      bool
}

// writer keeps the first error; what follows it does nothing.
type writer struct {
	dir    string
	now    time.Time
	serial int64
	err    error
}

func (w *writer) authority(base, name string) authority {
	key := w.key(base)
	t := w.template(subject{name: name})
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage |= x509.KeyUsageCertSign
	t.DNSNames = []string{name}
	der := w.sign(t, t, key, key)
	if w.err != nil {
		return authority{}
	}
	cert, err := x509.ParseCertificate(der)
	w.keep(err)
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	w.file(base+".crt", b)
	return authority{cert: cert, key: key, pem: b}
}

func (w *writer) issue(ca authority, base string, s subject) {
	cert, key := w.pair(ca, s)
	w.file(base+".crt", cert)
	w.file(base+".key", key)
}

func (w *writer) user(ca authority, c Cluster, file string, s subject) {
	cert, key := w.pair(ca, s)
	if w.err != nil {
		return
	}
	b, err := kubeconfig(c, ca.pem, cert, key)
	w.keep(err)
	w.file(file, b)
}

// pair returns a certificate and its key, both as PEM.
func (w *writer) pair(ca authority, s subject) (cert, key []byte) {
	if w.err != nil {
		return nil, nil
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.keep(err)
	t := w.template(s)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if s.server {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		t.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	}
	der := w.sign(t, ca.cert, k, ca.key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), w.encode(k)
}

func (w *writer) template(s subject) *x509.Certificate {
	w.serial++
	t := &x509.Certificate{
		SerialNumber: big.NewInt(w.now.UnixNano() + w.serial),
		Subject:      pkix.Name{CommonName: s.name},
		NotBefore:    w.now.Add(-time.Hour),
		NotAfter:     w.now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		IPAddresses:  s.addresses,
	}
	if s.group != "" {
		t.Subject.Organization = []string{s.group}
	}
	return t
}

func (w *writer) sign(t, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	if w.err != nil {
		return nil
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	w.keep(err)
	return der
}

// key makes base.key.
func (w *writer) key(base string) *ecdsa.PrivateKey {
	if w.err != nil {
		return nil
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.keep(err)
	w.file(base+".key", w.encode(k))
	return k
}

func (w *writer) encode(k *ecdsa.PrivateKey) []byte {
	if w.err != nil {
		return nil
	}
	der, err := x509.MarshalECPrivateKey(k)
	w.keep(err)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

func (w *writer) file(name string, b []byte) {
	if w.err == nil {
		w.keep(os.WriteFile(filepath.Join(w.dir, name), b, 0o600))
	}
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Made tells whether Write makes a file of this name.
func Made(name string) bool {
	switch filepath.Ext(name) {
	case ".crt", ".key", ".kubeconfig":
		return true
	}
	return false
}
