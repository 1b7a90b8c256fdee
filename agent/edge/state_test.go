package edge

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestKeysAtRest(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, "."+savedFile+"-123")
	for _, path := range []string{half, filepath.Join(dir, savedFile)} {
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := load(dir); err == nil {
		t.Error("a file without a document, and no error")
	}
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("what was half written is still there: %v", err)
	}
	s := &saved{Document: &v1alpha1.Traffic{FederationUID: "fed"}, Certificates: []v1alpha1.Certificate{{Secret: "d/web", Key: []byte("key")}}}
	if err := s.store(dir); err != nil {
		t.Fatal(err)
	}
	i, err := os.Stat(filepath.Join(dir, savedFile))
	if err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", i.Mode(), err)
	}
	if got, err := load(dir); err != nil || len(got.Certificates) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
