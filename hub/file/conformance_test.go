//go:build linux || darwin

package file_test

import (
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/file"
	"github.com/kubectl-fed/kubectl-fed/hub/hubtest"
)

func TestConformance(t *testing.T) {
	hubtest.Run(t, func(t *testing.T) hub.Bucket {
		b, err := file.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Provision(t.Context()); err != nil {
			t.Fatal(err)
		}
		return b
	})
}
